/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/source.h"
#include "rootfs-tools/tree/tree.h"

/*
 * Layers on top of each other, as a tree: what unpacking them would give, by
 * the rules of unpack.h, without writing a file.  The layers are read by confined
 * processes, and verified (layer_read.h).
 */
enum {
	TREE_DIGESTS = 1,	/* the digest of each file's data, too */
	/*
	 * There is something below that is not in the tree: whiteouts and opaque directories
	 * stay, and hard links to what is not there become inodes of mode 0 with a target.
	 */
	TREE_PARTIAL = 2,
	TREE_NO_XATTRS = 4,		/* nobody will ask for them */
};
int tree_add_layers(struct tree *tree, const struct image *image, size_t first, size_t count,
		    unsigned int flags, struct error *err);

/*
 * The data of regular files once more, for those that have a name in the tree: called for each
 * of them in the order of the layers, and then with its bytes, holes as zeroes.
 */
struct tree_reader {
	int (*file)(struct tree_reader *reader, struct tree_inode *inode, struct error *err);
	int (*data)(struct tree_reader *reader, const void *data, size_t size, struct error *err);
};
int tree_read_layers(struct tree *tree, const struct image *image, struct tree_reader *reader,
		     struct error *err);
