/* SPDX-License-Identifier: Apache-2.0 */
#include "config/decode.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

/* Findings beyond this are dropped: each costs time, and a hostile file may hold 200,000. */
#define MAX_FINDINGS	100

static size_t room_for(size_t count)
{
	size_t room = 1;

	while (room < count)
		room *= 2;
	return room;
}

/* --- messages ------------------------------------------------------------------- */

void *list_add(struct arena *arena, void *out, size_t item_size)
{
	struct list *list = out;
	size_t count = list->count;

	/* The room is always room_for(count), so that a list need not store it. */
	if ((count & (count - 1)) == 0) {
		char *items = arena_array(arena, count == 0 ? 1 : count * 2, item_size);

		if (count > 0)
			memcpy(items, list->items, count * item_size);
		list->items = items;
	}
	list->count++;
	return (char *)list->items + count * item_size;
}

static void add_finding(struct decoder *d, enum severity severity, const struct json *v,
			const char *text)
{
	struct finding *finding;

	if (!d->collect || d->diagnosis.findings.count >= MAX_FINDINGS)
		return;
	finding = list_add(d->arena, &d->diagnosis.findings, sizeof(*finding));
	finding->severity = severity;
	finding->value = v;
	finding->text = text;
}

/* "file:line:column: pointer: " in front of what is said; key: a member of v, which need not exist. */
static const char *place(struct decoder *d, const struct json *v, const char *key, const char *fmt,
			 va_list args)
{
	struct text text = { .arena = d->arena };
	const char *pointer = json_pointer(d->arena, v);
	unsigned int line, column;
	char said[900];

	json_position(&d->source, v->offset, &line, &column);
	vsnprintf(said, sizeof(said), fmt, args);
	text_printf(&text, "%s:%u:%u: ", d->source.name, line, column);
	if (key != NULL)
		text_printf(&text, "%s/%s: ", pointer, key);
	else if (*pointer != '\0')
		text_printf(&text, "%s: ", pointer);
	text_add(&text, text_printable(d->arena, said));
	return text.data;
}

static int fail(struct decoder *d, const struct json *v, const char *text)
{
	if (!d->failed)
		error_set(d->err, "%s", text);
	d->failed = true;
	add_finding(d, SEVERITY_ERROR, v, text);
	return -1;
}

int bad_value(struct decoder *d, const struct json *v, const char *fmt, ...)
{
	va_list args;
	const char *text;

	va_start(args, fmt);
	text = place(d, v, NULL, fmt, args);
	va_end(args);
	return fail(d, v, text);
}

int bad_member(struct decoder *d, const struct json *v, const char *key, const char *fmt, ...)
{
	va_list args;
	const char *text;

	va_start(args, fmt);
	text = place(d, v, key, fmt, args);
	va_end(args);
	return fail(d, v, text);
}

/* The value that the pointer names, or the nearest one above it; *ret_rest: what is left to name. */
static const struct json *nearest(const struct json *root, const char *pointer,
				  const char **ret_rest)
{
	const struct json *value = root;

	while (*pointer == '/') {
		size_t length = 1 + strcspn(pointer + 1, "/");
		char token[256];
		const struct json *child = NULL;

		if (length < sizeof(token)) {
			memcpy(token, pointer, length);
			token[length] = '\0';
			child = json_find(value, token);
		}
		if (child == NULL)
			break;
		value = child;
		pointer += length;
	}
	*ret_rest = *pointer == '/' ? pointer + 1 : NULL;
	return value;
}

int bad_pointer(struct decoder *d, const char *pointer, const char *fmt, ...)
{
	const char *rest, *text;
	const struct json *v = nearest(d->root, pointer, &rest);
	va_list args;

	va_start(args, fmt);
	text = place(d, v, rest, fmt, args);
	va_end(args);
	return fail(d, v, text);
}

void warn_value(struct decoder *d, const struct json *v, const char *fmt, ...)
{
	va_list args;
	const char *text;

	if (d->warnings.count >= MAX_FINDINGS)
		return;
	va_start(args, fmt);
	text = place(d, v, NULL, fmt, args);
	va_end(args);
	*(const char **)list_add(d->arena, &d->warnings, sizeof(const char *)) = text;
	add_finding(d, SEVERITY_WARNING, v, text);
}

void note_value(struct decoder *d, enum severity severity, const struct json *v, const char *fmt,
		...)
{
	va_list args;

	if (!d->collect || d->diagnosis.findings.count >= MAX_FINDINGS)
		return;
	va_start(args, fmt);
	add_finding(d, severity, v, place(d, v, NULL, fmt, args));
	va_end(args);
}

/* --- objects and arrays ------------------------------------------------------------ */

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

static const struct field *field_find(const struct field *fields, const char *key)
{
	for (const struct field *field = fields; field->key != NULL; field++)
		if (strcmp(field->key, key) == 0)
			return field;
	return NULL;
}

static void note_unknown(struct decoder *d, const struct json *v, const struct field *fields)
{
	unsigned int best = UINT32_MAX, distance;
	const char *meant = NULL;

	if (!d->collect)
		return;
	for (const struct field *field = fields; field->key != NULL; field++) {
		if (name_near(v->key, field->key, &distance) && distance < best) {
			best = distance;
			meant = field->key;
		}
	}
	if (meant != NULL)
		note_value(d, SEVERITY_WARNING, v, "is no property of the OCI spec, and ignored; "
			   "did you mean \"%s\"?", meant);
	else
		note_value(d, SEVERITY_WARNING, v, "is no property of the OCI spec, and ignored");
}

