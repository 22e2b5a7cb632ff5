/* SPDX-License-Identifier: Apache-2.0 */
#include "config/finding.h"

#include <stdarg.h>
#include <string.h>

#include "base/list.h"
#include "base/text.h"

/* What a decoder says about a value: where it stands, which one it is, what is wrong. */

static bool is_full(const struct decoder *d)
{
	return d->diagnosis.findings.count >= MAX_FINDINGS;
}

static void add_finding(struct decoder *d, enum severity severity, const struct json *v,
			const char *text)
{
	struct finding *finding;

	if (!d->collect)
		return;
	finding = LIST_NEW(d->arena, &d->diagnosis.findings);
	finding->severity = severity;
	finding->value = v;
	finding->text = text;
}

/* A key may be as long as the file, and an error has room for 1,020 bytes. */
static const char *short_pointer(struct arena *arena, const struct json *v)
{
	const char *pointer = json_pointer(arena, v);
	size_t length = strlen(pointer) > 500 ? 500 : 0;

	/* Not in the middle of a character. */
	while (length > 0 && (pointer[length] & 0xc0) == 0x80)
		length--;
	return length > 0 ? arena_printf(arena, "%.*s...", (int)length, pointer) : pointer;
}

/* "file:line:column: pointer: " in front; key: a member of v, which need not exist. */
static const char *place(struct decoder *d, const struct json *v, const char *key, const char *fmt,
			 va_list args)
{
	struct text text = { .arena = d->arena };
	const char *pointer = short_pointer(d->arena, v);
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
	/* Decoding ends here: rules across fields could not know what else was not decoded. */
	if (is_full(d))
		d->collect = false;
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
	const struct json *member = json_member(v, key);
	va_list args;
	const char *text;

	if (member != NULL) {
		v = member;
		key = NULL;
	}
	va_start(args, fmt);
	text = place(d, v, key, fmt, args);
	va_end(args);
	return fail(d, v, text);
}

/* The value that the pointer names, or the nearest one above; *ret_rest: the rest of its name. */
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

bool warn_wanted(const struct decoder *d)
{
	return d->warnings.count < MAX_FINDINGS;
}

void warn_value(struct decoder *d, const struct json *v, const char *fmt, ...)
{
	va_list args;
	const char *text;

	if (!warn_wanted(d))
		return;
	va_start(args, fmt);
	text = place(d, v, NULL, fmt, args);
	va_end(args);
	LIST_ADD(d->arena, &d->warnings, text);
	if (!is_full(d))
		add_finding(d, SEVERITY_WARNING, v, text);
}

bool note_wanted(const struct decoder *d)
{
	return d->collect && !is_full(d);
}

void note_value(struct decoder *d, enum severity severity, const struct json *v, const char *fmt,
		...)
{
	va_list args;

	if (!note_wanted(d))
		return;
	va_start(args, fmt);
	add_finding(d, severity, v, place(d, v, NULL, fmt, args));
	va_end(args);
}
