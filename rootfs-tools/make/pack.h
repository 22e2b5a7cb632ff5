/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/make/bundle_config.h"
#include "rootfs-tools/make/session.h"

/*
 * Trees to layers: what a directory holds, or what differs there from an image.
 */

/* All of the directory as one layer. */
int pack_directory(struct session *session, int root_fd, const struct tree_walk_options *options,
		   struct error *err);
/*
 * What must be put on the session's image to get the directory; options->upper: on what the
 * overlay lies.  *ret_empty: there is no difference, and no layer was added.
 */
int pack_changes(struct session *session, int root_fd, const struct tree_walk_options *options,
		 bool *ret_empty, struct error *err);

/* A tree becomes a layer of the session's image; data may be NULL where no file has any. */
int pack_tree(struct session *session, struct tree *tree, struct layer_data *data,
	      struct error *err);

/* The files below a directory that was walked. */
struct directory_data {
	struct layer_data data;
	struct arena *arena;
	int root_fd;
};
struct directory_data directory_data(struct arena *arena, int root_fd);

/* mksquashfs and mkfs.erofs, for "squashfs:FILE" and "erofs:FILE"; false: it is neither. */
bool pack_is_file_system(const char *reference);
int pack_file_system(struct arena *arena, const char *reference, int root_fd,
		     const struct tree_walk_options *options, struct error *err);
