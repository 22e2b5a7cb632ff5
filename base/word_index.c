/* SPDX-License-Identifier: Apache-2.0 */
#include "base/word_index.h"

#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

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

static uint64_t rotate(uint64_t value, unsigned int bits)
{
	return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3, for whoever makes the words could choose those that are in one place otherwise. */
uint64_t word_hash(const uint64_t key[2], const char *text, size_t length)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			  key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	uint64_t word = 0;
	size_t done = 0;

	for (;; done += sizeof(word)) {
		size_t left = length - done;

		word = left < sizeof(word) ? (uint64_t)length << 56 : 0;
		memcpy(&word, text + done, left < sizeof(word) ? left : sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
		if (left < sizeof(word))
			break;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
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
		index->room <= FEW ? plain_hash(word, length) : word_hash(index->key, word, length);
	size_t slot = hash & (index->room - 1);

	while (index->slots[slot].word != NULL &&
	       strncmp(index->slots[slot].word, word, length) != 0)
		slot = (slot + 1) & (index->room - 1);
	if (index->slots[slot].word == NULL)
		index->slots[slot] = (struct word_index_slot){ word, at };
	return index->slots[slot].at;
}
