/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/tree/layer.h"

/* All files of an image, or of a directory, as a tree, without attributes; data is read
 * again where it is wanted. */
int image_tree_read(struct arena *arena, const struct image *image, struct tree *ret,
		    struct error *err);
/* The data of a regular file of that tree to an fd. */
int image_tree_copy(struct arena *arena, const struct image *image, const struct tree_node *node,
		    int fd, struct error *err);
