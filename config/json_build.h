/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/json.h"

/*
 * How a parser makes the tree of config/json.h, value by value, in the order
 * of the text.  What is opened takes the values that follow, until it is closed.
 */
struct json_level {
	struct json *value;	/* the array or object */
	struct json *last;	/* its last item so far */
};

struct json_builder {
	struct arena *arena;
	struct json *root;
	struct json_level levels[JSON_MAX_DEPTH];
	unsigned int depth, count;
	const char *key;	/* waits for its value */
	uint32_t key_offset;
};

/* NULL: there are JSON_MAX_COUNT already. */
struct json *json_build(struct json_builder *builder, enum json_type type, size_t offset);
/* depth < JSON_MAX_DEPTH must hold. */
void json_build_open(struct json_builder *builder, struct json *value);
/* What is closed. */
struct json *json_build_close(struct json_builder *builder);
/* What the next value will be in, or NULL. */
struct json *json_build_parent(const struct json_builder *builder);
