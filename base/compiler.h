/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <assert.h>
#include <stddef.h>

/* Attributes and small macros that every file may use. */

#define _printf(fmt, first)	__attribute__((format(printf, fmt, first)))
#define _cleanup(fn)		__attribute__((cleanup(fn)))
#define _noreturn		__attribute__((noreturn))
#define _unused			__attribute__((unused))

/* A type error, not a wrong number, when x is a pointer and not an array. */
#define ARRAY_SIZE(x) \
	(sizeof(x) / sizeof((x)[0]) + \
	 sizeof(char[1 - 2 * __builtin_types_compatible_p(__typeof__(x), __typeof__(&(x)[0]))]) - 1)

/*
 * A typed array with its length.  Every LIST has the layout of struct list,
 * so that table-driven code (config/decode.c) can fill any of them.  base/list.h lets it grow.
 */
#define LIST(type)		struct { type *items; size_t count; }
struct list {
	void *items;
	size_t count;
};
typedef LIST(const char *) word_list;

#define LIST_EACH(item, list) \
	for (__typeof__(&*(list).items) item = (list).items; \
	     (size_t)(item - (list).items) < (list).count; item++)
