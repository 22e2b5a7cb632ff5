/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/suite_value.h"

#include <string.h>

#include "base/text.h"
#include "config/make_value.h"

int decode_word(struct decoder *d, const struct json *v, void *out)
{
	if (v->type == JSON_NUMBER || (v->type == JSON_BOOL && v->text != NULL)) {
		*(const char **)out = v->text;
		return 0;
	}
	return decode_string(d, v, out);
}

int decode_name_word(struct decoder *d, const struct json *v, void *out)
{
	if (decode_word(d, v, out) < 0)
		return -1;
	if (**(const char **)out == '\0')
		return bad_value(d, v, "must not be empty");
	return 0;
}

int decode_flag(struct decoder *d, const struct json *v, void *out)
{
	static const struct { const char *word; bool truth; } words[] = {
		{ "yes", true }, { "Yes", true }, { "YES", true }, { "on", true }, { "On", true },
		{ "no", false }, { "No", false }, { "NO", false }, { "off", false },
		{ "Off", false },
	};

	for (size_t i = 0; v->type == JSON_STRING && i < ARRAY_SIZE(words); i++) {
		if (strcmp(v->text, words[i].word) == 0) {
			*(bool *)out = words[i].truth;
			return 0;
		}
	}
	return decode_bool(d, v, out);
}

/* "1.5" of unit thousandths: 1500; no more than three digits count.  False: no such number. */
static bool thousandths(const char *text, size_t length, uint64_t *ret)
{
	const char *point = memchr(text, '.', length);
	size_t whole = point != NULL ? (size_t)(point - text) : length;
	char digits[24] = "";
	uint64_t value, scale = 100, more = 0;

	if (whole == 0 || whole > 12)
		return false;
	memcpy(digits, text, whole);
	if (!text_to_u64(digits, UINT32_MAX, &value))
		return false;
	for (size_t i = whole + 1; i < length; i++, scale /= 10) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		more += (uint64_t)(text[i] - '0') * scale;
	}
	*ret = value * 1000 + more;
	return true;
}

bool duration_parse(const char *text, uint64_t *ret)
{
	static const struct { const char *unit; uint64_t factor; } units[] = {
		{ "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "m", 60000 }, { "h", 3600000 },
	};
	size_t length = strspn(text, "0123456789.");
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + length, units[i].unit) != 0 ||
		    !thousandths(text, length, &value))
			continue;
		/* In nanoseconds, and from now on, it is to be a number still. */
		if (value * units[i].factor / 1000 > INT64_MAX / 1000000)
			return false;
		*ret = value * units[i].factor / 1000;
		return true;
	}
	return false;
}

int decode_duration(struct decoder *d, const struct json *v, void *out)
{
	struct opt_u64 *number = out;
	const char *text;

	if (decode_word(d, v, &text) < 0)
		return -1;
	if (!duration_parse(text, &number->value))
		return bad_value(d, v, "must be a duration as 5s, 300ms or 2m, not \"%s\"", text);
	number->set = true;
	return 0;
}

int decode_bytes(struct decoder *d, const struct json *v, void *out)
{
	struct opt_u64 *number = out;
	const char *text;
	int64_t value;

	if (decode_word(d, v, &text) < 0)
		return -1;
	if (!size_parse(text, &value) || value <= 0)
		return bad_value(d, v, "must be a size as 64M, not \"%s\"", text);
	number->set = true;
	number->value = (uint64_t)value;
	return 0;
}

static int number_up_to(struct decoder *d, const struct json *v, uint64_t min, uint64_t max,
			struct opt_u64 *ret)
{
	const char *text;
	uint64_t value;

	if (decode_word(d, v, &text) < 0)
		return -1;
	if (!text_to_u64(text, max, &value) || value < min)
		return bad_value(d, v, "must be a number from %ju to %ju, not \"%s\"",
				 (uintmax_t)min, (uintmax_t)max, text);
	*ret = (struct opt_u64){ true, value };
	return 0;
}

int decode_count(struct decoder *d, const struct json *v, void *out)
{
	return number_up_to(d, v, 0, UINT32_MAX, out);
}

int decode_owner(struct decoder *d, const struct json *v, void *out)
{
	if (v->type == JSON_NUMBER && strcmp(v->text, "-1") == 0)
		return 0;
	return number_up_to(d, v, 0, UINT32_MAX - 1, out);
}

int decode_port(struct decoder *d, const struct json *v, void *out)
{
	return number_up_to(d, v, 1, 65535, out);
}

int decode_port_number(struct decoder *d, const struct json *v, void *out)
{
	struct opt_u64 number = { 0 };

	if (decode_port(d, v, &number) < 0)
		return -1;
	*(uint32_t *)out = (uint32_t)number.value;
	return 0;
}

int decode_status(struct decoder *d, const struct json *v, void *out)
{
	return number_up_to(d, v, 0, 255, out);
}

int decode_signal(struct decoder *d, const struct json *v, void *out)
{
	const char *text;
	int number;

	if (decode_word(d, v, &text) < 0)
		return -1;
	number = signal_parse(text);
	if (number == 0)
		return bad_value(d, v, "must be a signal as TERM or SIGUSR1, not \"%s\"", text);
	*(int *)out = number;
	return 0;
}

int decode_pattern(struct decoder *d, const struct json *v, void *out)
{
	struct error err;
	const char *text;

	if (decode_word(d, v, &text) < 0)
		return -1;
	if (pattern_compile(d->arena, text, out, &err) < 0)
		return bad_value(d, v, "%s", err.text);
	return 0;
}

int decode_words(struct decoder *d, const struct json *v, void *out)
{
	return decode_list(d, v, decode_word, sizeof(const char *), out);
}

int decode_command(struct decoder *d, const struct json *v, void *out)
{
	if (decode_words(d, v, out) < 0)
		return -1;
	if (((word_list *)out)->count == 0)
		return bad_value(d, v, "must not be empty: a command and its arguments");
	return 0;
}

int decode_pair(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD("key", decode_name_word, struct suite_pair, key, FIELD_REQUIRED),
		FIELD("value", decode_word, struct suite_pair, value),
		FIELD("isRegex", decode_flag, struct suite_pair, is_regex),
		{ 0 },
	};
	struct suite_pair *pair = out;
	struct error err;

	if (decode_object(d, v, fields, pair) < 0)
		return -1;
	if (pair->value == NULL)
		pair->value = "";
	if (pair->is_regex && pattern_compile(d->arena, pair->value, &pair->pattern, &err) < 0)
		return bad_member(d, v, "value", "%s", err.text);
	return 0;
}
