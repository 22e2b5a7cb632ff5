/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void text_reserve(struct text *text, size_t more)
{
	size_t room = text->room != 0 ? text->room : 128;
	char *data;

	if (text->size + more < text->room)
		return;
	while (room <= text->size + more)
		room *= 2;
	data = arena_alloc(text->arena, room);
	if (text->size > 0)
		memcpy(data, text->data, text->size);
	text->data = data;
	text->room = room;
}

void text_add_bytes(struct text *text, const char *more, size_t size)
{
	text_reserve(text, size + 1);
	memcpy(text->data + text->size, more, size);
	text->size += size;
	text->data[text->size] = '\0';
}

void text_add(struct text *text, const char *more)
{
	text_add_bytes(text, more, strlen(more));
}

void number_print(char to[NUMBER_ROOM], uint64_t number)
{
	char digits[NUMBER_ROOM];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (count > 0)
		*to++ = digits[--count];
	*to = '\0';
}

void text_add_number(struct text *text, uint64_t number)
{
	char digits[NUMBER_ROOM];

	number_print(digits, number);
	text_add(text, digits);
}

void text_printf(struct text *text, const char *fmt, ...)
{
	va_list args, again;
	size_t left;
	int length;

	va_start(args, fmt);
	va_copy(again, args);
	text_reserve(text, 1);
	left = text->room - text->size;
	length = vsnprintf(text->data + text->size, left, fmt, args);
	va_end(args);
	if (length > 0 && (size_t)length >= left) {
		text_reserve(text, (size_t)length + 1);
		vsnprintf(text->data + text->size, (size_t)length + 1, fmt, again);
	}
	if (length > 0)
		text->size += (size_t)length;
	va_end(again);
}

size_t text_character(const char *text, size_t size)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 :
			at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;

	if (length > size)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, surrogates, beyond the last. */
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return length;
}

/*
 * The number of the character that text begins with, where a terminal does something else with it
 * than to show it in its place; else 0.
 */
static unsigned int obeyed(const char *text, size_t *ret_length)
{
	const unsigned char *at = (const unsigned char *)text;

	*ret_length = at[0] < 0x80 ? 1 : at[0] == 0xc2 ? 2 : 3;
	if (at[0] < 0x80)
		return at[0] < 0x20 || at[0] == 0x7f ? at[0] : 0;
	/* U+0080 to U+009F begin sequences as Escape does: U+009B is "Escape [". */
	if (at[0] == 0xc2)
		return at[1] >= 0x80 && at[1] < 0xa0 ? at[1] : 0;
	/* U+202A to U+202E, U+2066 to U+2069: what follows stands before it. */
	if (at[0] == 0xe2 && ((at[1] == 0x80 && at[2] >= 0xaa && at[2] <= 0xae) ||
			      (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)))
		return 0x2000U | (at[1] & 0x3fU) << 6 | (at[2] & 0x3fU);
	return 0;
}

/* How many bytes of it stand for themselves in a JSON string. */
static size_t json_plain(const char *text)
{
	const char *at = text;
	size_t ignored;

	while (*at != '\0' && *at != '"' && *at != '\\' && obeyed(at, &ignored) == 0)
		at++;
	return (size_t)(at - text);
}

/* What one character that does not is there; returns its bytes. */
static size_t json_escape(struct text *text, const char *at)
{
	static const char short_ones[] = "\"\"\\\\\nn\tt\rr";
	size_t length = 1;

	for (const char *pair = short_ones; *pair != '\0'; pair += 2)
		if (*at == *pair) {
			text_add(text, "\\");
			text_add_bytes(text, pair + 1, 1);
			return 1;
		}
	text_printf(text, "\\u%04x", obeyed(at, &length));
	return length;
}

void text_add_json(struct text *text, const char *value)
{
	text_add(text, "\"");
	while (*value != '\0') {
		size_t length = json_plain(value);

		if (length > 0)
			text_add_bytes(text, value, length);
		else
			length = json_escape(text, value);
		value += length;
	}
	text_add(text, "\"");
}

bool text_take_u64(const char **at, uint64_t max, uint64_t *ret)
{
	const char *text = *at;
	uint64_t value = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	if (text == *at || value > max)
		return false;
	*at = text;
	*ret = value;
	return true;
}

