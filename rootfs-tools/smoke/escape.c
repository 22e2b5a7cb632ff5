/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/smoke/report.h"

#define REPLACEMENT	"\xef\xbf\xbd"

/* The length of the UTF-8 character there, or 0: it is none. */
static size_t character_length(const unsigned char *at, uint32_t *ret_value)
{
	static const struct { unsigned char mask, lead; size_t length; uint32_t min; } forms[] = {
		{ 0x80, 0x00, 1, 0 }, { 0xe0, 0xc0, 2, 0x80 }, { 0xf0, 0xe0, 3, 0x800 },
		{ 0xf8, 0xf0, 4, 0x10000 },
	};
	uint32_t value;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if ((at[0] & forms[i].mask) != forms[i].lead)
			continue;
		value = at[0] & (unsigned char)~forms[i].mask;
		for (size_t j = 1; j < forms[i].length; j++) {
			if ((at[j] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (at[j] & 0x3f);
		}
		*ret_value = value;
		return value < forms[i].min || value > 0x10ffff ||
		       (value >= 0xd800 && value <= 0xdfff) ? 0 : forms[i].length;
	}
	return 0;
}

/* XML 1.0 has no way to say the others, not even as entities. */
static bool is_xml(uint32_t value)
{
	return value != 0xfffe && value != 0xffff && value != 0x7f &&
	       (value >= 0x20 || value == '\t' || value == '\n' || value == '\r');
}

void text_add_xml(struct text *out, const char *text)
{
	static const struct { char byte; const char *entity; } entities[] = {
		{ '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" },
		{ '\'', "&#39;" }, { '\r', "&#13;" },
	};
	uint32_t value;

	for (const char *at = text; *at != '\0';) {
		size_t length = character_length((const unsigned char *)at, &value), i = 0;

		while (i < ARRAY_SIZE(entities) && entities[i].byte != *at)
			i++;
		if (length == 0 || !is_xml(value))
			text_add(out, REPLACEMENT);
		else if (i < ARRAY_SIZE(entities))
			text_add(out, entities[i].entity);
		else
			text_add_bytes(out, at, length);
		at += length != 0 ? length : 1;
	}
}
