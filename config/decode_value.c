/* SPDX-License-Identifier: Apache-2.0 */
#include "config/decode.h"

#include <string.h>

#include "base/text.h"

/* Single values: type, range, words of a table. */

bool has_property(const struct json *object, const char *key)
{
	const struct json *member = json_member(object, key);

	return member != NULL && member->type != JSON_NULL;
}

int want_type(struct decoder *d, const struct json *v, enum json_type type)
{
	static const char *const names[] = {
		[JSON_NULL] = "null", [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
	};

	if (v->type == type)
		return 0;
	return bad_value(d, v, "must be %s, not %s", names[type], json_describe(d->arena, v));
}

int decode_string(struct decoder *d, const struct json *v, void *out)
{
	if (want_type(d, v, JSON_STRING) < 0)
		return -1;
	*(const char **)out = v->text;
	return 0;
}

int decode_text(struct decoder *d, const struct json *v, void *out)
{
	if (want_type(d, v, JSON_STRING) < 0)
		return -1;
	*(const char **)out = *v->text != '\0' ? v->text : NULL;
	return 0;
}

int decode_path(struct decoder *d, const struct json *v, void *out)
{
	if (want_type(d, v, JSON_STRING) < 0)
		return -1;
	if (*v->text != '/')
		return bad_value(d, v, "must be an absolute path, not \"%s\"", v->text);
	*(const char **)out = v->text;
	return 0;
}

int decode_bool(struct decoder *d, const struct json *v, void *out)
{
	if (want_type(d, v, JSON_BOOL) < 0)
		return -1;
	*(bool *)out = v->truth;
	return 0;
}

static int want_integer(struct decoder *d, const struct json *v)
{
	if (v->type != JSON_NUMBER)
		return bad_value(d, v, "must be an integer, not %s", json_describe(d->arena, v));
	if (v->text[strspn(v->text, "-0123456789")] != '\0')
		return bad_value(d, v, "must be an integer, not %.40s", v->text);
	return 0;
}

int decode_u64_up_to(struct decoder *d, const struct json *v, uint64_t max, uint64_t *ret)
{
	if (want_integer(d, v) < 0)
		return -1;
	if (!text_to_u64(strcmp(v->text, "-0") == 0 ? "0" : v->text, max, ret))
		return bad_value(d, v, "must be from 0 to %ju, not %.40s", (uintmax_t)max, v->text);
	return 0;
}

int decode_i64_between(struct decoder *d, const struct json *v, int64_t min, int64_t max,
		       int64_t *ret)
{
	if (want_integer(d, v) < 0)
		return -1;
	if (!text_to_i64(v->text, min, max, ret))
		return bad_value(d, v, "must be from %jd to %jd, not %.40s", (intmax_t)min,
				 (intmax_t)max, v->text);
	return 0;
}

int decode_u32_up_to(struct decoder *d, const struct json *v, uint32_t max, uint32_t *ret)
{
	uint64_t value;

	if (decode_u64_up_to(d, v, max, &value) < 0)
		return -1;
	*ret = (uint32_t)value;
	return 0;
}

int decode_opt_u64_up_to(struct decoder *d, const struct json *v, uint64_t max, struct opt_u64 *ret)
{
	if (decode_u64_up_to(d, v, max, &ret->value) < 0)
		return -1;
	ret->set = true;
	return 0;
}

int decode_opt_i64_between(struct decoder *d, const struct json *v, int64_t min, int64_t max,
			   struct opt_i64 *ret)
{
	if (decode_i64_between(d, v, min, max, &ret->value) < 0)
		return -1;
	ret->set = true;
	return 0;
}

int decode_u64(struct decoder *d, const struct json *v, void *out)
{
	return decode_u64_up_to(d, v, UINT64_MAX, out);
}

int decode_i64(struct decoder *d, const struct json *v, void *out)
{
	return decode_i64_between(d, v, INT64_MIN, INT64_MAX, out);
}

int decode_u32(struct decoder *d, const struct json *v, void *out)
{
	return decode_u32_up_to(d, v, UINT32_MAX, out);
}

int decode_i32(struct decoder *d, const struct json *v, void *out)
{
	int64_t value;

	if (decode_i64_between(d, v, INT32_MIN, INT32_MAX, &value) < 0)
		return -1;
	*(int32_t *)out = (int32_t)value;
	return 0;
}

int decode_id(struct decoder *d, const struct json *v, void *out)
{
	/* The last one means "leave it alone" to setresuid(2) and chown(2). */
	return decode_u32_up_to(d, v, UINT32_MAX - 1, out);
}

int decode_opt_u64(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_u64_up_to(d, v, UINT64_MAX, out);
}

int decode_opt_i64(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_i64_between(d, v, INT64_MIN, INT64_MAX, out);
}

int decode_number_list(struct decoder *d, const struct json *v, void *out)
{
	uint64_t first, last;

	if (decode_text(d, v, out) < 0)
		return -1;
	for (const char *at = v->text; *at != '\0';)
		if (!text_take_range(&at, UINT32_MAX, &first, &last))
			return bad_value(d, v, "must be a list of numbers as \"0-3,7\", not \"%s\"",
					 v->text);
	return 0;
}

int decode_name(struct decoder *d, const struct json *v, const struct name *table,
		const char *what, uint64_t *ret)
{
	const struct name *name;
	const char *meant;

	if (want_type(d, v, JSON_STRING) < 0)
		return -1;
	name = name_find(table, v->text);
	if (name != NULL) {
		*ret = name->value;
		return 0;
	}
	meant = name_nearest(table, v->text);
	return bad_value(d, v, "must be %s, not \"%s\"%s", what, v->text,
			 guess_text(d->arena, meant));
}
