/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Above what malloc takes from its heap: pages that were never touched need no zeroing. */
#define BLOCK_SIZE	((size_t)192 * 1024)
#define ALIGNMENT	_Alignof(max_align_t)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	bool lent;
	_Alignas(max_align_t) unsigned char bytes[];
};

static _noreturn void arena_exhausted(void)
{
	static const char text[] = "kist: out of memory\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

/* calloc knows that fresh pages are zero, so blocks this large cost only what is used. */
static struct arena_block *arena_block_new(size_t size)
{
	struct arena_block *block = calloc(1, sizeof(*block) + size);

	if (block == NULL)
		arena_exhausted();
	block->size = size;
	return block;
}

void arena_lend(struct arena *arena, void *memory, size_t size)
{
	struct arena_block *block = memory;

	*block = (struct arena_block){ .size = size - sizeof(*block), .lent = true };
	arena->block = block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->block;
	void *memory;

	if (size > SIZE_MAX / 2)
		arena_exhausted();
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (block == NULL || block->size - block->used < size) {
		struct arena_block *fresh = arena_block_new(size > BLOCK_SIZE ? size : BLOCK_SIZE);

		/* A large one goes behind the current block, whose rest stays of use. */
		if (block != NULL && size > BLOCK_SIZE) {
			fresh->next = block->next;
			block->next = fresh;
		} else {
			fresh->next = block;
			arena->block = fresh;
		}
		block = fresh;
	}
	memory = block->bytes + block->used;
	block->used += size;
	return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		arena_exhausted();
	return arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args, again;
	char *text, brief[256];
	int length;

	va_start(args, fmt);
	va_copy(again, args);
	length = vsnprintf(brief, sizeof(brief), fmt, args);
	va_end(args);
	if (length < 0)
		arena_exhausted();
	text = arena_alloc(arena, (size_t)length + 1);
	if ((size_t)length < sizeof(brief))
		memcpy(text, brief, (size_t)length + 1);
	else
		vsnprintf(text, (size_t)length + 1, fmt, again);
	va_end(again);
	return text;
}

void arena_free(struct arena *arena)
{
	while (arena->block != NULL) {
		struct arena_block *block = arena->block;

		arena->block = block->next;
		if (!block->lent)
			free(block);
	}
}
