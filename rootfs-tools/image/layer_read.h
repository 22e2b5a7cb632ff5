/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/blob/sink.h"
#include "rootfs-tools/tar/tar.h"

/*
 * The entries of a layer, for who wants to know them and not to unpack them.
 * A confined process (confine.h) decompresses the layer, verifies it, reads the
 * tar, and says over a pipe what it found, in records of a format that leaves
 * nothing to interpret; this side checks their sizes and no more.
 */
struct layer_read {
	const struct image *image;
	size_t layer;
	bool digests;			/* of each file's data */
	/* Is the data of entry number wanted?  Asked on the confined side.  NULL: of none. */
	bool (*wanted)(void *context, uint32_t number);
	/* The entry stays until the next.  digest: of a file, in hexadecimal digits, or NULL. */
	int (*entry)(void *context, const struct tar_entry *entry, const char *digest,
		     uint32_t number, struct error *err);
	/* What was wanted, behind its entry, holes as zeroes. */
	int (*data)(void *context, const void *data, size_t size, struct error *err);
	void *context;
};
int layer_read(const struct layer_read *read, struct error *err);

/* The decompressed tar itself, verified when 0 is returned and not before. */
int layer_read_tar(struct arena *arena, const struct image *image, size_t layer, struct sink *out,
		   struct error *err);
