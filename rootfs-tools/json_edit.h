/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/text.h"
#include "config/json.h"

/*
 * A JSON tree that is changed and written again, for documents that others
 * wrote: what is not touched stays as it was, members nobody knows and numbers
 * of any size too.  Members keep their order; new ones come last.
 */
struct json *json_copy(struct arena *arena, const struct json *value);
struct json *json_new(struct arena *arena, enum json_type type);
struct json *json_new_string(struct arena *arena, const char *text);
struct json *json_new_u64(struct arena *arena, uint64_t number);
struct json *json_new_bool(struct arena *arena, bool truth);

/* value becomes part of the object, in the place of a member of that name; NULL: removes that. */
void json_set(struct arena *arena, struct json *object, const char *key, struct json *value);
void json_set_string(struct arena *arena, struct json *object, const char *key, const char *text);
void json_push(struct json *array, struct json *value);
/* The member, made where it is missing or of another type. */
struct json *json_demand(struct arena *arena, struct json *object, const char *key,
			 enum json_type type);
/* A member to be changed, or NULL. */
struct json *json_member_edit(struct json *object, const char *key);
/* The text of a string member; NULL: none. */
const char *json_text(const struct json *object, const char *key);

/* On one line, without blanks: the bytes whose digest an image has. */
void json_print(struct text *out, const struct json *value);