static int decode_field(struct decoder *d, const struct json *v, const struct field *field,
			void *out)
{
	void *member = (char *)out + field->offset;

	if (field->fields != NULL)
		return decode_object(d, v, field->fields, member);
	if (field->item_size != 0)
		return decode_list(d, v, field->decode, field->item_size, member);
	return field->decode(d, v, member);
}

static int check_required(struct decoder *d, const struct json *v, const struct field *fields)
{
	int result = 0;

	for (const struct field *field = fields; field->key != NULL; field++) {
		const struct json *member;

		if (!(field->flags & FIELD_REQUIRED))
			continue;
		member = json_member(v, field->key);
		if (member == NULL)
			result = bad_member(d, v, field->key, "is required, but missing");
		else if (member->type == JSON_NULL)
			result = bad_value(d, member, "is required, but null");
		if (result < 0 && !d->collect)
			break;
	}
	return result;
}

int decode_object(struct decoder *d, const struct json *v, const struct field *fields, void *out)
{
	int result;

	if (want_type(d, v, JSON_OBJECT) < 0)
		return -1;
	result = check_required(d, v, fields);
	for (const struct json *member = v->first;
	     member != NULL && (result == 0 || d->collect); member = member->next) {
		const struct field *field = field_find(fields, member->key);

		if (field == NULL)
			note_unknown(d, member, fields);
		else if (!(field->flags & FIELD_IGNORED) && member->type != JSON_NULL &&
			 decode_field(d, member, field, out) < 0)
			result = -1;
	}
	return result;
}

int decode_list(struct decoder *d, const struct json *v, decode_fn *decode, size_t item_size,
		void *out)
{
	struct list *list = out;
	int result = 0;

	if (want_type(d, v, JSON_ARRAY) < 0)
		return -1;
	if (v->count == 0)
		return 0;
	list->items = arena_array(d->arena, room_for(v->count), item_size);
	JSON_EACH(item, v) {
		/* list->count stays what is complete, so that a decoder may look at those before. */
		if (decode(d, item, (char *)list->items + list->count * item_size) < 0) {
			result = -1;
			if (!d->collect)
				break;
		}
		list->count++;
	}
	return result;
}

int decode_string_map(struct decoder *d, const struct json *v, void *out)
{
	LIST(struct annotation) *list = out;
	int result = 0;

	if (want_type(d, v, JSON_OBJECT) < 0)
		return -1;
	if (v->count == 0)
		return 0;
	list->items = ARENA_NEWS(d->arena, room_for(v->count), struct annotation);
	JSON_EACH(member, v) {
		struct annotation *pair = &list->items[list->count];

		if (*member->key == '\0')
			result = bad_value(d, member, "has an empty key");
		else if (decode_string(d, member, &pair->value) < 0)
			result = -1;
		if (result < 0 && !d->collect)
			break;
		pair->key = member->key;
		list->count++;
	}
	return result;
}

/* --- values -------------------------------------------------------------------------- */

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

int want_integer(struct decoder *d, const struct json *v)
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
	uint64_t value;

	if (decode_u64_up_to(d, v, UINT32_MAX, &value) < 0)
		return -1;
	*(uint32_t *)out = (uint32_t)value;
	return 0;
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
	uint64_t value;

	/* The last one means "leave it alone" to setresuid(2) and chown(2). */
	if (decode_u64_up_to(d, v, UINT32_MAX - 1, &value) < 0)
		return -1;
	*(uint32_t *)out = (uint32_t)value;
	return 0;
}

int decode_opt_u64(struct decoder *d, const struct json *v, void *out)
{
	struct opt_u64 *number = out;

	if (decode_u64(d, v, &number->value) < 0)
		return -1;
	number->set = true;
	return 0;
}

int decode_opt_i64(struct decoder *d, const struct json *v, void *out)
{
	struct opt_i64 *number = out;

	if (decode_i64(d, v, &number->value) < 0)
		return -1;
	number->set = true;
	return 0;
}

/* One "3" or "0-3" at *at, which goes behind it. */
static bool skip_range(const char **at)
{
	uint64_t bounds[2] = { 0, UINT32_MAX };
	char digits[12];

	for (size_t i = 0; i < 2; i++) {
		size_t length = strspn(*at, "0123456789");

		if (length == 0 || length >= sizeof(digits))
			return false;
		memcpy(digits, *at, length);
		digits[length] = '\0';
		if (!text_to_u64(digits, UINT32_MAX, &bounds[i]))
			return false;
		*at += length;
		if (i == 1 || **at != '-')
			break;
		(*at)++;
	}
	return bounds[0] <= bounds[1];
}

int decode_number_list(struct decoder *d, const struct json *v, void *out)
{
	const char *at;
	bool valid;

	if (decode_text(d, v, out) < 0)
		return -1;
	if (*v->text == '\0')
		return 0;
	at = v->text;
	do {
		valid = skip_range(&at);
	} while (valid && *at++ == ',');
	if (!valid || at[-1] != '\0')
		return bad_value(d, v, "must be a list of numbers as \"0-3,7\", not \"%s\"", v->text);
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
	if (meant != NULL)
		return bad_value(d, v, "must be %s, not \"%s\"; did you mean \"%s\"?", what, v->text,
				 meant);
	return bad_value(d, v, "must be %s, not \"%s\"", what, v->text);
}

void diagnosis_add(struct diagnosis *diagnosis, struct arena *arena, enum severity severity,
		   const char *fmt, ...)
{
	struct finding *finding = list_add(arena, &diagnosis->findings, sizeof(*finding));
	char text[1020];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	finding->severity = severity;
	finding->text = arena_strdup(arena, text);
}
