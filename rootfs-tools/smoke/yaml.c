/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/text.h"
#include "config/json_build.h"

struct anchor {
	const char *name;
	const struct json *value;
	struct anchor *next;
};

struct reader {
	struct arena *arena;
	const struct json_source *source;
	struct error *err;
	yaml_parser_t parser;
	struct json_builder tree;
	struct anchor *anchors;
	size_t characters, bytes;	/* libyaml counts characters: where both stood last */
};

static int bad_yaml(struct reader *r, size_t line, size_t column, const char *what)
{
	return error_set(r->err, "%s:%zu:%zu: %s", r->source->name, line + 1, column + 1, what);
}

static int bad_mark(struct reader *r, const yaml_mark_t *mark, const char *what)
{
	return bad_yaml(r, mark->line, mark->column, what);
}

/* The byte of a mark; marks come in the order of the text, mostly. */
static uint32_t offset_of(struct reader *r, const yaml_mark_t *mark)
{
	if (mark->index < r->characters)
		r->characters = r->bytes = 0;
	while (r->characters < mark->index && r->bytes < r->source->size) {
		r->bytes++;
		while (r->bytes < r->source->size && (r->source->text[r->bytes] & 0xc0) == 0x80)
			r->bytes++;
		r->characters++;
	}
	return (uint32_t)r->bytes;
}

static struct json *add(struct reader *r, enum json_type type, const yaml_mark_t *mark)
{
	struct json *value = json_build(&r->tree, type, offset_of(r, mark));

	if (value == NULL)
		bad_mark(r, mark, "has too many values");
	return value;
}

