/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/*
 * JSON as text, one value a line, indented.  Each function writes one value:
 * key is its name in an object, NULL in an array and at the top.  Empty
 * objects and arrays stand on one line.
 */
struct json_writer {
	struct text text;
	const char *indent;		/* one level of it: "\t"; "" keeps all on the left */
	unsigned int depth;
	uint64_t arrays;		/* bit N: level N is an array */
	bool filled;			/* the innermost level has a value already */
};

void json_write_object(struct json_writer *w, const char *key);
void json_write_array(struct json_writer *w, const char *key);
/* Ends the innermost object or array. */
void json_write_end(struct json_writer *w);
void json_write_string(struct json_writer *w, const char *key, const char *value);
void json_write_u64(struct json_writer *w, const char *key, uint64_t value);
void json_write_i64(struct json_writer *w, const char *key, int64_t value);
void json_write_bool(struct json_writer *w, const char *key, bool value);
/* An array of strings, left out altogether when there are none. */
void json_write_strings(struct json_writer *w, const char *key, const char *const *values,
			size_t count);
