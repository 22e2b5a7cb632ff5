/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/json_edit.h"

#include <inttypes.h>

/* config/json.h gives trees that nobody changes; those made here belong to us. */
static struct json *mutable(const struct json *value)
{
	return (struct json *)(uintptr_t)value;
}

struct json *json_new(struct arena *arena, enum json_type type)
{
	struct json *value = ARENA_NEW(arena, struct json);

	value->type = type;
	return value;
}

struct json *json_new_string(struct arena *arena, const char *text)
{
	struct json *value = json_new(arena, JSON_STRING);

	value->text = arena_strdup(arena, text);
	return value;
}

struct json *json_new_u64(struct arena *arena, uint64_t number)
{
	struct json *value = json_new(arena, JSON_NUMBER);

	value->text = arena_printf(arena, "%" PRIu64, number);
	return value;
}

struct json *json_new_bool(struct arena *arena, bool truth)
{
	struct json *value = json_new(arena, JSON_BOOL);

	value->truth = truth;
	return value;
}

void json_push(struct json *array, struct json *value)
{
	const struct json **end = &array->first;

	while (*end != NULL)
		end = &mutable(*end)->next;
	value->parent = array;
	value->next = NULL;
	*end = value;
	array->count++;
}

struct json *json_copy(struct arena *arena, const struct json *value)
{
	struct json *copy = json_new(arena, value->type), *last = NULL;

	copy->truth = value->truth;
	copy->key = value->key;
	copy->text = value->text;
	copy->count = value->count;
	JSON_EACH(item, value) {
		struct json *child = json_copy(arena, item);

		child->parent = copy;
		if (last != NULL)
			last->next = child;
		else
			copy->first = child;
		last = child;
	}
	return copy;
}

void json_set(struct arena *arena, struct json *object, const char *key, struct json *value)
{
	const struct json **at = &object->first;

	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &mutable(*at)->next;
	if (value != NULL) {
		value->key = arena_strdup(arena, key);
		value->parent = object;
		value->next = *at != NULL ? (*at)->next : NULL;
		object->count += *at == NULL;
		*at = value;
	} else if (*at != NULL) {
		*at = (*at)->next;
		object->count--;
	}
}

void json_set_string(struct arena *arena, struct json *object, const char *key, const char *text)
{
	json_set(arena, object, key, json_new_string(arena, text));
}

struct json *json_member_edit(struct json *object, const char *key)
{
	return mutable(json_member(object, key));
}

struct json *json_demand(struct arena *arena, struct json *object, const char *key,
			 enum json_type type)
{
	struct json *member = json_member_edit(object, key);

	if (member == NULL || member->type != type) {
		member = json_new(arena, type);
		json_set(arena, object, key, member);
	}
	return member;
}

const char *json_text(const struct json *object, const char *key)
{
	const struct json *member = json_member(object, key);

	return member != NULL && member->type == JSON_STRING ? member->text : NULL;
}

static void print_items(struct text *out, const struct json *value)
{
	text_add(out, value->type == JSON_ARRAY ? "[" : "{");
	JSON_EACH(item, value) {
		if (item != value->first)
			text_add(out, ",");
		if (value->type == JSON_OBJECT) {
			text_add_json(out, item->key);
			text_add(out, ":");
		}
		json_print(out, item);
	}
	text_add(out, value->type == JSON_ARRAY ? "]" : "}");
}

void json_print(struct text *out, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		text_add(out, "null");
		break;
	case JSON_BOOL:
		text_add(out, value->truth ? "true" : "false");
		break;
	case JSON_NUMBER:
		text_add(out, value->text);
		break;
	case JSON_STRING:
		text_add_json(out, value->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		print_items(out, value);
		break;
	}
}
