/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/layer_read.h"

#include <errno.h>

#include "base/fd.h"
#include "rootfs-tools/confine/wire.h"
#include "rootfs-tools/image/source.h"

/* What goes over the pipe for an entry; path, link and attributes follow, then digest and data. */
struct record {
	uint64_t size;
	int64_t mtime;
	uint32_t type, mode, uid, gid, major, minor, mtime_ns;
	uint32_t path_size, link_size, xattr_count;
	uint32_t has_digest, has_data;
};
struct xattr_record {
	uint32_t name_size, value_size;
};
enum { NAME_MAX_SIZE = 256, HEX_SIZE = 2 * 32 };

struct job {
	const struct layer_read *read;	/* NULL: the tar itself is wanted */
	const struct image *image;
	size_t layer;
	struct blob blob;
	struct wire_out wire;
};

/* --- the confined side ---------------------------------------------------------------- */

static int put_zeroes(struct wire_out *wire, uint64_t size, struct error *err)
{
	static const char zeroes[1 << 12];

	while (size > 0) {
		size_t here = size < sizeof(zeroes) ? (size_t)size : sizeof(zeroes);

		if (wire_put(wire, zeroes, here, err) < 0)
			return -1;
		size -= here;
	}
	return 0;
}

static void hash_zeroes(struct digest_state *state, uint64_t size)
{
	static const char zeroes[1 << 12];

	while (size > 0) {
		size_t here = size < sizeof(zeroes) ? (size_t)size : sizeof(zeroes);

		digest_update(state, zeroes, here);
		size -= here;
	}
}

static int hash_data(struct tar *tar, uint64_t size, struct digest *ret, struct error *err)
{
	_cleanup_digest struct digest_state state;
	uint64_t done = 0, offset;
	const unsigned char *data;
	ssize_t n;

	digest_begin(&state, NULL);
	while ((n = tar_data(tar, &data, &offset, err)) > 0) {
		hash_zeroes(&state, offset - done);
		digest_update(&state, data, (size_t)n);
		done = offset + (uint64_t)n;
	}
	hash_zeroes(&state, size - done);
	digest_end(&state, ret);
	return n < 0 ? -1 : 0;
}

static int put_data(struct wire_out *wire, struct tar *tar, uint64_t size, struct error *err)
{
	uint64_t done = 0, offset;
	const unsigned char *data;
	ssize_t n;

	while ((n = tar_data(tar, &data, &offset, err)) > 0) {
		if (put_zeroes(wire, offset - done, err) < 0 ||
		    wire_put(wire, data, (size_t)n, err) < 0)
			return -1;
		done = offset + (uint64_t)n;
	}
	return n < 0 ? -1 : put_zeroes(wire, size - done, err);
}

static int put_xattrs(struct wire_out *wire, const struct tar_entry *e, struct error *err)
{
	LIST_EACH(xattr, e->xattrs) {
		struct xattr_record record = { (uint32_t)strlen(xattr->name),
					       (uint32_t)xattr->size };

		if (wire_put(wire, &record, sizeof(record), err) < 0 ||
		    wire_put(wire, xattr->name, record.name_size, err) < 0 ||
		    wire_put(wire, xattr->value, record.value_size, err) < 0)
			return -1;
	}
	return 0;
}

static int put_entry(struct job *job, struct tar *tar, const struct tar_entry *e, uint32_t number,
		     struct error *err)
{
	const struct layer_read *read = job->read;
	bool is_file = e->type == TAR_FILE;
	struct record record = {
		.size = is_file ? e->size : 0, .mtime = e->mtime.tv_sec, .type = e->type,
		.mode = e->mode, .uid = (uint32_t)e->uid, .gid = (uint32_t)e->gid,
		.major = e->major, .minor = e->minor, .mtime_ns = (uint32_t)e->mtime.tv_nsec,
		.path_size = (uint32_t)strlen(e->path), .link_size = (uint32_t)strlen(e->link),
		.xattr_count = (uint32_t)e->xattrs.count, .has_digest = is_file && read->digests,
		.has_data = is_file && read->wanted != NULL && read->wanted(read->context, number),
	};
	struct digest digest;

