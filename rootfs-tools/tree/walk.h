/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"
#include "rootfs-tools/tree/tree.h"

/*
 * A directory as a tree.  Nothing in it is followed, no other file system is
 * entered, sockets are left out (no layer can hold one), and so are attributes
 * that belong to the host and not to the file: labels, overlayfs' own.
 */
struct tree_walk_options {
	const char *const *masked;	/* paths to leave out, with all below them */
	size_t masked_count;
	id_map_list uid_maps, gid_maps;	/* empty: ids as they are */
	bool rootless;			/* owners from user.rootlesscontainers */
	/* An overlay's upper directory: its whiteouts and opaque directories become the tree's. */
	bool upper;
	bool digests;			/* of each file's data */
};
int tree_walk(struct tree *tree, int root_fd, const struct tree_walk_options *options,
	      struct error *err);
/* Of base/option.h. */
#define MASK_OPTION_ROW(s, m) \
	OPTION_ROW_LIST("mask-path", 0, s, m, "PATH", \
			"leave out what is at that path and below; may come again")
/* Whether the path is one of the masked, or below one. */
bool tree_is_masked(const char *const *masked, size_t count, const char *path);

/* One file of a directory alone, no directory itself: the only child of the tree's root. */
int tree_walk_file(struct tree *tree, int dir_fd, const char *name,
		   const struct tree_walk_options *options, const struct tree_node **ret,
		   struct error *err);

/* The data of a node of that tree: the file that the walk saw, or an error.  Returns an fd. */
int tree_open_file(struct arena *arena, int root_fd, const struct tree_node *node,
		   struct error *err);
/* The same of a node that was moved, whose file is at path. */
int tree_open_path(struct arena *arena, int root_fd, const char *path,
		   const struct tree_inode *inode, struct error *err);
