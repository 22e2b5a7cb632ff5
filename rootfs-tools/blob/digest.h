/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * Content by its hash, "sha256:" and 64 hexadecimal digits (or sha512 and 128), as the image
 * spec writes it.  A struct digest holds a text that was checked, so it may be part of a path;
 * an empty text means "none".  Algorithms, upper case and lengths that the spec does not
 * register are refused, never guessed.
 */
enum { DIGEST_SIZE = sizeof("sha512:") + 128 };

struct digest {
	char text[DIGEST_SIZE];
};

int digest_parse(const char *text, struct digest *ret, struct error *err);
bool digest_is_set(const struct digest *digest);
bool digest_equal(const struct digest *a, const struct digest *b);
/* "sha256/abc…": the place below blobs/ of a blob in an OCI layout. */
const char *digest_path(struct arena *arena, const struct digest *digest);
/* The hexadecimal digits alone. */
const char *digest_hex(const struct digest *digest);

/*
 * What is known of many digests, each by a node of its own: never deeper than a digest has digits,
 * whoever chose them.
 */
struct digest_node {
	const struct digest *digest;
	struct digest_node *below[16];
};
/* Where the node of a digest is; where there is none, where it belongs: NULL is there. */
struct digest_node **digest_find(struct digest_node **top, const struct digest *digest);

/*
 * A hash that is being computed.  like: whose algorithm it takes; NULL or unset: sha256.
 * digest_end() gives the result and releases what libcrypto keeps; digest_drop() only releases.
 */
struct digest_state {
	void *context;
	const char *algorithm;
};

void digest_begin(struct digest_state *state, const struct digest *like);
void digest_update(struct digest_state *state, const void *data, size_t size);
void digest_end(struct digest_state *state, struct digest *ret);
void digest_drop(struct digest_state *state);
#define _cleanup_digest _cleanup(digest_drop)

/* sha256 of memory. */
void digest_of(const void *data, size_t size, struct digest *ret);