	if (wire_put(&job->wire, &record, sizeof(record), err) < 0 ||
	    wire_put(&job->wire, e->path, record.path_size, err) < 0 ||
	    wire_put(&job->wire, e->link, record.link_size, err) < 0 ||
	    put_xattrs(&job->wire, e, err) < 0)
		return -1;
	if (record.has_digest)
		return hash_data(tar, e->size, &digest, err) < 0 ?
			       -1 : wire_put(&job->wire, digest_hex(&digest), HEX_SIZE, err);
	return record.has_data ? put_data(&job->wire, tar, e->size, err) : 0;
}

static int put_tar(struct job *job, struct stream *stream, struct error *err)
{
	const unsigned char *data;
	ssize_t n;

	while ((n = stream_next(stream, &data, err)) > 0)
		if (wire_put(&job->wire, data, (size_t)n, err) < 0)
			return -1;
	return (int)n;
}

/* As unpack has it: a hole of a PiB would be hashed or written, and names cost memory. */
static int check_bounds(const struct tar_entry *e, uint64_t number, uint64_t *left,
			struct error *err)
{
	if (number >= IMAGE_MAX_ENTRIES)
		return error_set(err, "the layer has more than %ju entries: refused",
				 (uintmax_t)IMAGE_MAX_ENTRIES);
	if (e->size > *left)
		return error_set(err, "%.300s: files are larger than %ju bytes together: refused",
				 e->path, (uintmax_t)IMAGE_MAX_BYTES);
	*left -= e->size;
	return 0;
}

static int put_entries(struct job *job, struct arena *arena, struct stream *stream,
		       struct error *err)
{
	struct tar *tar = tar_open(arena, stream);
	const struct tar_entry *entry;
	uint64_t left = IMAGE_MAX_BYTES;
	uint32_t number = 0;
	int more;

	while ((more = tar_next(tar, &entry, err)) > 0)
		if (check_bounds(entry, number, &left, err) < 0 ||
		    put_entry(job, tar, entry, number++, err) < 0)
			return -1;
	return more;
}

static int work(void *context, int root_fd _unused, int out, struct error *err)
{
	struct arena arena = { 0 };	/* given back by the end of the process */
	struct job *job = context;
	struct stream_result result;
	struct stream *stream;
	int status;

	job->wire.out = out;
	stream = image_layer_stream(&arena, job->image, job->layer, &job->blob, NULL, err);
	if (stream == NULL)
		return -1;
	status = job->read != NULL ? put_entries(job, &arena, stream, err) :
				     put_tar(job, stream, err);
	if (status < 0 || stream_finish(stream, &result, err) < 0)
		return -1;
	return wire_flush(&job->wire, err);
}

/* --- this side ------------------------------------------------------------------------ */

static int start(struct job *job, struct confined *ret, struct error *err)
{
	const struct confined_request request = {
		.root_fd = -EBADF, .fds = &job->blob.fd, .fd_count = 1, .work = work,
		.context = job,
	};
	int status;

	if (image_layer_open(job->image, job->layer, &job->blob, err) < 0)
		return -1;
	status = confined_start(&request, ret, err);
	fd_close(&job->blob.fd);
	return status;
}

/* A text of the record; 1 behind the NUL that it gets. */
static int get_text(struct wire_in *wire, char *text, uint32_t size, size_t room,
		    struct error *err)
{
	if (size >= room)
		return error_set(err, "the reader of the layer sent a name that is too long");
	text[size] = '\0';
	return wire_demand(wire, text, size, err);
}

/* Of one entry: the next one's take their place. */
struct texts {
	char path[TAR_MAX_PATH + 1], link[TAR_MAX_PATH + 1], digest[HEX_SIZE + 1];
	struct tar_xattr xattrs[TAR_MAX_XATTRS];
	char xattr_bytes[TAR_MAX_HEADER];	/* one header holds them all, and more than they */
};

static int get_xattrs(struct wire_in *wire, uint32_t count, struct texts *texts,
		      struct tar_entry *e, struct error *err)
{
	char *name = texts->xattr_bytes, *end = name + sizeof(texts->xattr_bytes), *value;

