/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/blob/stream.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "rootfs-tools/blob/inflate.h"

/*
 * Two threads in front of the consumer: one reads, hashes what is stored and decompresses, one
 * hashes what came out.  A slot of the ring is free again when both the second thread and the
 * consumer are done with it.  Decompressing and making files then share two processors evenly.
 */
enum { SLOT_SIZE = 256 << 10, SLOTS = 16, STORED_SIZE = 256 << 10, DETECT_BYTES = 6,
       STACK_SIZE = 1 << 20 };
/* Below this no ratio is a bomb: a megabyte of zeroes is nothing odd. */
#define RATIO_FREE	(UINT64_C(1) << 30)

struct slot {
	size_t size;			/* 0: behind the last */
	unsigned char data[SLOT_SIZE];
};

struct stream {
	const char *name;
	struct blob blob;
	struct digest expected, expected_diff;
	struct stream_limits limits;
	struct inflate inflate;
	struct digest_state digest, diff_digest;
	struct stream_result result;	/* digest and stored: the reader's; the rest the hasher's */
	bool same_hash;			/* stored and decompressed bytes are the same */

	pthread_t reader, hasher;
	bool reader_runs, hasher_runs;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t made, hashed, consumed;	/* slots, counted from the first */
	bool stop, failed, ended;
	bool held;			/* the consumer has a slot */
	struct error failure;

	size_t pending;			/* bytes in stored that detect() has read */
	unsigned char stored[STORED_SIZE];
	struct slot slots[SLOTS];
};

/* --- reading what is stored ------------------------------------------------------------ */

static ssize_t read_some(struct stream *stream, unsigned char *data, size_t room)
{
	ssize_t size;

	do {
		if (stream->blob.size == UINT64_MAX)
			size = read(stream->blob.fd, data, room);
		else
			size = pread(stream->blob.fd, data, room,
				     (off_t)(stream->blob.offset + stream->result.stored));
	} while (size < 0 && errno == EINTR);
	return size;
}

static ssize_t fill(void *context, const unsigned char **ret_data, struct error *err)
{
	struct stream *stream = context;
	uint64_t left = stream->blob.size - stream->result.stored;
	size_t room = left < STORED_SIZE ? (size_t)left : STORED_SIZE;
	ssize_t size = (ssize_t)stream->pending;

	*ret_data = stream->stored;
	stream->pending = 0;
	if (size > 0)
		return size;
	size = room > 0 ? read_some(stream, stream->stored, room) : 0;
	if (size < 0)
		return error_errno(err, "read");
	if (size == 0 && room > 0 && stream->blob.size != UINT64_MAX)
		return error_set(err, "ends after %ju of %ju bytes",
				 (uintmax_t)stream->result.stored, (uintmax_t)stream->blob.size);
	digest_update(&stream->digest, stream->stored, (size_t)size);
	__atomic_store_n(&stream->result.stored, stream->result.stored + (uint64_t)size,
			 __ATOMIC_RELAXED);
	return size;
}

/* Looks at the first bytes, which fill() gives then. */
static int detect(struct stream *stream, enum compression *compression, struct error *err)
{
	if (*compression != COMPRESSION_DETECT)
		return 0;
	while (stream->pending < DETECT_BYTES && stream->blob.size > stream->result.stored) {
		ssize_t size = read_some(stream, stream->stored + stream->pending,
					 DETECT_BYTES - stream->pending);

		if (size < 0)
			return error_errno(err, "read");
		if (size == 0)
			break;
		digest_update(&stream->digest, stream->stored + stream->pending, (size_t)size);
		stream->result.stored += (uint64_t)size;
		stream->pending += (size_t)size;
	}
	*compression = compression_detect(stream->stored, stream->pending);
	return 0;
}

/* --- the threads ----------------------------------------------------------------------- */

static void fail(struct stream *stream, const struct error *err)
{
	pthread_mutex_lock(&stream->lock);
	if (!stream->failed)
		stream->failure = *err;
	stream->failed = true;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->lock);
}

static int check_bounds(const struct stream *stream, uint64_t size, struct error *err)
{
	uint64_t stored = stream->blob.size != UINT64_MAX ? stream->blob.size :
							    stream->result.stored;

	if (size > stream->limits.bytes)
		return error_set(err, "is larger than %ju bytes when decompressed: refused",
				 (uintmax_t)stream->limits.bytes);
	if (size > RATIO_FREE && size / stream->limits.ratio > stored)
		return error_set(err, "is a decompression bomb: more than %u times as large as "
				 "what is stored, %ju bytes: refused", stream->limits.ratio,
				 (uintmax_t)stored);
	return 0;
}

