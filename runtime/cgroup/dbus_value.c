/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/cgroup/dbus.h"

void dbus_align(struct text *body, size_t alignment)
{
	static const char zeros[8];
	size_t over = body->size % alignment;

	if (over != 0)
		text_add_bytes(body, zeros, alignment - over);
}

void dbus_add_byte(struct text *body, uint8_t value)
{
	text_add_bytes(body, (const char *)&value, sizeof(value));
}

void dbus_add_u32(struct text *body, uint32_t value)
{
	dbus_align(body, sizeof(value));
	text_add_bytes(body, (const char *)&value, sizeof(value));
}

void dbus_add_u64(struct text *body, uint64_t value)
{
	dbus_align(body, sizeof(value));
	text_add_bytes(body, (const char *)&value, sizeof(value));
}

void dbus_add_bool(struct text *body, bool value)
{
	dbus_add_u32(body, value);
}

void dbus_add_string(struct text *body, const char *value)
{
	size_t size = strlen(value);

	dbus_add_u32(body, (uint32_t)size);
	text_add_bytes(body, value, size + 1);
}

void dbus_add_signature(struct text *body, const char *value)
{
	size_t size = strlen(value);

	dbus_add_byte(body, (uint8_t)size);
	text_add_bytes(body, value, size + 1);
}

size_t dbus_array_begin(struct text *body, size_t alignment)
{
	size_t mark;

	dbus_add_u32(body, 0);
	mark = body->size - sizeof(uint32_t);
	/* The padding before the first element is there without elements too, and not counted. */
	dbus_align(body, alignment);
	return mark;
}

void dbus_array_end(struct text *body, size_t mark, size_t alignment)
{
	size_t first = mark + sizeof(uint32_t);
	uint32_t size;

	first += (alignment - first % alignment) % alignment;
	size = (uint32_t)(body->size - first);
	memcpy(body->data + mark, &size, sizeof(size));
}

void dbus_skip_to(struct dbus_reader *reader, size_t alignment)
{
	size_t over = reader->at % alignment;

	if (over != 0)
		reader->at += alignment - over;
	if (reader->at > reader->size)
		reader->bad = true;
}

/* size bytes at a multiple of alignment, or NULL. */
static const char *take(struct dbus_reader *reader, size_t alignment, size_t size)
{
	const char *at;

	dbus_skip_to(reader, alignment);
	if (reader->bad || size > reader->size - reader->at) {
		reader->bad = true;
		return NULL;
	}
	at = reader->data + reader->at;
	reader->at += size;
	return at;
}

uint8_t dbus_get_byte(struct dbus_reader *reader)
{
	const char *at = take(reader, 1, 1);

	return at != NULL ? (uint8_t)*at : 0;
}

uint32_t dbus_get_u32(struct dbus_reader *reader)
{
	const char *at = take(reader, sizeof(uint32_t), sizeof(uint32_t));
	uint32_t value = 0;

	if (at != NULL)
		memcpy(&value, at, sizeof(value));
	return value;
}

/* A string of that size, which must end with NUL and have no other. */
static const char *take_string(struct dbus_reader *reader, size_t size)
{
	const char *at = take(reader, 1, size + 1);

	if (at == NULL || strnlen(at, size + 1) != size) {
		reader->bad = true;
		return "";
	}
	return at;
}

const char *dbus_get_string(struct dbus_reader *reader)
{
	return take_string(reader, dbus_get_u32(reader));
}

const char *dbus_get_signature(struct dbus_reader *reader)
{
	return take_string(reader, dbus_get_byte(reader));
}

uint32_t dbus_get_array(struct dbus_reader *reader, size_t alignment)
{
	uint32_t size = dbus_get_u32(reader);

	dbus_skip_to(reader, alignment);
	if (reader->bad || size > reader->size - reader->at) {
		reader->bad = true;
		return 0;
	}
	return size;
}
