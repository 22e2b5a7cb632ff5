/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/compiler.h"

/*
 * Memory that lives as long as the command: the JSON tree, the plan, every
 * path.  Nothing in it is freed alone.  What it hands out is zeroed and
 * aligned for any type.  Out of memory ends the process on the spot with
 * status 1 and a message: nothing useful can be done then.
 */
struct arena {
	struct arena_block *block;
};

/*
 * Lets an empty arena start with zeroed memory of the caller's, aligned to 16 bytes.  What fits
 * there can't run out: libkist's way not to end its caller.  arena_free() leaves it alone.
 */
void arena_lend(struct arena *arena, void *memory, size_t size);
void *arena_alloc(struct arena *arena, size_t size);
/* count * size bytes; ends the process when that overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *fmt, ...) _printf(2, 3);
void arena_free(struct arena *arena);
#define _cleanup_arena _cleanup(arena_free)

#define ARENA_NEW(arena, type)		((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_NEWS(arena, count, type)	((type *)arena_array((arena), (count), sizeof(type)))
