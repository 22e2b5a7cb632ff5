/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tar/parse.h"

#include <errno.h>
#include <stdarg.h>

#include "base/text.h"

struct tar *tar_open(struct arena *arena, struct stream *stream)
{
	struct tar *tar = ARENA_NEW(arena, struct tar);

	tar->arena = arena;
	tar->stream = stream;
	return tar;
}

struct tar *tar_open_file(struct arena *arena, int fd)
{
	struct tar *tar = tar_open(arena, NULL);

	tar->fd = fd;
	tar->buffer = arena_alloc(arena, TAR_BUFFER_SIZE);
	return tar;
}

uint64_t tar_data_offset(const struct tar *tar)
{
	return tar->position;
}

int tar_fail(struct tar *tar, struct error *err, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (tar->path.set)
		return error_set(err, "tar: entry %ju (%.300s): %s", (uintmax_t)tar->entries,
				 text_printable(tar->arena, tar->path.text), what);
	return error_set(err, "tar: entry %ju, at byte %ju: %s", (uintmax_t)tar->entries,
			 (uintmax_t)tar->position, what);
}

/* --- bytes ----------------------------------------------------------------------------- */

static ssize_t file_next(struct tar *tar, struct error *err)
{
	ssize_t size;

	do {
		size = pread(tar->fd, tar->buffer, TAR_BUFFER_SIZE, (off_t)tar->position);
	} while (size < 0 && errno == EINTR);
	tar->chunk = tar->buffer;
	return size >= 0 ? size : error_errno(err, "tar: read");
}

/* 1 when there are bytes in tar->chunk, 0 at the end of the stream. */
static int chunk_fill(struct tar *tar, struct error *err)
{
	ssize_t size;

	if (tar->chunk_size > 0)
		return 1;
	if (tar->stream != NULL)
		size = stream_next(tar->stream, &tar->chunk, err);
	else
		size = file_next(tar, err);
	if (size > 0)
		tar->chunk_size = (size_t)size;
	return size > 0 ? 1 : (int)size;
}

/* At most size bytes, without a copy; 0 at the end of the stream. */
static ssize_t take(struct tar *tar, uint64_t size, const unsigned char **ret_data,
		    struct error *err)
{
	int more = chunk_fill(tar, err);

	if (more <= 0)
		return more;
	if (size > tar->chunk_size)
		size = tar->chunk_size;
	*ret_data = tar->chunk;
	tar->chunk += size;
	tar->chunk_size -= size;
	tar->position += size;
	return (ssize_t)size;
}

int tar_read(struct tar *tar, void *data, size_t size, struct error *err)
{
	size_t done = 0;

	while (done < size) {
		const unsigned char *from;
		ssize_t taken = take(tar, size - done, &from, err);

		if (taken < 0)
			return -1;
		if (taken == 0)
			return tar_fail(tar, err, "the archive is cut off%s",
					tar->position < sizeof(tar->block) ? ": is this a tar?" :
									     "");
		memcpy((char *)data + done, from, (size_t)taken);
		done += (size_t)taken;
	}
	return 0;
}

int tar_read_data(struct tar *tar, void *data, size_t size, struct error *err)
{
	if (size > tar->left)
		return tar_fail(tar, err, "its data ends too early");
	tar->left -= size;
	return tar_read(tar, data, size, err);
}

static int skip(struct tar *tar, uint64_t size, struct error *err)
{
	if (tar->stream == NULL && size > tar->chunk_size) {
		tar->position += size;
		tar->chunk_size = 0;
		return 0;
	}
	while (size > 0) {
		const unsigned char *data;
		ssize_t taken = take(tar, size, &data, err);

		if (taken < 0)
			return -1;
		if (taken == 0)
			return tar_fail(tar, err, "the archive is cut off");
		size -= (uint64_t)taken;
	}
	return 0;
}

/* To the next block.  umoci's "insert" ends its tars behind the last byte of data. */
static int skip_padding(struct tar *tar, struct error *err)
{
	const unsigned char *data;
	uint64_t left = tar->padding;
	ssize_t taken = 1;

	while (left > 0 && taken > 0) {
		taken = take(tar, left, &data, err);
		if (taken > 0)
			left -= (uint64_t)taken;
	}
	return taken < 0 ? -1 : 0;
}

/* --- the end --------------------------------------------------------------------------- */

/*
 * Two blocks of zeroes, and behind them nothing but zeroes: some programs go on there, some
 * do not, so what they unpack would depend on the program.  1: this is the end.
 */
static int end_read(struct tar *tar, struct error *err)
{
	const unsigned char *data;
	ssize_t size;

	tar->path.set = false;
	while ((size = take(tar, UINT64_MAX, &data, err)) > 0)
		for (ssize_t i = 0; i < size; i++)
			if (data[i] != 0)
				return tar_fail(tar, err, "there is data behind the end of the "
						"archive");
	return size < 0 ? -1 : 1;
}

/* The next header to tar->block; 1: there is none. */
static int block_read(struct tar *tar, struct error *err)
{
	int more = chunk_fill(tar, err);

	if (more < 0)
		return -1;
	if (more == 0)		/* no blocks of zeroes: seldom, and all accept it */
		return 1;
	if (tar_read(tar, tar->block, sizeof(tar->block), err) < 0)
		return -1;
	if (tar_is_zero(tar->block))
		return end_read(tar, err);
	if (!tar_checksum_is_right(tar->block))
		return tar_fail(tar, err, "the header's check sum is wrong%s",
				tar->position > sizeof(tar->block) ? "" : ": is this a tar?");
	return 0;
}

