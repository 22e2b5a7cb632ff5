/* SPDX-License-Identifier: Apache-2.0 */
#include "config/json.h"

#include <string.h>

#include "base/text.h"

/* Ways through a tree: by key, by pointer, and back to where a value stands. */

void json_position(const struct json_source *source, size_t offset, unsigned int *ret_line,
		   unsigned int *ret_column)
{
	*ret_line = 1;
	*ret_column = 1;
	for (size_t i = 0; i < offset && i < source->size; i++) {
		unsigned char byte = (unsigned char)source->text[i];

		if (byte == '\n') {
			(*ret_line)++;
			*ret_column = 1;
		} else if ((byte & 0xc0) != 0x80) {	/* not the rest of a UTF-8 character */
			(*ret_column)++;
		}
	}
}

const struct json *json_member(const struct json *object, const char *key)
{
	if (object == NULL || object->type != JSON_OBJECT)
		return NULL;
	JSON_EACH(member, object)
		if (strcmp(member->key, key) == 0)
			return member;
	return NULL;
}

/* Whether the first length bytes of token, with ~1 for "/" and ~0 for "~", are the name. */
static bool token_is(const char *token, size_t length, const char *name)
{
	for (size_t i = 0; i < length; i++, name++) {
		char byte = token[i];

		if (byte == '~' && i + 1 < length)
			byte = token[++i] == '1' ? '/' : '~';
		if (*name != byte)
			return false;
	}
	return *name == '\0';
}

static const struct json *find_child(const struct json *value, const char *token, size_t length)
{
	size_t index = 0;
	char number[24];

	JSON_EACH(child, value) {
		if (child->key == NULL)
			snprintf(number, sizeof(number), "%zu", index++);
		if (token_is(token, length, child->key != NULL ? child->key : number))
			return child;
	}
	return NULL;
}

const struct json *json_find(const struct json *root, const char *pointer)
{
	const struct json *value = root;

	while (value != NULL && *pointer == '/') {
		size_t length = strcspn(pointer + 1, "/");

		value = find_child(value, pointer + 1, length);
		pointer += 1 + length;
	}
	return value;
}

static void add_pointer(struct text *text, const struct json *value)
{
	size_t index = 0;

	if (value->parent == NULL)
		return;
	add_pointer(text, value->parent);
	text_add(text, "/");
	if (value->key == NULL) {
		JSON_EACH(item, value->parent) {
			if (item == value)
				break;
			index++;
		}
		text_printf(text, "%zu", index);
		return;
	}
	for (const char *at = text_printable(text->arena, value->key); *at != '\0'; at++) {
		if (*at == '~')
			text_add(text, "~0");
		else if (*at == '/')
			text_add(text, "~1");
		else
			text_add_bytes(text, at, 1);
	}
}

const char *json_pointer(struct arena *arena, const struct json *value)
{
	struct text text = { .arena = arena };

	add_pointer(&text, value);
	return text.size > 0 ? text.data : "";
}

const char *json_describe(struct arena *arena, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		return "null";
	case JSON_BOOL:
		return value->truth ? "true" : "false";
	case JSON_NUMBER:
		return arena_printf(arena, "the number %.40s", value->text);
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "an array";
	case JSON_OBJECT:
		break;
	}
	return "an object";
}