	if (count > TAR_MAX_XATTRS)
		return error_set(err, "the reader of the layer sent too many attributes");
	e->xattrs.items = texts->xattrs;
	e->xattrs.count = count;
	LIST_EACH(xattr, e->xattrs) {
		struct xattr_record record;

		if (wire_demand(wire, &record, sizeof(record), err) < 0)
			return -1;
		if (record.name_size >= NAME_MAX_SIZE ||
		    (uint64_t)record.name_size + 1 + record.value_size > (size_t)(end - name))
			return error_set(err, "the reader of the layer sent long attributes");
		value = name + record.name_size + 1;
		value[-1] = '\0';
		*xattr = (struct tar_xattr){ name, value, record.value_size };
		if (wire_demand(wire, name, record.name_size, err) < 0 ||
		    wire_demand(wire, value, record.value_size, err) < 0)
			return -1;
		name = value + record.value_size;
	}
	return 0;
}

static int get_entry(struct wire_in *wire, const struct record *r, struct texts *texts,
		     struct tar_entry *ret, struct error *err)
{
	*ret = (struct tar_entry){
		.path = texts->path, .link = texts->link, .type = (enum tar_type)r->type,
		.mode = r->mode & 07777, .uid = r->uid, .gid = r->gid, .user = "", .group = "",
		.mtime = { (time_t)r->mtime, r->mtime_ns }, .size = r->size, .major = r->major,
		.minor = r->minor,
	};
	if (r->type > TAR_FIFO || r->mtime_ns >= 1000000000)
		return error_set(err, "the reader of the layer sent no entry");
	if (get_text(wire, texts->path, r->path_size, sizeof(texts->path), err) < 0 ||
	    get_text(wire, texts->link, r->link_size, sizeof(texts->link), err) < 0 ||
	    get_xattrs(wire, r->xattr_count, texts, ret, err) < 0)
		return -1;
	return r->has_digest ?
		       get_text(wire, texts->digest, HEX_SIZE, sizeof(texts->digest), err) : 0;
}

static int get_data(struct wire_in *wire, uint64_t size, const struct layer_read *read,
		    struct error *err)
{
	while (size > 0) {
		const char *data;
		size_t most = size < WIRE_ROOM ? (size_t)size : WIRE_ROOM;
		ssize_t n = wire_next(wire, most, &data, err);

		if (n <= 0)
			return n < 0 ? -1 : error_set(err, "the reader of the layer stopped short");
		if (read->data(read->context, data, (size_t)n, err) < 0)
			return -1;
		size -= (uint64_t)n;
	}
	return 0;
}

int layer_read(const struct layer_read *read, struct error *err)
{
	_cleanup_confined struct confined confined = CONFINED_NONE;
	_cleanup_arena struct arena arena = { 0 };
	struct job job = { .read = read, .image = read->image, .layer = read->layer };
	struct wire_in *wire = ARENA_NEW(&arena, struct wire_in);
	struct texts *texts = ARENA_NEW(&arena, struct texts);
	struct tar_entry entry;
	struct record record;
	uint32_t number = 0;
	int more;

	wire->confined = &confined;
	if (start(&job, &confined, err) < 0)
		return -1;
	while ((more = wire_get(wire, &record, sizeof(record), err)) > 0) {
		if (get_entry(wire, &record, texts, &entry, err) < 0 ||
		    read->entry(read->context, &entry, record.has_digest ? texts->digest : NULL,
				number++, err) < 0 ||
		    (record.has_data && get_data(wire, record.size, read, err) < 0))
			return -1;
	}
	return more;
}

int layer_read_tar(struct arena *arena, const struct image *image, size_t layer, struct sink *out,
		   struct error *err)
{
	_cleanup_confined struct confined confined = CONFINED_NONE;
	struct job job = { .image = image, .layer = layer };
	struct wire_in *wire = ARENA_NEW(arena, struct wire_in);
	const char *data;
	ssize_t n;

	wire->confined = &confined;
	if (start(&job, &confined, err) < 0)
		return -1;
	while ((n = wire_next(wire, WIRE_ROOM, &data, err)) > 0)
		if (sink_write(out, data, (size_t)n, err) < 0)
			return -1;
	return (int)n;
}
