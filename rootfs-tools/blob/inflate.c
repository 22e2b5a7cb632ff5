/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/blob/inflate.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <sys/mman.h>
#include <zstd.h>

/* --- what it is ------------------------------------------------------------------------ */

static const struct magic {
	enum compression compression;
	const char *name, *bytes;
	size_t size;
} magics[] = {
	{ COMPRESSION_GZIP, "gzip", "\x1f\x8b", 2 },
	{ COMPRESSION_ZSTD, "zstd", "\x28\xb5\x2f\xfd", 4 },
	{ COMPRESSION_XZ, "xz", "\xfd" "7zXZ\0", 6 },
	{ COMPRESSION_BZIP2, "bzip2", "BZh", 3 },
};

enum compression compression_detect(const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (size >= magics[i].size && memcmp(data, magics[i].bytes, magics[i].size) == 0)
			return magics[i].compression;
	return COMPRESSION_NONE;
}

static const char *compression_name(enum compression compression)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (magics[i].compression == compression)
			return magics[i].name;
	return "no compression";
}

/* Makes sure that there are bytes in inflate->in, but at the end: 0. */
static ssize_t refill(struct inflate *inflate, struct error *err)
{
	ssize_t size;

	if (inflate->in_size > 0)
		return (ssize_t)inflate->in_size;
	size = inflate->fill(inflate->context, &inflate->in, err);
	inflate->in_size = size > 0 ? (size_t)size : 0;
	return size;
}

/* --- gzip ------------------------------------------------------------------------------ */

static const char *gzip_error(int code)
{
	switch (code) {
	case ISAL_INVALID_WRAPPER:
		return "no gzip header where one belongs";
	case ISAL_UNSUPPORTED_METHOD:
		return "a compression method other than deflate";
	case ISAL_INCORRECT_CHECKSUM:
		return "wrong check sum";
	case ISAL_INVALID_BLOCK:
		return "a block of no known type";
	case ISAL_INVALID_LOOKBACK:
		return "a reference to before its beginning";
	default:
		return "an invalid code";
	}
}

