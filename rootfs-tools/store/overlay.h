/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/store/store.h"

/*
 * Layers of a store on top of each other, as overlayfs will show them: for the few files that are
 * wanted of an image before there is a mount.  One directory alone, without marks of overlayfs,
 * is read the same way.
 *
 * Symlinks are followed inside, at most 40; ".." stays below the root; of a layer nothing is
 * opened through a symlink.  What is found is what a container would find there.
 */
enum { OVERLAY_MAX_DEPTH = 256 };

struct overlay {
	struct arena *arena;
	const int *layer_fds;		/* the highest first; borrowed */
	size_t count;
	bool user_xattr;		/* which marks count */
};

/* A directory's part in the highest layer that has one, and its path without symlinks. */
int overlay_open_directory(const struct overlay *overlay, const char *path, const char **ret_real,
			   struct error *err);
/* Whole, at most limit bytes. */
int overlay_read(const struct overlay *overlay, const char *path, size_t limit, char **ret_text,
		 size_t *ret_size, struct error *err);
