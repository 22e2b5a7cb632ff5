/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "rootfs-tools/blob/digest.h"
#include "rootfs-tools/blob/inflate.h"

/*
 * The bytes of a layer, decompressed and verified in the same pass: size and digest of what is
 * stored, the diff_id of what comes out, and the bounds that stop a bomb.  Threads of its own
 * read, decompress and hash ahead into a ring of fixed size; the caller is the consumer.
 *
 * Nothing may be trusted or published before stream_finish() has succeeded: it reads what the
 * consumer left, waits for the hashes, and compares them.
 */
/* Where stored bytes are: size bytes of fd (owned) from offset; size UINT64_MAX: to its end. */
struct blob {
	int fd;
	uint64_t offset, size;
};

struct stream_limits {
	uint64_t bytes;		/* decompressed, at most; 0: STREAM_MAX_BYTES */
	unsigned int ratio;	/* to stored bytes, beyond the first GiB; 0: STREAM_MAX_RATIO */
};
#define STREAM_MAX_BYTES	(UINT64_C(1) << 40)
#define STREAM_MAX_RATIO	200

struct stream_result {
	struct digest digest, diff_id;	/* as computed */
	uint64_t stored, size;		/* bytes before and after */
};

struct stream;

/*
 * Takes over blob->fd.  digest and diff_id: what must come out, NULL or unset where nothing is
 * known.  name: how messages call it, "layer 2 (sha256:…)".
 */
struct stream *stream_open(struct blob *blob, const char *name, enum compression compression,
			   const struct digest *digest, const struct digest *diff_id,
			   const struct stream_limits *limits, struct error *err);
/*
 * The next bytes: how many, and where; they stay until the next call.  0 at the end, -1 and
 * *err when the stored bytes can't be decompressed or a bound is met.
 */
ssize_t stream_next(struct stream *stream, const unsigned char **ret_data, struct error *err);
int stream_finish(struct stream *stream, struct stream_result *ret, struct error *err);
/* How many stored bytes were read so far: for progress. */
uint64_t stream_stored(const struct stream *stream);
void stream_close(struct stream **stream);
#define _cleanup_stream _cleanup(stream_close)
