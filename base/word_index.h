/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

#include "base/arena.h"

/*
 * Where words are in a list.  For lists that somebody else made: searched from the front for each
 * of its words, one takes the square of its length.
 */
struct word_index_slot;
struct word_index {
	struct word_index_slot *slots;
	size_t room;		/* a power of two, and at least twice the words */
	uint64_t key[2]; /* of the hash: nobody knows which words are in one place */
};

/* For as many words, which must stay where they are. */
struct word_index word_index_make(struct arena *arena, size_t words);
/* Where a word with these first bytes was put before; else it is put at "at", which is returned. */
size_t word_index_put(struct word_index *index, const char *word, size_t length, size_t at);
