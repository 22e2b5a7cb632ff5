/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"
#include "rootfs-tools/blob/sink.h"

/*
 * Bytes compressed on their way to a sink.  gzip is zlib's, in blocks that all
 * CPUs work on: the result depends on the level alone, so an image has the same
 * digest everywhere.  igzip is gzip by ISA-L: five times as fast and larger, and
 * its bytes may depend on the processor.
 */
enum compress_kind { COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_IGZIP, COMPRESS_ZSTD };

struct compress_choice {
	enum compress_kind kind;
	int level;			/* 0: the usual one */
};
/* kind: one of COMPRESS_WORDS, NULL: gzip; level 0: the usual one. */
#define COMPRESS_WORDS	"gzip|zstd|igzip|none"
int compress_choose(const char *kind, int level, struct compress_choice *ret, struct error *err);
/* "application/vnd.oci.image.layer.v1.tar+gzip" */
const char *compress_media_type(enum compress_kind kind);

struct compressor;
struct compressor *compress_open(struct arena *arena, const struct compress_choice *choice,
				 struct sink *out, struct error *err);
int compress_write(struct compressor *compressor, const void *data, size_t size,
		   struct error *err);
/* What is still inside, and the end. */
int compress_finish(struct compressor *compressor, struct error *err);
/* Releases what the libraries keep; also after a failure. */
void compress_close(struct compressor **compressor);

/* gzip_blocks.c */
struct gzip_blocks;
struct gzip_blocks *gzip_blocks_open(struct arena *arena, int level, struct sink *out,
				     struct error *err);
int gzip_blocks_write(struct gzip_blocks *gzip, const void *data, size_t size, struct error *err);
int gzip_blocks_finish(struct gzip_blocks *gzip, struct error *err);
void gzip_blocks_close(struct gzip_blocks *gzip);