static bool word_in(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static bool is_number(const char *text)
{
	size_t digits;

	text += *text == '-';
	digits = strspn(text, "0123456789");
	if (digits == 0)
		return false;
	text += digits;
	if (*text == '.')
		text += 1 + strspn(text + 1, "0123456789");
	if (*text == 'e' || *text == 'E') {
		text += 1;
		text += *text == '-' || *text == '+';
		digits = strspn(text, "0123456789");
		if (digits == 0)
			return false;
		text += digits;
	}
	return *text == '\0';
}

static void scalar_type(struct json *value, const char *text)
{
	static const char *const none[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const yes[] = { "true", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "False", "FALSE", NULL };

	if (word_in(text, none)) {
		value->type = JSON_NULL;
	} else if (word_in(text, yes) || word_in(text, no)) {
		value->type = JSON_BOOL;
		value->truth = word_in(text, yes);
	} else if (is_number(text)) {
		value->type = JSON_NUMBER;
	}
}

static bool wants_key(const struct reader *r)
{
	const struct json *parent = json_build_parent(&r->tree);

	return parent != NULL && parent->type == JSON_OBJECT && r->tree.key == NULL;
}

/* Remembered before its value is complete: an alias inside of itself is found by the depth. */
static void anchor_add(struct reader *r, const yaml_char_t *name, const struct json *value)
{
	struct anchor *anchor;

	if (name == NULL)
		return;
	anchor = ARENA_NEW(r->arena, struct anchor);
	anchor->name = arena_strdup(r->arena, (const char *)name);
	anchor->value = value;
	anchor->next = r->anchors;
	r->anchors = anchor;
}

static int on_key(struct reader *r, const yaml_event_t *event, const char *text)
{
	const struct json *object = json_build_parent(&r->tree);

	if (json_member(object, text) != NULL)
		return bad_mark(r, &event->start_mark,
				arena_printf(r->arena, "the key \"%s\" comes twice",
					     text_printable(r->arena, text)));
	r->tree.key = text;
	r->tree.key_offset = offset_of(r, &event->start_mark);
	return 0;
}

static int on_scalar(struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	const bool is_key = wants_key(r);
	struct json *value;

	if (strlen(text) != event->data.scalar.length)
		return bad_mark(r, &event->start_mark, "a NUL in a string");
	text = arena_strdup(r->arena, text);
	/* A key is no value of the tree; an alias of it may become one. */
	value = is_key ? ARENA_NEW(r->arena, struct json) : add(r, JSON_STRING, &event->start_mark);
	if (value == NULL)
		return -1;
	value->type = JSON_STRING;
	value->offset = offset_of(r, &event->start_mark);
	value->text = text;
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		scalar_type(value, text);
	anchor_add(r, event->data.scalar.anchor, value);
	return is_key ? on_key(r, event, text) : 0;
}

static int on_begin(struct reader *r, const yaml_event_t *event, enum json_type type,
		    const yaml_char_t *anchor)
{
	struct json *value;

	if (wants_key(r))
		return bad_mark(r, &event->start_mark, "a key must be a word");
	if (r->tree.depth == JSON_MAX_DEPTH)
		return bad_mark(r, &event->start_mark, "is nested too deep");
	value = add(r, type, &event->start_mark);
	if (value == NULL)
		return -1;
	anchor_add(r, anchor, value);
	json_build_open(&r->tree, value);
	return 0;
}

static bool is_composite(const struct json *value)
{
	return value->type == JSON_ARRAY || value->type == JSON_OBJECT;
}

/* A copy where the alias stands; messages name the place of the original. */
static int copy(struct reader *r, const struct json *from, const yaml_mark_t *mark)
{
	uint32_t offset = from->offset;
	struct json *value = add(r, from->type, mark);

	if (value == NULL)
		return -1;
	value->offset = offset;
	value->truth = from->truth;
	value->text = from->text;
	if (!is_composite(from))
		return 0;
	if (r->tree.depth == JSON_MAX_DEPTH)
		return bad_mark(r, mark, "is nested too deep");
	json_build_open(&r->tree, value);
	JSON_EACH(item, from) {
		r->tree.key = item->key;
		r->tree.key_offset = item->key_offset;
		if (copy(r, item, mark) < 0)
			return -1;
	}
	json_build_close(&r->tree);
	return 0;
}

static void merge_one(struct json *object, const struct json *merged)
{
	struct json **link = (struct json **)&object->first;

	while (*link != NULL)
		link = (struct json **)&(*link)->next;
	for (struct json *item = (struct json *)merged->first, *next; item != NULL; item = next) {
		next = (struct json *)item->next;
		if (json_member(object, item->key) != NULL)
			continue;
		item->parent = object;
		item->next = NULL;
		*link = item;
		link = (struct json **)&item->next;
		object->count++;
	}
}

static bool may_merge(const struct json *value)
{
	if (value->type == JSON_ARRAY)
		JSON_EACH(item, value)
			if (item->type != JSON_OBJECT)
				return false;
	return is_composite(value);
}

/*
 * "<<: *defaults", or "<<: [*these, *those]", of which the first says it: what of it is not said
 * otherwise, before or behind.
 */
static void merge(struct json *object)
{
	struct json **link = (struct json **)&object->first;
	const struct json *merged;

	while (*link != NULL && strcmp((*link)->key, "<<") != 0)
		link = (struct json **)&(*link)->next;
	merged = *link;
	if (merged == NULL || !may_merge(merged))
		return;
	*link = (struct json *)merged->next;
	object->count--;
	if (merged->type == JSON_OBJECT)
		merge_one(object, merged);
	else
		JSON_EACH(item, merged)
			merge_one(object, item);
}

static int on_alias(struct reader *r, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;

	for (const struct anchor *anchor = r->anchors; anchor != NULL; anchor = anchor->next) {
		if (strcmp(anchor->name, name) != 0)
			continue;
		if (wants_key(r) && is_composite(anchor->value))
			return bad_mark(r, &event->start_mark, "a key must be a word");
		if (wants_key(r))
			return on_key(r, event, anchor->value->text);
		for (unsigned int i = 0; i < r->tree.depth; i++)
			if (r->tree.levels[i].value == anchor->value)
				return bad_mark(r, &event->start_mark, "an alias of itself");
		return copy(r, anchor->value, &event->start_mark);
	}
	return bad_mark(r, &event->start_mark,
			arena_printf(r->arena, "there is no anchor \"%s\"", name));
}

static int on_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_begin(r, event, JSON_ARRAY, event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return on_begin(r, event, JSON_OBJECT, event->data.mapping_start.anchor);
	case YAML_MAPPING_END_EVENT:
		merge(json_build_close(&r->tree));
		return 0;
	case YAML_SEQUENCE_END_EVENT:
		json_build_close(&r->tree);
		return 0;
	case YAML_ALIAS_EVENT:
		return on_alias(r, event);
	case YAML_DOCUMENT_START_EVENT:
		if (r->tree.root == NULL)
			return 0;
		return bad_mark(r, &event->start_mark, "there is a second document in the file");
	default:
		return 0;
	}
}

static int bad_syntax(struct reader *r)
{
	const char *problem = r->parser.problem, *context = r->parser.context;
	const yaml_mark_t *mark = &r->parser.problem_mark;
	unsigned int line, column;
	size_t at;

	/* Of bytes that are no text libyaml says only where they are. */
	if (r->parser.error == YAML_READER_ERROR) {
		json_position(r->source, r->parser.problem_offset, &line, &column);
		return bad_yaml(r, line - 1, column - 1, problem);
	}
	at = offset_of(r, mark);
	if (at < r->source->size && r->source->text[at] == '\t')
		return bad_mark(r, mark, "YAML is indented by blanks, not by tabs");
	if (context != NULL)
		problem = arena_printf(r->arena, "%s: %s", context, problem);
	return bad_mark(r, mark, problem != NULL ? problem : "is no YAML");
}

static int read_all(struct reader *r)
{
	bool done = false;

	while (!done) {
		yaml_event_t event;
		int result;

		if (!yaml_parser_parse(&r->parser, &event))
			return bad_syntax(r);
		done = event.type == YAML_STREAM_END_EVENT;
		result = on_event(r, &event);
		yaml_event_delete(&event);
		if (result < 0)
			return -1;
	}
	return 0;
}

const struct json *yaml_parse(struct arena *arena, const struct json_source *source,
			      struct error *err)
{
	struct reader reader = {
		.arena = arena,
		.source = source,
		.err = err,
		.tree = { .arena = arena },
	};
	int result;

	if (source->size > JSON_MAX_SIZE || !yaml_parser_initialize(&reader.parser)) {
		error_set(err, "%s: is larger than %d bytes", source->name, JSON_MAX_SIZE);
		return NULL;
	}
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)source->text,
				     source->size);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	result = read_all(&reader);
	yaml_parser_delete(&reader.parser);
	if (result < 0)
		return NULL;
	if (reader.tree.root == NULL)
		error_set(err, "%s: is empty", source->name);
	return reader.tree.root;
}
