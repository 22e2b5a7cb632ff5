/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* A string that grows on an arena.  data is NUL-terminated once something was added. */
struct text {
	struct arena *arena;
	char *data;
	size_t size, room;
};

void text_add(struct text *text, const char *more);
void text_add_bytes(struct text *text, const char *more, size_t size);
void text_printf(struct text *text, const char *fmt, ...) _printf(2, 3);
/*
 * In decimal.  For what a container's own process says on the way to its program: the first
 * printf(3) of a process costs ten page faults.
 */
void text_add_number(struct text *text, uint64_t number);
#define NUMBER_ROOM	21	/* digits of 64 bits and the NUL */
void number_print(char to[NUMBER_ROOM], uint64_t number);
/* How many bytes of text, of which there are size, are one character of UTF-8; 0: none is. */
size_t text_character(const char *text, size_t size);
/* As a JSON string, quotes included. */
void text_add_json(struct text *text, const char *value);

/*
 * Strict numbers: decimal digits only (a leading '-' for i64), no blanks, no
 * rest, within the bounds.  False, and *ret untouched, otherwise.
 */
bool text_to_u64(const char *text, uint64_t max, uint64_t *ret);
bool text_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret);
/* The number that *at begins with; *at goes behind it. */
bool text_take_u64(const char **at, uint64_t max, uint64_t *ret);
/* The first "3" or "0-3" of a list as "0-3,7"; *at goes to the next one, or the line's end. */
bool text_take_range(const char **at, uint64_t max, uint64_t *ret_first, uint64_t *ret_last);
/* A uid or gid: 0 to 4294967294, for the last one means "leave it alone". */
bool text_to_id(const char *text, uint32_t *ret);

/*
 * The characters of text that are safe to print: the bytes of control characters, of those that
 * turn the direction of writing, and what is no UTF-8 as \xNN.  Source: security.md I20.
 */
const char *text_printable(struct arena *arena, const char *text);
/* What is no UTF-8 in it becomes U+FFFD: JSON can be nothing else.  text itself, where all is. */
const char *text_utf8(struct arena *arena, const char *text);

/*
 * How many letters must change, or two change places, to turn one word into
 * the other (0: equal); at most limit + 1 is returned.  For "did you mean".
 */
unsigned int text_distance(const char *a, const char *b, unsigned int limit);
/* Of the words that are tried the one that was most likely meant. */
struct guess {
	const char *word;		/* as it was written */
	const char *meant;		/* NULL: nothing is near enough */
	unsigned int distance;		/* from that */
};
#define GUESS(word)	((struct guess){ (word), NULL, UINT_MAX })
/* Whether it is the one, until a nearer one comes. */
bool guess_try(struct guess *guess, const char *candidate);
/* "; did you mean \"run\"?", or "" where meant is NULL. */
const char *guess_text(struct arena *arena, const char *meant);
