/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * A JSON text as a tree.  Every value knows where it stands, so that an error
 * can name line, column and JSON pointer; numbers stay text, so that none
 * loses a bit.  What RFC 8259 leaves open is an error here: a key that comes
 * twice, a NUL in a string, and more of anything than JSON_MAX_*.
 *
 * Strings are copied to the arena, NUL-terminated, and hold no NUL.
 */
enum {
	JSON_MAX_SIZE	= 16 << 20,	/* bytes */
	JSON_MAX_DEPTH	= 64,
	JSON_MAX_COUNT	= 1 << 18,	/* values */
};

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	bool truth;			/* of JSON_BOOL */
	uint32_t offset;		/* of its first byte in the text */
	uint32_t key_offset;		/* of the quote before its key */
	uint32_t count;			/* items or members */
	const char *key;		/* its name as a member of an object; else NULL */
	const char *text;		/* of JSON_STRING; of JSON_NUMBER as written, "1e3" */
	const struct json *parent;	/* NULL at the root */
	const struct json *first, *next;	/* items or members, in the order written */
};

/* What a tree was made from: the name that messages say, and the bytes. */
struct json_source {
	const char *name;
	const char *text;
	size_t size;
};

/* NULL and "name:line:column: pointer: what" when it is not such a text. */
const struct json *json_parse(struct arena *arena, const struct json_source *source,
			      struct error *err);

/* The member of an object, or NULL; NULL, too, when object is NULL or no object. */
const struct json *json_member(const struct json *object, const char *key);
/* By JSON pointer (RFC 6901): "/linux/namespaces/0".  NULL when there is none. */
const struct json *json_find(const struct json *root, const char *pointer);
/* The pointer of a value: "" for the root. */
const char *json_pointer(struct arena *arena, const struct json *value);
/* The line and the column (in characters), both from 1, of a byte. */
void json_position(const struct json_source *source, size_t offset, unsigned int *ret_line,
		   unsigned int *ret_column);
/* As a message names what it found: "a string", "the number 7", "true", "an object". */
const char *json_describe(struct arena *arena, const struct json *value);

#define JSON_EACH(item, value) \
	for (const struct json *item = (value)->first; item; item = item->next)
