/* SPDX-License-Identifier: Apache-2.0 */
#include "base/word_index.h"

#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/sip_hash.h"

struct word_index_slot {
	const char *word;	/* NULL: free */
	size_t at;
};

/* So few words are found soon even if all are in one place. */
#define FEW 256

static uint32_t plain_hash(const char *text, size_t length)
{
	uint32_t value = 2166136261u;

	for (size_t i = 0; i < length; i++)
		value = (value ^ (unsigned char)text[i]) * 16777619u;
	return value;
}

struct word_index word_index_make(struct arena *arena, size_t words)
{
	/* The kernel's for this process, of which the C library takes its own secrets. */
	const void *random = (const void *)getauxval(AT_RANDOM);
	struct word_index index = { .room = 4 };

	if (random != NULL)
		memcpy(index.key, random, sizeof(index.key));
	while (index.room < words * 2)
		index.room *= 2;
	index.slots = ARENA_NEWS(arena, index.room, struct word_index_slot);
	return index;
}

size_t word_index_put(struct word_index *index, const char *word, size_t length, size_t at)
{
	uint64_t hash =
		index->room <= FEW ? plain_hash(word, length) : sip_hash(index->key, word, length);
	size_t slot = hash & (index->room - 1);

	while (index->slots[slot].word != NULL &&
	       strncmp(index->slots[slot].word, word, length) != 0)
		slot = (slot + 1) & (index->room - 1);
	if (index->slots[slot].word == NULL)
		index->slots[slot] = (struct word_index_slot){ word, at };
	return index->slots[slot].at;
}
