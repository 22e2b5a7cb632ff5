/* SPDX-License-Identifier: Apache-2.0 */
#include "config/json_build.h"

struct json *json_build(struct json_builder *builder, enum json_type type, size_t offset)
{
	struct json_level *level = builder->depth > 0 ? &builder->levels[builder->depth - 1] : NULL;
	struct json *value;

	if (builder->count == JSON_MAX_COUNT)
		return NULL;
	builder->count++;
	value = ARENA_NEW(builder->arena, struct json);
	value->type = type;
	value->offset = (uint32_t)offset;
	value->key = builder->key;
	value->key_offset = builder->key != NULL ? builder->key_offset : value->offset;
	builder->key = NULL;
	if (level == NULL) {
		builder->root = value;
		return value;
	}
	value->parent = level->value;
	if (level->last != NULL)
		level->last->next = value;
	else
		level->value->first = value;
	level->last = value;
	level->value->count++;
	return value;
}

void json_build_open(struct json_builder *builder, struct json *value)
{
	builder->levels[builder->depth++] = (struct json_level){ .value = value };
}

struct json *json_build_close(struct json_builder *builder)
{
	return builder->levels[--builder->depth].value;
}

struct json *json_build_parent(const struct json_builder *builder)
{
	return builder->depth > 0 ? builder->levels[builder->depth - 1].value : NULL;
}
