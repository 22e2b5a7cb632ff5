/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/*
 * As much of protocol buffers as a conversation with CRIU takes: fields that
 * are numbers, strings or messages, written one after the other, and read the
 * same way.  Source: protobuf's "Encoding".
 */
void protobuf_add_number(struct text *message, unsigned int field, uint64_t value);
void protobuf_add_text(struct text *message, unsigned int field, const char *value);
void protobuf_add_message(struct text *message, unsigned int field, const struct text *value);

/* A field as read; data is within the message. */
struct protobuf_field {
	unsigned int number;
	uint64_t value;			/* of a number */
	const char *data;		/* of a string or message, without a NUL; else NULL */
	size_t size;
};

/* What is not yet read of a message. */
struct protobuf_reader {
	const char *at, *end;
	bool damaged;
};

/* False at the end, and where the message is no such thing: then damaged is set. */
bool protobuf_next(struct protobuf_reader *reader, struct protobuf_field *ret);