/* --- entries --------------------------------------------------------------------------- */

/* GNU's long name: the data of an entry of type L or K. */
static int long_name_read(struct tar *tar, struct tar_name *name, uint64_t size,
			  struct error *err)
{
	if (name->set)
		return tar_fail(tar, err, "has two names");
	if (size == 0 || size > sizeof(name->text))
		return tar_fail(tar, err, "its name is %ju bytes long, and at most %zu are read",
				(uintmax_t)size, sizeof(name->text));
	memset(name->text, 0, sizeof(name->text));
	if (tar_read(tar, name->text, size, err) < 0 ||
	    skip(tar, -size % TAR_BLOCK_SIZE, err) < 0)
		return -1;
	if (name->text[size - 1] != '\0')
		return tar_fail(tar, err, "its long name has no end");
	if (strlen(name->text) != size - 1)
		return tar_fail(tar, err, "its long name holds a NUL");
	name->set = true;
	return 0;
}

/* What stands in front of an entry and belongs to it.  1: it was such a header. */
static int prelude_read(struct tar *tar, struct error *err)
{
	char type = (char)tar->block[156];
	uint64_t size;
	int code;

	if (strchr("xgLKX", type) == NULL || type == '\0')
		return 0;
	if (!tar_number(tar->block + 124, 12, &size))
		return tar_fail(tar, err, "its header's size is no number");
	if (type == 'L')
		code = long_name_read(tar, &tar->path, size, err);
	else if (type == 'K')
		code = long_name_read(tar, &tar->link, size, err);
	else if (type != 'g' && tar->seen_pax)
		return tar_fail(tar, err, "has two pax headers");
	else
		code = tar_pax_read(tar, size, type == 'g', err);
	if (code == 0 && type != 'L' && type != 'K')
		code = skip(tar, -size % TAR_BLOCK_SIZE, err);
	return code == 0 ? 1 : -1;
}

static void forget(struct tar *tar)
{
	tar->path.set = tar->link.set = tar->seen_pax = false;
	tar->pax_size = tar->pax_uid = tar->pax_gid = tar->pax_mtime = tar->pax_atime = false;
	tar->pax_user = tar->pax_group = false;
	tar->xattr_count = 0;
	tar->sparse = (struct tar_sparse){ .pieces = tar->sparse.pieces, .expected = UINT64_MAX };
	tar->entry = (struct tar_entry){ 0 };
	tar->piece = 0;
	tar->in_piece = 0;
}

/* What is stored, and where it belongs. */
static int data_begin(struct tar *tar, struct error *err)
{
	struct tar_entry *entry = &tar->entry;
	struct tar_sparse *sparse = &tar->sparse;

	tar->left = entry->type == TAR_FILE ? entry->size : 0;
	tar->padding = -tar->left % TAR_BLOCK_SIZE;
	if (entry->type == TAR_FILE && tar->block[156] == 'S' && tar_sparse_read_old(tar, err) < 0)
		return -1;
	if (!sparse->present)
		return 0;
	if (entry->type != TAR_FILE)
		return tar_fail(tar, err, "is no file, and has a map of holes");
	if (sparse->map_in_data && tar_sparse_read_map(tar, err) < 0)
		return -1;
	if (tar_sparse_check(tar, err) < 0)
		return -1;
	entry->is_sparse = true;
	entry->size = sparse->size;
	entry->sparse.items = sparse->pieces;
	entry->sparse.count = sparse->count;
	return 0;
}

int tar_next(struct tar *tar, const struct tar_entry **ret, struct error *err)
{
	bool begun = false;
	int code;

	if (skip(tar, tar->left, err) < 0 || skip_padding(tar, err) < 0)
		return -1;
	tar->left = tar->padding = 0;
	forget(tar);
	tar->entries++;
	do {
		code = block_read(tar, err);
		if (code == 1 && begun)
			return tar_fail(tar, err, "the archive is cut off");
		if (code != 0)
			return code < 0 ? -1 : 0;
		code = prelude_read(tar, err);
		begun = code == 1 && tar->block[156] != 'g';
	} while (code == 1);
	if (code < 0 || tar_header_read(tar, err) < 0 || data_begin(tar, err) < 0)
		return -1;
	*ret = &tar->entry;
	return 1;
}

ssize_t tar_data(struct tar *tar, const unsigned char **ret_data, uint64_t *ret_offset,
		 struct error *err)
{
	const struct tar_entry *entry = &tar->entry;
	uint64_t room = tar->left, offset = tar->in_piece;
	ssize_t size;

	while (entry->is_sparse && tar->piece < entry->sparse.count &&
	       tar->in_piece == entry->sparse.items[tar->piece].size) {
		tar->piece++;
		tar->in_piece = 0;
	}
	if (tar->left == 0)
		return 0;
	if (entry->is_sparse) {
		offset = entry->sparse.items[tar->piece].offset + tar->in_piece;
		room = entry->sparse.items[tar->piece].size - tar->in_piece;
	}
	size = take(tar, room, ret_data, err);
	if (size < 0)
		return -1;
	if (size == 0)
		return tar_fail(tar, err, "the archive is cut off");
	tar->left -= (uint64_t)size;
	tar->in_piece += (uint64_t)size;
	*ret_offset = offset;
	return size;
}
