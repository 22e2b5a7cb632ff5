/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/blob/compress.h"
#include "rootfs-tools/epoch.h"
#include "rootfs-tools/image/writer.h"
#include "rootfs-tools/tree/tree.h"

/*
 * A layer on its way into an image: members to a tar, hashed for the diff_id,
 * compressed, hashed again, and stored as a blob.
 */
struct layer_result {
	struct stored blob;
	struct digest diff_id;
	const char *media_type;
};

struct layer_writer {
	struct tar_writer tar;		/* where members go */
	struct sink sink;		/* where the tar's bytes go */
	struct arena *arena;
	struct writer *writer;
	struct compressor *compressor;	/* owned */
	struct digest_state diff;	/* owned */
	const char *media_type;
	struct epoch epoch;
	size_t filled;
	unsigned char buffer[1 << 16];
};

int layer_begin(struct arena *arena, struct writer *writer, const struct compress_choice *choice,
		const struct epoch *epoch, struct layer_writer **ret, struct error *err);
/* Ends the blob; the tar's own end must have been written (layer_write_tree() does). */
int layer_end(struct layer_writer *layer, struct layer_result *ret, struct error *err);
void layer_close(struct layer_writer **layer);
#define _cleanup_layer _cleanup(layer_close)

/* The data of a node; returns an fd. */
struct layer_data {
	int (*open)(struct layer_data *data, const struct tree_node *node, struct error *err);
};
/* One name: a whiteout, or its inode, and its data where it is the first name of a file. */
int layer_write_node(struct layer_writer *layer, const struct tree_node *node,
		     struct layer_data *data, struct error *err);
/* All of it, in order, and the end of the tar. */
int layer_write_tree(struct layer_writer *layer, struct tree *tree, struct layer_data *data,
		     struct error *err);
