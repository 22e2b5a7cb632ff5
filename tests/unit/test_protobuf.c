/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "runtime/checkpoint/protobuf.h"

/* The examples of protobuf's "Encoding" page. */
Test(protobuf, numbers_texts_and_messages_are_written)
{
	_cleanup_arena struct arena arena = { 0 };
	struct text inner = { .arena = &arena }, out = { .arena = &arena };
	static const char expected[] = "\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01";

	protobuf_add_number(&inner, 1, 150);
	protobuf_add_number(&out, 1, 150);
	protobuf_add_text(&out, 2, "testing");
	protobuf_add_message(&out, 3, &inner);
	cr_assert_eq(out.size, sizeof(expected) - 1);
	cr_expect_eq(memcmp(out.data, expected, out.size), 0);
}

Test(protobuf, what_was_written_is_read)
{
	_cleanup_arena struct arena arena = { 0 };
	struct text out = { .arena = &arena };
	struct protobuf_reader reader;
	struct protobuf_field field;

	protobuf_add_number(&out, 70, UINT64_MAX);
	protobuf_add_text(&out, 5, "");
	reader = (struct protobuf_reader){ out.data, out.data + out.size, false };
	cr_assert(protobuf_next(&reader, &field));
	cr_expect_eq(field.number, 70);
	cr_expect_eq(field.value, UINT64_MAX);
	cr_assert(protobuf_next(&reader, &field));
	cr_expect_eq(field.number, 5);
	cr_expect_eq(field.size, 0);
	cr_expect_not(protobuf_next(&reader, &field));
	cr_expect_not(reader.damaged);
}

Test(protobuf, damaged_messages_are_found_out)
{
	static const struct { const char *bytes; size_t size; } bad[] = {
		{ "\x08", 1 },				/* no value */
		{ "\x12\x05" "abc", 5 },		/* shorter than it says */
		{ "\x0b\x01", 2 },			/* a type of old */
		{ "\x00\x01", 2 },			/* field 0 */
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 },
		{ "\x0d\x01\x02", 3 },			/* less than 32 bits */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct protobuf_reader reader = { bad[i].bytes, bad[i].bytes + bad[i].size,
						  false };
		struct protobuf_field field;

		while (protobuf_next(&reader, &field))
			;
		cr_expect(reader.damaged, "%zu", i);
	}
}