/* A free slot for the reader, or NULL when the stream is being closed. */
static struct slot *slot_claim(struct stream *stream)
{
	struct slot *slot = NULL;

	pthread_mutex_lock(&stream->lock);
	while (!stream->stop && (stream->made >= stream->hashed + SLOTS ||
				 stream->made >= stream->consumed + SLOTS))
		pthread_cond_wait(&stream->changed, &stream->lock);
	if (!stream->stop)
		slot = &stream->slots[stream->made % SLOTS];
	pthread_mutex_unlock(&stream->lock);
	return slot;
}

static void count_up(struct stream *stream, uint64_t *counter)
{
	pthread_mutex_lock(&stream->lock);
	(*counter)++;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->lock);
}

static void *reader_main(void *context)
{
	struct stream *stream = context;
	struct error err = { 0 };
	uint64_t total = 0;
	struct slot *slot;

	while ((slot = slot_claim(stream)) != NULL) {
		size_t used = 0;
		ssize_t size = 1;

		while (used < SLOT_SIZE && size > 0) {
			size = inflate_read(&stream->inflate, slot->data + used, SLOT_SIZE - used,
					    &err);
			if (size > 0)
				used += (size_t)size;
		}
		total += used;
		if (size < 0 || check_bounds(stream, total, &err) < 0) {
			fail(stream, &err);
			return NULL;
		}
		slot->size = used;
		count_up(stream, &stream->made);
		if (used == 0)
			return NULL;
	}
	return NULL;
}

/* Slot number index once the reader has made it; NULL when there will be none. */
static struct slot *slot_wait(struct stream *stream, uint64_t index)
{
	struct slot *slot = NULL;

	pthread_mutex_lock(&stream->lock);
	while (stream->made <= index && !stream->failed && !stream->stop)
		pthread_cond_wait(&stream->changed, &stream->lock);
	if (stream->made > index && !stream->stop)
		slot = &stream->slots[index % SLOTS];
	pthread_mutex_unlock(&stream->lock);
	return slot;
}

static void *hasher_main(void *context)
{
	struct stream *stream = context;
	struct slot *slot;

	while ((slot = slot_wait(stream, stream->hashed)) != NULL && slot->size > 0) {
		if (!stream->same_hash)
			digest_update(&stream->diff_digest, slot->data, slot->size);
		stream->result.size += slot->size;
		count_up(stream, &stream->hashed);
	}
	return NULL;
}

/* --- the face -------------------------------------------------------------------------- */

/* With a stack that fits: the unpacker's address space is bounded, and there may be many. */
static int thread_start(pthread_t *ret, void *(*function)(void *), struct stream *stream)
{
	pthread_attr_t attr;
	int code = pthread_attr_init(&attr);	/* never fails, as the next one */

	pthread_attr_setstacksize(&attr, STACK_SIZE);
	code = pthread_create(ret, &attr, function, stream);
	pthread_attr_destroy(&attr);
	return code;
}

static int start_threads(struct stream *stream, struct error *err)
{
	int code = thread_start(&stream->reader, reader_main, stream);

	stream->reader_runs = code == 0;
	if (code == 0)
		code = thread_start(&stream->hasher, hasher_main, stream);
	stream->hasher_runs = code == 0;
	return code == 0 ? 0 : error_number(err, code, "start a thread");
}

static bool is_sha256(const struct digest *digest)
{
	return !digest_is_set(digest) || strncmp(digest->text, "sha256:", 7) == 0;
}

static int start(struct stream *stream, enum compression compression, struct error *err)
{
	digest_begin(&stream->digest, &stream->expected);
	digest_begin(&stream->diff_digest, &stream->expected_diff);
	if (detect(stream, &compression, err) < 0)
		return -1;
	stream->same_hash = compression == COMPRESSION_NONE && is_sha256(&stream->expected) &&
			    is_sha256(&stream->expected_diff);
	if (inflate_open(&stream->inflate, compression, fill, stream, err) < 0)
		return -1;
	return start_threads(stream, err);
}

