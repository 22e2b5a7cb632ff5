/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/cgroup/dbus.h"

#define ORDER	(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B')
/* What is left of the specification's 128 MiB for a peer that is to be believed. */
#define SIZE_LIMIT	(1U << 20)
#define HEAD_SIZE	16

enum field {
	FIELD_PATH = 1, FIELD_INTERFACE, FIELD_MEMBER, FIELD_ERROR_NAME, FIELD_REPLY_SERIAL,
	FIELD_DESTINATION, FIELD_SENDER, FIELD_SIGNATURE,
};

static void field_add(struct text *out, enum field field, const char *type, const char *value)
{
	if (value == NULL)
		return;
	dbus_align(out, 8);
	dbus_add_byte(out, (uint8_t)field);
	dbus_add_signature(out, type);
	if (*type == 'g')
		dbus_add_signature(out, value);
	else
		dbus_add_string(out, value);
}

void dbus_message_add(struct text *out, const struct dbus_call *call, uint32_t serial,
		      const struct text *body)
{
	/* Padding counts from the beginning of the message, so each is built for itself. */
	struct text message = { .arena = out->arena };
	size_t fields;

	dbus_add_byte(&message, ORDER);
	dbus_add_byte(&message, DBUS_CALL);
	/* No flags: after boot the bus holds the call back until systemd has its name there. */
	dbus_add_byte(&message, 0);
	dbus_add_byte(&message, 1);
	dbus_add_u32(&message, body != NULL ? (uint32_t)body->size : 0);
	dbus_add_u32(&message, serial);
	fields = dbus_array_begin(&message, 8);
	field_add(&message, FIELD_PATH, "o", call->path);
	field_add(&message, FIELD_INTERFACE, "s", call->interface);
	field_add(&message, FIELD_MEMBER, "s", call->member);
	field_add(&message, FIELD_DESTINATION, "s", call->destination);
	field_add(&message, FIELD_SIGNATURE, "g", call->signature);
	dbus_array_end(&message, fields, 8);
	dbus_align(&message, 8);
	if (body != NULL && body->size > 0)
		text_add_bytes(&message, body->data, body->size);
	text_add_bytes(out, message.data, message.size);
}

size_t dbus_message_size(const char *head)
{
	uint32_t body, fields;

	memcpy(&body, head + 4, sizeof(body));
	memcpy(&fields, head + 12, sizeof(fields));
	if (head[0] != ORDER || body > SIZE_LIMIT || fields > SIZE_LIMIT)
		return 0;
	return (HEAD_SIZE + (size_t)fields + 7) / 8 * 8 + body;
}

/* False: it goes past the end, or has a type that no header field has. */
static bool field_read(struct dbus_reader *reader, struct dbus_message *message)
{
	uint8_t field;
	const char *type, *value = "";
	uint32_t number = 0;

	dbus_skip_to(reader, 8);
	field = dbus_get_byte(reader);
	type = dbus_get_signature(reader);
	if (strcmp(type, "s") == 0 || strcmp(type, "o") == 0)
		value = dbus_get_string(reader);
	else if (strcmp(type, "g") == 0)
		value = dbus_get_signature(reader);
	else if (strcmp(type, "u") == 0)
		number = dbus_get_u32(reader);
	else
		return false;
	if (field == FIELD_PATH)
		message->path = value;
	else if (field == FIELD_INTERFACE)
		message->interface = value;
	else if (field == FIELD_MEMBER)
		message->member = value;
	else if (field == FIELD_ERROR_NAME)
		message->error_name = value;
	else if (field == FIELD_REPLY_SERIAL)
		message->reply_serial = number;
	else if (field == FIELD_SENDER)
		message->sender = value;
	else if (field == FIELD_SIGNATURE)
		message->signature = value;
	return !reader->bad;
}

int dbus_message_parse(const char *data, size_t size, struct dbus_message *ret, struct error *err)
{
	struct dbus_message message = {
		.path = "",
		.interface = "",
		.member = "",
		.error_name = "",
		.sender = "",
		.signature = "",
	};
	struct dbus_reader reader = { .data = data, .size = size };
	uint32_t body;
	size_t end;

	if (size < HEAD_SIZE || dbus_message_size(data) != size)
		return error_set(err, "D-Bus message: its size is not what it says");
	dbus_get_byte(&reader);
	message.type = (enum dbus_type)dbus_get_byte(&reader);
	dbus_get_byte(&reader);
	dbus_get_byte(&reader);
	body = dbus_get_u32(&reader);
	message.serial = dbus_get_u32(&reader);
	end = dbus_get_array(&reader, 8);
	end += reader.at;
	while (!reader.bad && reader.at < end)
		if (!field_read(&reader, &message))
			return error_set(err, "D-Bus message: bad header field");
	if (reader.bad || reader.at != end)
		return error_set(err, "D-Bus message: bad header");
	message.body = (struct dbus_reader){ .data = data + size - body, .size = body };
	*ret = message;
	return 0;
}

/* %41 is 'A'. */
static char *unescape(struct arena *arena, const char *text, size_t size)
{
	char *out = arena_alloc(arena, size + 1);
	size_t length = 0;

	for (size_t i = 0; i < size; i++) {
		char hex[3] = { 0 };
		char *end;

		if (text[i] == '%' && i + 2 < size) {
			memcpy(hex, text + i + 1, 2);
			out[length] = (char)strtoul(hex, &end, 16);
			if (*end == '\0' && out[length] != '\0') {
				length++;
				i += 2;
				continue;
			}
		}
		out[length++] = text[i];
	}
	out[length] = '\0';
	return out;
}

bool dbus_address_path(struct arena *arena, const char *address, const char **ret_path,
		       bool *ret_abstract)
{
	for (; *address != '\0'; address += strcspn(address, ";"), address += *address == ';') {
		const char *at = address + 5, *end = address + strcspn(address, ";");

		if (strncmp(address, "unix:", 5) != 0)
			continue;
		while (at < end) {
			size_t length = strcspn(at, ",;");
			bool abstract = strncmp(at, "abstract=", 9) == 0;

			if (abstract || strncmp(at, "path=", 5) == 0) {
				size_t key = abstract ? 9 : 5;

				*ret_path = unescape(arena, at + key, length - key);
				*ret_abstract = abstract;
				return true;
			}
			at += length;
			at += *at == ',';
		}
	}
	return false;
}
