/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Decompression behind one call: ISA-L for gzip, libzstd for zstd, libarchive's filters for xz
 * and bzip2, nothing for nothing.  It asks for stored bytes when it needs more.  Members and
 * frames one behind the other are one stream, as gzip and zstd have it; an end in the middle
 * of one, and bytes behind the last that are none, are errors.
 */

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD, COMPRESSION_XZ,
		   COMPRESSION_BZIP2, COMPRESSION_DETECT };

/* More stored bytes, which stay until the next call; 0 at their end, -1 and *err. */
typedef ssize_t inflate_fill(void *context, const unsigned char **ret_data, struct error *err);

/*
 * The window of a zstd frame, 32 MiB: what level 20 uses.  A frame may ask for gigabytes, and the
 * unpacker's memory is bounded.
 */
enum { INFLATE_ZSTD_WINDOW_LOG = 25 };

struct inflate {
	enum compression compression;
	inflate_fill *fill;
	void *context;
	void *state;			/* the library's */
	const unsigned char *in;	/* what it has not taken yet */
	size_t in_size;
	bool started, inside;		/* inside: of a member or frame */
	struct error *err;		/* for a callback that fails inside a library */
	uint64_t given;			/* stored bytes that a library was given */
};

/* What the bytes begin with; at least 6 of them. */
enum compression compression_detect(const unsigned char *data, size_t size);

/* compression: not DETECT. */
int inflate_open(struct inflate *inflate, enum compression compression, inflate_fill *fill,
		 void *context, struct error *err);
/* Up to room bytes; 0 at the end, -1 and *err. */
ssize_t inflate_read(struct inflate *inflate, unsigned char *out, size_t room, struct error *err);
void inflate_close(struct inflate *inflate);
