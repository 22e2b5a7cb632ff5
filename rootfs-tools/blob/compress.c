/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/blob/compress.h"

#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdint.h>
#include <zstd.h>

enum { OUT_SIZE = 1 << 17 };

struct compressor {
	enum compress_kind kind;
	struct sink *out;
	struct gzip_blocks *gzip;
	struct isal_zstream igzip;
	ZSTD_CCtx *zstd;
	unsigned char buffer[OUT_SIZE];
};

static const struct {
	const char *word, *media_type;
	int usual, most;
} kinds[] = {
	[COMPRESS_NONE]	 = { "none", "application/vnd.oci.image.layer.v1.tar", 0, 0 },
	[COMPRESS_GZIP]	 = { "gzip", "application/vnd.oci.image.layer.v1.tar+gzip", 6, 9 },
	[COMPRESS_IGZIP] = { "igzip", "application/vnd.oci.image.layer.v1.tar+gzip", 1, 3 },
	[COMPRESS_ZSTD]	 = { "zstd", "application/vnd.oci.image.layer.v1.tar+zstd", 3, 19 },
};

int compress_choose(const char *word, int level, struct compress_choice *ret, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].word, word != NULL ? word : "gzip") != 0)
			continue;
		if (level > kinds[i].most && kinds[i].most == 0)
			return error_set(err, "--level %d: --compress none has no levels", level);
		if (level > kinds[i].most)
			return error_set(err, "--level %d: %s has levels 1 to %d", level,
					 kinds[i].word, kinds[i].most);
		*ret = (struct compress_choice){ (enum compress_kind)i,
						 level > 0 ? level : kinds[i].usual };
		return 0;
	}
	return error_set(err, "--compress %s: must be %s", word, COMPRESS_WORDS);
}

const char *compress_media_type(enum compress_kind kind)
{
	return kinds[kind].media_type;
}

static void igzip_open(struct arena *arena, struct isal_zstream *z, int level)
{
	static const uint32_t sizes[] = { 0, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
					  ISAL_DEF_LVL3_DEFAULT };

	isal_deflate_init(z);
	z->gzip_flag = IGZIP_GZIP;
	z->level = (uint32_t)level;
	z->level_buf_size = sizes[level];
	z->level_buf = arena_alloc(arena, z->level_buf_size);
}

struct compressor *compress_open(struct arena *arena, const struct compress_choice *choice,
				 struct sink *out, struct error *err)
{
	struct compressor *c = ARENA_NEW(arena, struct compressor);

	c->kind = choice->kind;
	c->out = out;
	switch (c->kind) {
	case COMPRESS_NONE:
		break;
	case COMPRESS_GZIP:
		c->gzip = gzip_blocks_open(arena, choice->level, out, err);
		return c->gzip != NULL ? c : NULL;
	case COMPRESS_IGZIP:
		igzip_open(arena, &c->igzip, choice->level);
		break;
	case COMPRESS_ZSTD:
		c->zstd = ZSTD_createCCtx();
		if (c->zstd == NULL ||
		    ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel,
							choice->level))) {
			compress_close(&c);
			error_set(err, "start zstd: out of memory");
			return NULL;
		}
		break;
	}
	return c;
}

static int igzip_write(struct compressor *c, const void *data, size_t size, bool last,
		       struct error *err)
{
	struct isal_zstream *z = &c->igzip;

	z->next_in = (uint8_t *)(uintptr_t)data;
	z->avail_in = (uint32_t)size;
	z->end_of_stream = last;
	do {
		z->next_out = c->buffer;
		z->avail_out = OUT_SIZE;
		if (isal_deflate(z) != COMP_OK)
			return error_set(err, "compress: igzip has no answer");
		if (sink_write(c->out, c->buffer, OUT_SIZE - z->avail_out, err) < 0)
			return -1;
	} while (z->avail_out == 0 || z->avail_in > 0);
	return 0;
}

static int zstd_write(struct compressor *c, const void *data, size_t size, bool last,
		      struct error *err)
{
	ZSTD_inBuffer in = { data, size, 0 };
	bool more;

	do {
		ZSTD_outBuffer out = { c->buffer, OUT_SIZE, 0 };
		size_t left = ZSTD_compressStream2(c->zstd, &out, &in,
						   last ? ZSTD_e_end : ZSTD_e_continue);

		if (ZSTD_isError(left))
			return error_set(err, "compress: zstd: %s", ZSTD_getErrorName(left));
		if (sink_write(c->out, c->buffer, out.pos, err) < 0)
			return -1;
		more = last ? left > 0 : in.pos < in.size;
	} while (more);
	return 0;
}

static int compress_step(struct compressor *c, const void *data, size_t size, bool last,
			 struct error *err)
{
	switch (c->kind) {
	case COMPRESS_NONE:
		return size > 0 ? sink_write(c->out, data, size, err) : 0;
	case COMPRESS_GZIP:
		return last ? gzip_blocks_finish(c->gzip, err) :
			      gzip_blocks_write(c->gzip, data, size, err);
	case COMPRESS_IGZIP:
		return igzip_write(c, data, size, last, err);
	case COMPRESS_ZSTD:
		return zstd_write(c, data, size, last, err);
	}
	return 0;
}

int compress_write(struct compressor *c, const void *data, size_t size, struct error *err)
{
	return compress_step(c, data, size, false, err);
}

int compress_finish(struct compressor *c, struct error *err)
{
	return compress_step(c, NULL, 0, true, err);
}

void compress_close(struct compressor **compressor)
{
	struct compressor *c = *compressor;

	if (c == NULL)
		return;
	if (c->gzip != NULL)
		gzip_blocks_close(c->gzip);
	if (c->zstd != NULL)
		ZSTD_freeCCtx(c->zstd);
	*compressor = NULL;
}
