/* SPDX-License-Identifier: Apache-2.0 */
#include "base/word_index.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "base/compiler.h"

enum { BLOCK = 3, LEVELS = 16, STATES = 2 << LEVELS };

static uint32_t fnv(uint32_t state, const char block[BLOCK])
{
	for (size_t i = 0; i < BLOCK; i++)
		state = (state ^ (unsigned char)block[i]) * 16777619u;
	return state % STATES;
}

/* Two blocks that lead from one state of FNV-1a to one other: the bits above count for none. */
static uint32_t pair_find(uint32_t state, char ret[2][BLOCK])
{
	static char seen[STATES][BLOCK];

	memset(seen, 0, sizeof(seen));
	for (unsigned int i = 0;; i++) {
		const char block[BLOCK] = { (char)('a' + i % 26), (char)('a' + i / 26 % 26),
					    (char)('a' + i / 676 % 26) };
		uint32_t next = fnv(state, block);

		if (seen[next][0] != 0) {
			memcpy(ret[0], seen[next], BLOCK);
			memcpy(ret[1], block, BLOCK);
			return next;
		}
		memcpy(seen[next], block, BLOCK);
	}
}

/* Hashed so, without a key, all of these are in one place, and each is compared with all. */
Test(word_index, spreads_words_that_were_chosen)
{
	struct arena arena = { NULL };
	struct word_index index = word_index_make(&arena, 1 << LEVELS);
	char pairs[LEVELS][2][BLOCK];
	uint32_t state = 2166136261u;
	clock_t begun;

	for (int i = 0; i < LEVELS; i++)
		state = pair_find(state, pairs[i]);
	begun = clock();
	for (size_t i = 0; i < 1 << LEVELS; i++) {
		char *word = arena_alloc(&arena, LEVELS * BLOCK + 1);

		for (int j = 0; j < LEVELS; j++)
			memcpy(word + j * BLOCK, pairs[j][i >> j & 1], BLOCK);
		cr_assert_eq(word_index_put(&index, word, LEVELS * BLOCK, i), i);
	}
	cr_expect_lt(clock() - begun, 2 * CLOCKS_PER_SEC);
	arena_free(&arena);
}

Test(word_index, finds_each_word_where_it_was_put)
{
	struct arena arena = { NULL };
	struct word_index index = word_index_make(&arena, 1000);

	for (size_t i = 0; i < 2000; i++) {
		const char *word = arena_printf(&arena, "%zu", i % 1000);

		cr_expect_eq(word_index_put(&index, word, strlen(word) + 1, i), i % 1000);
	}
	arena_free(&arena);
}
