/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/protobuf.h"

#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static void add_varint(struct text *message, uint64_t value)
{
	char bytes[10];
	size_t size = 0;

	do {
		bytes[size++] = (char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
	} while (value > 0);
	text_add_bytes(message, bytes, size);
}

static void add_head(struct text *message, unsigned int field, enum wire_type type)
{
	add_varint(message, (uint64_t)field << 3 | type);
}

void protobuf_add_number(struct text *message, unsigned int field, uint64_t value)
{
	add_head(message, field, WIRE_VARINT);
	add_varint(message, value);
}

static void add_bytes(struct text *message, unsigned int field, const char *data, size_t size)
{
	add_head(message, field, WIRE_BYTES);
	add_varint(message, size);
	if (size > 0)
		text_add_bytes(message, data, size);
}

void protobuf_add_text(struct text *message, unsigned int field, const char *value)
{
	add_bytes(message, field, value, strlen(value));
}

void protobuf_add_message(struct text *message, unsigned int field, const struct text *value)
{
	add_bytes(message, field, value->data, value->size);
}

static bool read_varint(struct protobuf_reader *reader, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
		unsigned char byte = (unsigned char)*reader->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*ret = value;
			return true;
		}
	}
	return false;
}

static bool read_bytes(struct protobuf_reader *reader, uint64_t size, struct protobuf_field *ret)
{
	if (size > (uint64_t)(reader->end - reader->at))
		return false;
	ret->data = reader->at;
	ret->size = (size_t)size;
	reader->at += size;
	return true;
}

static bool read_value(struct protobuf_reader *reader, enum wire_type type,
		       struct protobuf_field *ret)
{
	uint64_t size;

	switch (type) {
	case WIRE_VARINT:
		return read_varint(reader, &ret->value);
	case WIRE_64:
		return read_bytes(reader, 8, ret);
	case WIRE_32:
		return read_bytes(reader, 4, ret);
	case WIRE_BYTES:
		return read_varint(reader, &size) && read_bytes(reader, size, ret);
	}
	return false;
}

bool protobuf_next(struct protobuf_reader *reader, struct protobuf_field *ret)
{
	struct protobuf_field field = { 0 };
	uint64_t head;

	if (reader->damaged || reader->at == reader->end)
		return false;
	if (!read_varint(reader, &head) || head >> 3 == 0 || head >> 3 > UINT32_MAX ||
	    !read_value(reader, (enum wire_type)(head & 7), &field)) {
		reader->damaged = true;
		return false;
	}
	field.number = (unsigned int)(head >> 3);
	*ret = field;
	return true;
}