static int gzip_open(struct inflate *inflate, struct error *err)
{
	/* Not on the arena: it is given back when the layer has been read. */
	void *memory = mmap(NULL, sizeof(struct inflate_state), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return error_errno(err, "map memory");
	inflate->state = memory;
	isal_inflate_init(inflate->state);
	return 0;
}

/* A new member, when there are bytes for one.  1: there is one, 0: the end, -1. */
static int gzip_member(struct inflate *inflate, struct error *err)
{
	struct inflate_state *state = inflate->state;
	ssize_t size = refill(inflate, err);

	if (size < 0)
		return -1;
	if (size == 0)
		return inflate->started ? 0 : error_set(err, "decompress gzip: it is empty");
	isal_inflate_reset(state);
	state->crc_flag = ISAL_GZIP;
	inflate->started = inflate->inside = true;
	return 1;
}

static ssize_t gzip_read(struct inflate *inflate, unsigned char *out, size_t room,
			 struct error *err)
{
	struct inflate_state *state = inflate->state;
	size_t done = 0;

	while (done < room) {
		ssize_t size = inflate->inside ? refill(inflate, err) : gzip_member(inflate, err);
		int code;

		if (size < 0)
			return -1;
		if (size == 0 && !inflate->inside)
			break;
		state->next_in = (unsigned char *)inflate->in;
		state->avail_in = (uint32_t)inflate->in_size;
		state->next_out = out + done;
		state->avail_out = (uint32_t)(room - done);
		code = isal_inflate(state);
		if (code != ISAL_DECOMP_OK && code != ISAL_END_INPUT && code != ISAL_OUT_OVERFLOW)
			return error_set(err, "decompress gzip: %s", gzip_error(code));
		if (size == 0 && state->next_out == out + done &&
		    state->block_state != ISAL_BLOCK_FINISH)
			return error_set(err, "decompress gzip: it is cut off");
		done = (size_t)(state->next_out - out);
		inflate->in = state->next_in;
		inflate->in_size = state->avail_in;
		inflate->inside = state->block_state != ISAL_BLOCK_FINISH;
	}
	return (ssize_t)done;
}

/* --- zstd ------------------------------------------------------------------------------ */

static int zstd_open(struct inflate *inflate, struct error *err)
{
	inflate->state = ZSTD_createDCtx();
	if (inflate->state == NULL)
		return error_set(err, "decompress zstd: out of memory");
	ZSTD_DCtx_setParameter(inflate->state, ZSTD_d_windowLogMax, INFLATE_ZSTD_WINDOW_LOG);
	return 0;
}

static int zstd_error(size_t code, struct error *err)
{
	error_set(err, "decompress zstd: %s", ZSTD_getErrorName(code));
	if (strstr(err->text, "too much memory") != NULL)
		error_hint(err, "at most %d MiB, as for zstd's levels up to 20, is given",
			   1 << (INFLATE_ZSTD_WINDOW_LOG - 20));
	return -1;
}

static ssize_t zstd_read(struct inflate *inflate, unsigned char *out, size_t room,
			 struct error *err)
{
	ZSTD_outBuffer output = { .dst = out, .size = room };

	while (output.pos < room) {
		ssize_t size = refill(inflate, err);
		ZSTD_inBuffer input = { .src = inflate->in, .size = inflate->in_size };
		size_t before = output.pos, code;

		if (size < 0)
			return -1;
		if (size == 0 && !inflate->inside)
			break;
		code = ZSTD_decompressStream(inflate->state, &output, &input);
		if (ZSTD_isError(code))
			return zstd_error(code, err);
		if (size == 0 && output.pos == before && code != 0)
			return error_set(err, "decompress zstd: it is cut off");
		inflate->in += input.pos;
		inflate->in_size -= input.pos;
		inflate->inside = code != 0;
	}
	return (ssize_t)output.pos;
}

/* --- xz and bzip2 ---------------------------------------------------------------------- */

static la_ssize_t filter_fill(struct archive *archive, void *context, const void **ret_data)
{
	struct inflate *inflate = context;
	const unsigned char *data = NULL;
	ssize_t size = inflate->fill(inflate->context, &data, inflate->err);

	*ret_data = data;
	if (size < 0)
		archive_set_error(archive, EIO, "%s", inflate->err->text);
	else
		inflate->given += (uint64_t)size;
	return size;
}

static int filter_fail(struct inflate *inflate, struct error *err)
{
	const char *text = archive_error_string(inflate->state);

	return error_set(err, "decompress %s: %s", compression_name(inflate->compression),
			 text != NULL ? text : "it is damaged");
}

static int filter_open(struct inflate *inflate, struct error *err)
{
	struct archive_entry *entry;
	struct archive *archive = archive_read_new();

	if (archive == NULL)
		return error_set(err, "decompress: out of memory");
	inflate->state = archive;
	inflate->err = err;
	archive_read_support_format_raw(archive);
	archive_read_support_format_empty(archive);
	if (inflate->compression == COMPRESSION_XZ)
		archive_read_support_filter_xz(archive);
	else
		archive_read_support_filter_bzip2(archive);
	if (archive_read_open(archive, inflate, NULL, filter_fill, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return filter_fail(inflate, err);
	return 0;
}

static ssize_t filter_read(struct inflate *inflate, unsigned char *out, size_t room,
			   struct error *err)
{
	la_ssize_t size;

	inflate->err = err;
	size = archive_read_data(inflate->state, out, room);
	if (size < 0)
		return filter_fail(inflate, err);
	/* libarchive stops at what is no bzip2 as if it were the end. */
	if (size == 0 && (uint64_t)archive_filter_bytes(inflate->state, -1) != inflate->given)
		return error_set(err, "decompress %s: there is something else behind it",
				 compression_name(inflate->compression));
	return size;
}

/* --- nothing, and the face ------------------------------------------------------------- */

static ssize_t plain_read(struct inflate *inflate, unsigned char *out, size_t room,
			  struct error *err)
{
	ssize_t size = refill(inflate, err);

	if (size <= 0)
		return size;
	if ((size_t)size > room)
		size = (ssize_t)room;
	memcpy(out, inflate->in, (size_t)size);
	inflate->in += size;
	inflate->in_size -= (size_t)size;
	return size;
}

int inflate_open(struct inflate *inflate, enum compression compression, inflate_fill *fill,
		 void *context, struct error *err)
{
	*inflate = (struct inflate){
		.compression = compression, .fill = fill, .context = context,
	};
	switch (compression) {
	case COMPRESSION_GZIP:
		return gzip_open(inflate, err);
	case COMPRESSION_ZSTD:
		return zstd_open(inflate, err);
	case COMPRESSION_XZ:
	case COMPRESSION_BZIP2:
		return filter_open(inflate, err);
	default:
		return 0;
	}
}

ssize_t inflate_read(struct inflate *inflate, unsigned char *out, size_t room, struct error *err)
{
	switch (inflate->compression) {
	case COMPRESSION_GZIP:
		return gzip_read(inflate, out, room, err);
	case COMPRESSION_ZSTD:
		return zstd_read(inflate, out, room, err);
	case COMPRESSION_XZ:
	case COMPRESSION_BZIP2:
		return filter_read(inflate, out, room, err);
	default:
		return plain_read(inflate, out, room, err);
	}
}

void inflate_close(struct inflate *inflate)
{
	if (inflate->state == NULL)
		return;
	if (inflate->compression == COMPRESSION_GZIP)
		munmap(inflate->state, sizeof(struct inflate_state));
	else if (inflate->compression == COMPRESSION_ZSTD)
		ZSTD_freeDCtx(inflate->state);
	else
		archive_read_free(inflate->state);
	inflate->state = NULL;
}