struct stream *stream_open(struct blob *blob, const char *name, enum compression compression,
			   const struct digest *digest, const struct digest *diff_id,
			   const struct stream_limits *limits, struct error *err)
{
	struct stream *stream;

	/* Given back by stream_close(), as an arena's memory would not be. */
	stream = mmap(NULL, sizeof(*stream), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (stream == MAP_FAILED) {
		error_errno(err, "%s: map memory", name);
		fd_close(&blob->fd);
		return NULL;
	}
	stream->name = name;
	stream->blob = *blob;
	blob->fd = -EBADF;
	if (digest_is_set(digest))
		stream->expected = *digest;
	if (digest_is_set(diff_id))
		stream->expected_diff = *diff_id;
	if (limits != NULL)
		stream->limits = *limits;
	stream->limits.bytes = stream->limits.bytes ?: STREAM_MAX_BYTES;
	stream->limits.ratio = stream->limits.ratio ?: STREAM_MAX_RATIO;
	pthread_mutex_init(&stream->lock, NULL);
	pthread_cond_init(&stream->changed, NULL);
	if (start(stream, compression, err) < 0) {
		error_wrap(err, "%s", name);
		stream_close(&stream);
	}
	return stream;
}

ssize_t stream_next(struct stream *stream, const unsigned char **ret_data, struct error *err)
{
	struct slot *slot;

	if (stream->held)
		count_up(stream, &stream->consumed);
	stream->held = false;
	if (stream->ended)
		return 0;
	slot = slot_wait(stream, stream->consumed);
	if (slot == NULL) {
		*err = stream->failure;
		return error_wrap(err, "%s", stream->name);
	}
	stream->held = slot->size > 0;
	stream->ended = slot->size == 0;
	*ret_data = slot->data;
	return (ssize_t)slot->size;
}

static void join_threads(struct stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	stream->stop = true;
	pthread_cond_broadcast(&stream->changed);
	pthread_mutex_unlock(&stream->lock);
	if (stream->reader_runs)
		pthread_join(stream->reader, NULL);
	if (stream->hasher_runs)
		pthread_join(stream->hasher, NULL);
	stream->reader_runs = stream->hasher_runs = false;
}

/* Until everything that was made is hashed. */
static void wait_for_hasher(struct stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	while (stream->hashed + 1 < stream->made)
		pthread_cond_wait(&stream->changed, &stream->lock);
	pthread_mutex_unlock(&stream->lock);
	join_threads(stream);
}

static int compare(const struct stream *stream, struct error *err)
{
	const struct stream_result *result = &stream->result;

	if (stream->blob.size != UINT64_MAX && result->stored != stream->blob.size)
		return error_set(err, "%s: has %ju bytes behind its end", stream->name,
				 (uintmax_t)(stream->blob.size - result->stored));
	if (digest_is_set(&stream->expected) && !digest_equal(&stream->expected, &result->digest))
		return error_set(err, "%s: its bytes have the digest %s", stream->name,
				 result->digest.text);
	if (digest_is_set(&stream->expected_diff) &&
	    !digest_equal(&stream->expected_diff, &result->diff_id))
		return error_set(err, "%s: decompressed it has the digest %s, and the config's "
				 "diff_id is %s", stream->name, result->diff_id.text,
				 stream->expected_diff.text);
	return 0;
}

int stream_finish(struct stream *stream, struct stream_result *ret, struct error *err)
{
	const unsigned char *data;
	ssize_t size;

	do {
		size = stream_next(stream, &data, err);
	} while (size > 0);
	if (size < 0)
		return -1;
	wait_for_hasher(stream);
	digest_end(&stream->digest, &stream->result.digest);
	if (stream->same_hash)
		stream->result.diff_id = stream->result.digest;
	else
		digest_end(&stream->diff_digest, &stream->result.diff_id);
	if (compare(stream, err) < 0)
		return -1;
	if (ret != NULL)
		*ret = stream->result;
	return 0;
}

uint64_t stream_stored(const struct stream *stream)
{
	return __atomic_load_n(&stream->result.stored, __ATOMIC_RELAXED);
}

void stream_close(struct stream **at)
{
	struct stream *stream = *at;

	if (stream == NULL)
		return;
	join_threads(stream);
	inflate_close(&stream->inflate);
	digest_drop(&stream->digest);
	digest_drop(&stream->diff_digest);
	fd_close(&stream->blob.fd);
	pthread_mutex_destroy(&stream->lock);
	pthread_cond_destroy(&stream->changed);
	munmap(stream, sizeof(*stream));
	*at = NULL;
}
