/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/edit.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* Where a value stands in the text: the bytes [start, end). */
struct span {
	const char *start, *end;
};

static const char *skip_blank(const char *p)
{
	while (*p && isspace((unsigned char)*p))
		p++;
	return p;
}

static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

/* p is at a value's first byte; returns the first byte behind it. */
static const char *skip_value(const char *p)
{
	int depth = 0;

	if (!strchr("{[\"", *p))
		return p + strcspn(p, ",]} \t\r\n");
	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
		p++;
	} while (*p && depth > 0);
	return p;
}

/* One part of the pointer, "~1" and "~0" undone; *ptr moves behind it. */
static char *next_part(struct arena *arena, const char **ptr)
{
	size_t length = strcspn(*ptr + 1, "/"), used = 0;
	char *part = arena_strndup(arena, *ptr + 1, length);

	for (size_t i = 0; i < length; i++, used++) {
		part[used] = part[i];
		if (part[i] == '~' && i + 1 < length)
			part[used] = part[++i] == '1' ? '/' : '~';
	}
	part[used] = '\0';
	*ptr += 1 + length;
	return part;
}

/*
 * The member or element named part of the container at p.  False when it is
 * not there; ret->start is then where a new one goes, before the closing
 * bracket.  *ret_item is where the item begins, its key included.
 */
static bool find_item(const char *p, const char *part, struct span *ret, const char **ret_item)
{
	bool object = *p == '{';
	unsigned long index = 0, wanted = strtoul(part, NULL, 10);

	for (p = skip_blank(p + 1); *p && *p != '}' && *p != ']'; index++) {
		bool found = !object && strcmp(part, "-") != 0 && index == wanted;

		*ret_item = p;
		if (object) {
			const char *end = skip_string(p);

			found = (size_t)(end - p) == strlen(part) + 2 &&
				strncmp(p + 1, part, strlen(part)) == 0;
			p = skip_blank(end) + 1;	/* the colon */
			p = skip_blank(p);
		}
		*ret = (struct span){ p, skip_value(p) };
		if (found)
			return true;
		p = skip_blank(ret->end);
		if (*p == ',')
			p = skip_blank(p + 1);
	}
	*ret = (struct span){ p, p };
	return false;
}

static char *splice(struct arena *arena, const char *text, struct span span, const char *value)
{
	return arena_printf(arena, "%.*s%s%s", (int)(span.start - text), text, value, span.end);
}

/* A new item for the container that ends at `at`, with what is left of the pointer around value. */
static char *insert(struct arena *arena, const char *text, const char *at, const char *key,
		    const char *rest, const char *value)
{
	struct text item = { .arena = arena };
	const char *before = at - 1;
	int braces = 0;

	while (before > text && isspace((unsigned char)*before))
		before--;
	if (*before != '{' && *before != '[')
		text_add(&item, ", ");
	if (*at == '}')
		text_printf(&item, "\"%s\": ", key);
	for (; *rest; braces++)
		text_printf(&item, "{\"%s\": ", next_part(arena, &rest));
	text_add(&item, value);
	while (braces-- > 0)
		text_add(&item, "}");
	return splice(arena, text, (struct span){ at, at }, item.data);
}

char *edit_quotes(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	return copy;
}

char *edit_splice(struct arena *arena, const char *text, const char *pointer, const char *value)
{
	struct span at = { skip_blank(text), NULL };
	const char *item;

	at.end = skip_value(at.start);
	while (*pointer) {
		const char *key = next_part(arena, &pointer);

		if (*at.start != '{' && *at.start != '[')
			return NULL;
		if (!find_item(at.start, key, &at, &item))
			return *at.start ? insert(arena, text, at.start, key, pointer, value) :
					   NULL;
	}
	return splice(arena, text, at, value);
}

char *edit_set(struct arena *arena, const char *text, const char *pointer, const char *value)
{
	return edit_splice(arena, text, pointer, edit_quotes(arena, value));
}

char *edit_unset(struct arena *arena, const char *text, const char *pointer)
{
	struct span at = { skip_blank(text), NULL };
	const char *item = text;

	while (*pointer) {
		const char *key = next_part(arena, &pointer);

		if ((*at.start != '{' && *at.start != '[') || !find_item(at.start, key, &at, &item))
			return NULL;
	}
	at.end = skip_blank(at.end);
	if (*at.end == ',') {
		at.end++;
	} else {
		/* The last one: the comma before it goes. */
		const char *before = item - 1;

		while (before > text && isspace((unsigned char)*before))
			before--;
		if (*before == ',')
			item = before;
	}
	at.start = item;
	return splice(arena, text, at, "");
}