bool text_take_range(const char **at, uint64_t max, uint64_t *ret_first, uint64_t *ret_last)
{
	const char *text = *at;
	uint64_t first, last;

	if (!text_take_u64(&text, max, &first))
		return false;
	last = first;
	if (*text == '-') {
		text++;
		if (!text_take_u64(&text, max, &last) || first > last)
			return false;
	}
	if (*text == ',' && text[1] != '\0')
		text++;
	else if (*text != '\0' && *text != '\n')
		return false;
	*at = text;
	*ret_first = first;
	*ret_last = last;
	return true;
}

bool text_to_u64(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t value;

	if (!text_take_u64(&text, max, &value) || *text != '\0')
		return false;
	*ret = value;
	return true;
}

bool text_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = *text == '-';
	uint64_t magnitude;
	int64_t value;

	if (!text_to_u64(text + negative, (uint64_t)INT64_MAX + negative, &magnitude))
		return false;
	value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}

bool text_to_id(const char *text, uint32_t *ret)
{
	uint64_t value;

	if (!text_to_u64(text, UINT32_MAX - 1, &value))
		return false;
	*ret = (uint32_t)value;
	return true;
}

const char *text_printable(struct arena *arena, const char *text)
{
	struct text out = { .arena = arena };
	size_t left = strlen(text);

	for (const char *at = text; left > 0;) {
		size_t length = text_character(at, left), ignored;
		/* A byte that is no UTF-8 may be one of those to a terminal that takes Latin-1. */
		bool plain = length > 0 && obeyed(at, &ignored) == 0;

		length = length > 0 ? length : 1;
		for (size_t i = 0; i < length && !plain; i++)
			text_printf(&out, "\\x%02x", (unsigned char)at[i]);
		if (plain)
			text_add_bytes(&out, at, length);
		at += length;
		left -= length;
	}
	return out.size > 0 ? out.data : "";
}

/* As far as it is that. */
static size_t utf8_length(const char *text, size_t size)
{
	size_t length = 0, more;

	while (length < size && (more = text_character(text + length, size - length)) > 0)
		length += more;
	return length;
}

const char *text_utf8(struct arena *arena, const char *text)
{
	struct text out = { .arena = arena };
	size_t left = strlen(text), length = utf8_length(text, left);

	if (length == left)
		return text;
	for (; left > 0; length = utf8_length(text, left)) {
		text_add_bytes(&out, text, length);
		if (length < left)
			text_add(&out, "\xef\xbf\xbd");
		length += length < left;
		text += length;
		left -= length;
	}
	return out.data;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

unsigned int text_distance(const char *a, const char *b, unsigned int limit)
{
	size_t a_length = strlen(a), b_length = strlen(b);
	unsigned int rows[3][65];	/* by i modulo 3 */

	if (b_length >= ARRAY_SIZE(rows[0]) || a_length >= ARRAY_SIZE(rows[0]))
		return limit + 1;
	for (size_t i = 0; i <= a_length; i++) {
		unsigned int *row = rows[i % 3], *above = rows[(i + 2) % 3];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_length; j++) {
			row[j] = row[j - 1] + 1;
			if (i == 0)
				continue;
			row[j] = least(row[j], above[j] + 1);
			row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + 1);
		}
	}
	return least(rows[a_length % 3][b_length], limit + 1);
}

static bool lower(char *out, size_t room, const char *text)
{
	size_t i;

	for (i = 0; i + 1 < room && text[i] != '\0'; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	out[i] = '\0';
	return text[i] == '\0';
}

static bool is_near(const char *a, const char *b, unsigned int *ret_distance)
{
	char x[64], y[64];
	size_t x_length, y_length;
	unsigned int limit;

	if (!lower(x, sizeof(x), a) || !lower(y, sizeof(y), b))
		return false;
	x_length = strlen(x);
	y_length = strlen(y);
	limit = x_length <= 2 ? 0 : x_length == 3 ? 1 : x_length <= 7 ? 2 : 3;
	*ret_distance = text_distance(x, y, limit);
	if (*ret_distance <= limit)
		return true;
	/* What people leave out: "net" for "network", "KILL" for "CAP_KILL". */
	*ret_distance = limit + 1;
	return x_length >= 3 && x_length < y_length &&
	       (strncmp(x, y, x_length) == 0 || strcmp(x, y + y_length - x_length) == 0);
}

bool guess_try(struct guess *guess, const char *candidate)
{
	unsigned int distance;

	if (!is_near(guess->word, candidate, &distance) || distance >= guess->distance)
		return false;
	guess->meant = candidate;
	guess->distance = distance;
	return true;
}

const char *guess_text(struct arena *arena, const char *meant)
{
	return meant != NULL ? arena_printf(arena, "; did you mean \"%s\"?", meant) : "";
}
