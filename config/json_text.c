/* SPDX-License-Identifier: Apache-2.0 */
#include "config/json_text.h"

#include <stdbool.h>

#include "base/text.h"

enum half { HALF_NONE, HALF_FIRST, HALF_SECOND };

/* "\ud83d" and "\ude00" are one character together. */
static enum half half_of(const char *at)
{
	char digit;

	if (at[0] != '\\' || at[1] != 'u' || (at[2] | 0x20) != 'd')
		return HALF_NONE;
	digit = (char)(at[3] | 0x20);
	if (digit >= 'c' && digit <= 'f')
		return HALF_SECOND;
	return digit < '8' ? HALF_NONE : HALF_FIRST;
}

/* 0: that is no character. */
static size_t length_of(const char *at, size_t left)
{
	if (at[0] == '\\')
		return at[1] == 'u' ? 6 : 2;
	return text_character(at, left);
}

/* Of what most texts are, whole. */
static size_t plain_length(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size && text[at] != '\\' && (unsigned char)text[at] < 0x80)
		at++;
	return at;
}

const char *json_text_wrong(const char *text, size_t size, size_t *ret_offset)
{
	bool wanted = false; /* a second half: the first one stands in front */
	size_t length;

	for (size_t at = 0; at < size; at += length) {
		enum half half;

		length = wanted ? 0 : plain_length(text + at, size - at);
		if (length > 0)
			continue;
		*ret_offset = at;
		half = half_of(text + at);
		if (wanted != (half == HALF_SECOND))
			return "a text has half a surrogate pair";
		wanted = half == HALF_FIRST;
		length = length_of(text + at, size - at);
		if (length == 0)
			return "a text is not UTF-8";
	}
	return wanted ? "a text ends in half a surrogate pair" : NULL;
}
