/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *meaning(int code)
{
#if defined __GLIBC__ && __GLIBC_PREREQ(2, 32)
	/* strerror() would look for a translation first. */
	const char *text = strerrordesc_np(code);

	if (text != NULL)
		return text;
#endif
	return strerror(code);
}

/* What errno means, in lower case as runc has it: that is how clients look for the words. */
static void errno_append(struct error *err, size_t length, int code)
{
	char *text = err->text + length;

	snprintf(text, sizeof(err->text) - length, ": %s", meaning(code));
	if (length + 3 < sizeof(err->text) && text[2] >= 'A' && text[2] <= 'Z' &&
	    text[3] >= 'a' && text[3] <= 'z')
		text[2] = (char)(text[2] - 'A' + 'a');
}

static void error_format(struct error *err, int code, const char *fmt, va_list args)
{
	int length = vsnprintf(err->text, sizeof(err->text), fmt, args);

	err->code = code;
	if (length < 0)
		length = 0;
	if (code != 0 && (size_t)length < sizeof(err->text))
		errno_append(err, (size_t)length, code);
}

int error_set(struct error *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_format(err, 0, fmt, args);
	va_end(args);
	return -1;
}

int error_errno(struct error *err, const char *fmt, ...)
{
	int code = errno;
	va_list args;

	va_start(args, fmt);
	error_format(err, code, fmt, args);
	va_end(args);
	return -1;
}

int error_number(struct error *err, int number, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_format(err, number, fmt, args);
	va_end(args);
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char inner[sizeof(err->text)];
	va_list args;
	int length;

	memcpy(inner, err->text, sizeof(inner));
	va_start(args, fmt);
	length = vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	if (length >= 0 && (size_t)length < sizeof(err->text))
		snprintf(err->text + length, sizeof(err->text) - (size_t)length, ": %s", inner);
	return -1;
}

int error_hint(struct error *err, const char *fmt, ...)
{
	size_t length = strnlen(err->text, sizeof(err->text));
	va_list args;

	if (length + 2 >= sizeof(err->text))
		return -1;
	memcpy(err->text + length, ": ", 2);
	va_start(args, fmt);
	vsnprintf(err->text + length + 2, sizeof(err->text) - length - 2, fmt, args);
	va_end(args);
	return -1;
}

struct sink {
	warn_sink *take;
	void *context;
};
static struct sink warnings, notes;

void warn_to(warn_sink *sink, void *context)
{
	warnings = (struct sink){ sink, context };
}

void note_to(warn_sink *sink, void *context)
{
	notes = (struct sink){ sink, context };
}

static void sink_give(const struct sink *sink, const char *fmt, va_list args)
{
	char text[1020];

	if (sink->take == NULL)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	sink->take(sink->context, text);
}

void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	sink_give(&warnings, fmt, args);
	va_end(args);
}

void note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	sink_give(&notes, fmt, args);
	va_end(args);
}
