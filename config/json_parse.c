/* SPDX-License-Identifier: Apache-2.0 */
#include "config/json.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/text.h"
#include "config/json_build.h"
#include "config/json_text.h"

/* Objects with more members than this are searched for duplicate keys by sorting. */
#define MANY_MEMBERS 16

struct reader {
	struct arena *arena;
	const struct json_source *source;
	struct error *err;
	bool failed; /* *err is filled by a callback */
	yajl_handle yajl;
	struct json_builder tree;
};

/* --- yajl's memory: on the arena, with the size in front for realloc ---------- */

static void *reader_malloc(void *context, size_t size)
{
	size_t *memory = arena_alloc(context, size + sizeof(max_align_t));

	*memory = size;
	return (char *)memory + sizeof(max_align_t);
}

static void *reader_realloc(void *context, void *old, size_t size)
{
	void *memory = reader_malloc(context, size);
	size_t old_size;

	if (old == NULL)
		return memory;
	memcpy(&old_size, (char *)old - sizeof(max_align_t), sizeof(old_size));
	memcpy(memory, old, old_size < size ? old_size : size);
	return memory;
}

static void reader_free(void *context _unused, void *memory _unused)
{
}

/* --- positions ------------------------------------------------------------------ */

static size_t consumed(const struct reader *reader)
{
	return yajl_get_bytes_consumed(reader->yajl);
}

/* The text that a callback got points into the source, or, after escapes, into a copy. */
static bool in_source(const struct reader *reader, const unsigned char *text)
{
	uintptr_t at = (uintptr_t)text, start = (uintptr_t)reader->source->text;

	return at >= start && at < start + reader->source->size;
}

/* Where the string begins that was just read: each quote inside it has a \ before. */
static size_t string_start(const struct reader *reader, const unsigned char *text)
{
	const char *source = reader->source->text;
	size_t at, slashes;

	if (in_source(reader, text))
		return (size_t)((const char *)text - source) - 1;
	for (at = consumed(reader) - 1; at-- > 0;) {
		if (source[at] != '"')
			continue;
		for (slashes = 0; slashes < at && source[at - 1 - slashes] == '\\'; slashes++)
			;
		if (slashes % 2 == 0)
			return at;
	}
	return 0;
}

/* --- the tree --------------------------------------------------------------------- */

static int bad_text(struct reader *reader, size_t offset, const char *pointer, const char *what)
{
	unsigned int line, column;

	json_position(reader->source, offset, &line, &column);
	error_set(reader->err, "%s:%u:%u: %s%s%s", reader->source->name, line, column, pointer,
		  *pointer != '\0' ? ": " : "", what);
	reader->failed = true;
	return 0; /* for yajl: stop */
}

/* The pointer of what is being read: of the container, with the key that waits for its value. */
static const char *reader_pointer(const struct reader *reader, const char *key)
{
	const struct json *container = json_build_parent(&reader->tree);
	const char *parent = "";

	if (container != NULL)
		parent = json_pointer(reader->arena, container);
	return key == NULL ? parent :
			     arena_printf(reader->arena, "%s/%s", parent,
					  text_printable(reader->arena, key));
}

static struct json *add(struct reader *reader, enum json_type type, size_t offset)
{
	struct json *value = json_build(&reader->tree, type, offset);

	if (value == NULL)
		bad_text(reader, offset, "",
			 arena_printf(reader->arena, "is too large: more than %d values",
				      JSON_MAX_COUNT));
	return value;
}

static int on_null(void *context)
{
	return add(context, JSON_NULL, consumed(context) - 4) != NULL;
}

static int on_boolean(void *context, int truth)
{
	struct json *value = add(context, JSON_BOOL, consumed(context) - (truth ? 4 : 5));

	if (value == NULL)
		return 0;
	value->truth = truth;
	return 1;
}

static int on_number(void *context, const char *text, size_t length)
{
	struct reader *reader = context;
	const unsigned char *bytes = (const unsigned char *)text;
	struct json *value;

	/* A number is complete with the byte behind it: at the very end, with yajl's own blank. */
	value = add(reader, JSON_NUMBER,
		    in_source(reader, bytes) ? (size_t)(text - reader->source->text) :
					       reader->source->size - length);
	if (value == NULL)
		return 0;
	value->text = arena_strndup(reader->arena, text, length);
	return 1;
}

/* The string that was just read from there. */
static bool is_text(struct reader *reader, size_t start)
{
	size_t first = start + 1, at = 0;
	const char *wrong =
		json_text_wrong(reader->source->text + first, consumed(reader) - 1 - first, &at);

	if (wrong != NULL)
		bad_text(reader, first + at, "",
			 arena_printf(reader->arena, "is not valid JSON: %s", wrong));
	return wrong == NULL;
}

static int on_string(void *context, const unsigned char *text, size_t length)
{
	struct reader *reader = context;
	size_t start = string_start(reader, text);
	struct json *value;

	if (memchr(text, '\0', length) != NULL)
		return bad_text(reader, start, reader_pointer(reader, reader->tree.key),
				"holds a NUL (\\u0000)");
	value = is_text(reader, start) ? add(reader, JSON_STRING, start) : NULL;
	if (value == NULL)
		return 0;
	value->text = arena_strndup(reader->arena, (const char *)text, length);
	return 1;
}

static int on_key(void *context, const unsigned char *text, size_t length)
{
	struct reader *reader = context;
	size_t start = string_start(reader, text);

	if (memchr(text, '\0', length) != NULL)
		return bad_text(reader, start, reader_pointer(reader, NULL),
				"holds a NUL (\\u0000) in a key");
	if (!is_text(reader, start))
		return 0;
	reader->tree.key_offset = (uint32_t)start;
	reader->tree.key = arena_strndup(reader->arena, (const char *)text, length);
	return 1;
}

static int push(struct reader *reader, enum json_type type)
{
	struct json *value;

	if (reader->tree.depth == JSON_MAX_DEPTH)
		return bad_text(reader, consumed(reader) - 1, "",
				arena_printf(reader->arena,
					     "is nested too deeply: more than %d "
					     "levels",
					     JSON_MAX_DEPTH));
	value = add(reader, type, consumed(reader) - 1);
	if (value == NULL)
		return 0;
	json_build_open(&reader->tree, value);
	return 1;
}

static int on_array(void *context)
{
	return push(context, JSON_ARRAY);
}

static int on_object(void *context)
{
	return push(context, JSON_OBJECT);
}

static int pop(void *context)
{
	struct reader *reader = context;

	json_build_close(&reader->tree);
	return 1;
}

/* --- duplicate keys ----------------------------------------------------------------- */

static int compare_members(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a;
	const struct json *y = *(const struct json *const *)b;
	int order = strcmp(x->key, y->key);

	return order != 0 ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

static const struct json *find_duplicate_sorted(struct arena *arena, const struct json *object)
{
	const struct json **members = ARENA_NEWS(arena, object->count, const struct json *);
	size_t count = 0;

	JSON_EACH(member, object)
		members[count++] = member;
	qsort(members, count, sizeof(*members), compare_members);
	for (size_t i = 1; i < count; i++)
		if (strcmp(members[i - 1]->key, members[i]->key) == 0)
			return members[i];
	return NULL;
}

static const struct json *find_duplicate(struct arena *arena, const struct json *object)
{
	if (object->count > MANY_MEMBERS)
		return find_duplicate_sorted(arena, object);
	JSON_EACH(member, object)
		for (const struct json *other = object->first; other != member; other = other->next)
			if (strcmp(other->key, member->key) == 0)
				return member;
	return NULL;
}

static int on_object_end(void *context)
{
	struct reader *reader = context;
	const struct json *object = json_build_parent(&reader->tree);
	const struct json *twin = find_duplicate(reader->arena, object);

	if (twin != NULL)
		return bad_text(reader, twin->key_offset, json_pointer(reader->arena, twin),
				"is there twice");
	return pop(reader);
}

/* --- reading ------------------------------------------------------------------------ */

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_object_end,
	.yajl_start_array = on_array,
	.yajl_end_array = pop,
};

/* yajl stands behind the word that it did not expect, but for one case, where it goes back. */
static size_t syntax_offset(const char *said, const char *what, size_t offset)
{
	bool behind =
		strncmp(said, "parse", 5) == 0 && strncmp(what, "after key and value", 19) != 0;

	if (strncmp(what, "invalid bytes in UTF8", 21) == 0 ||
	    strncmp(what, "invalid char ", 13) == 0)
		behind = true;
	return behind && offset > 0 ? offset - 1 : offset;
}

/* What stands at offset, in the place of yajl's words where these name no cause. */
static const char *syntax_reason(const struct reader *reader, const char *what, size_t offset)
{
	const char *text = reader->source->text;
	const char at = offset < reader->source->size ? text[offset] : '\0';
	size_t before = offset;

	if (reader->source->size >= 2 && offset == 0 &&
	    ((unsigned char)at == 0xef || (unsigned char)at >= 0xfe))
		return "it does not begin with UTF-8 text: save it as UTF-8 without a byte order "
		       "mark";
	while (before > 0 && memchr(" \t\r\n", text[before - 1], 4) != NULL)
		before--;
	if (before > 0 && text[before - 1] == ',' && (at == '}' || at == ']'))
		return arena_printf(reader->arena, "a comma stands in front of \"%c\"", at);
	if (at == '#' || strncmp(what, "probable comment", 16) == 0)
		return "JSON has no comments";
	if (at == '\'')
		return "text stands in double quotes";
	if (strcmp(what, "invalid bytes in UTF8 string") == 0)
		return "a text is not UTF-8";
	if (strncmp(what, "invalid object key", 18) == 0)
		return "the name of a property must be a string";
	if (at > ' ' && strcmp(what, "invalid char in json text") == 0)
		return arena_printf(reader->arena, "unexpected \"%c\"", at);
	return what;
}

/* yajl says "lexical error: what\n" or "parse error: what\n"; "premature EOF" for what is cut. */
static void bad_syntax(struct reader *reader, size_t offset)
{
	unsigned char *text = yajl_get_error(reader->yajl, 0, NULL, 0);
	const char *said = (const char *)text;
	char *what = strstr((char *)text, "error: ");
	const char *reason;

	what = what != NULL ? what + strlen("error: ") : (char *)text;
	what[strcspn(what, "\n")] = '\0';
	if (what[0] != '\0' && what[strlen(what) - 1] == '.')
		what[strlen(what) - 1] = '\0';
	if (strcmp(what, "premature EOF") != 0) {
		offset = syntax_offset(said, what, offset);
		reason = syntax_reason(reader, what, offset);
	} else {
		reason = reader->source->size == 0 ? "the file is empty" : "it ends too early";
	}
	bad_text(reader, offset, "", arena_printf(reader->arena, "is not valid JSON: %s", reason));
	yajl_free_error(reader->yajl, text);
}

static bool reader_run(struct reader *reader)
{
	const struct json_source *source = reader->source;
	const unsigned char *text = (const unsigned char *)source->text;
	size_t offset;

	if (yajl_parse(reader->yajl, text, source->size) == yajl_status_ok) {
		if (yajl_complete_parse(reader->yajl) == yajl_status_ok)
			return true;
		offset = source->size;
	} else {
		offset = consumed(reader);
	}
	if (!reader->failed)
		bad_syntax(reader, offset);
	return false;
}

const struct json *json_parse(struct arena *arena, const struct json_source *source,
			      struct error *err)
{
	yajl_alloc_funcs memory = {
		.malloc = reader_malloc,
		.realloc = reader_realloc,
		.free = reader_free,
		.ctx = arena,
	};
	struct reader reader = {
		.arena = arena,
		.source = source,
		.err = err,
		.tree = { .arena = arena },
	};
	bool fine;

	if (source->size > JSON_MAX_SIZE) {
		error_set(err, "%s: is too large: %zu bytes, at most %d are read", source->name,
			  source->size, JSON_MAX_SIZE);
		return NULL;
	}
	reader.yajl = yajl_alloc(&callbacks, &memory, &reader);
	fine = reader_run(&reader);
	yajl_free(reader.yajl);
	return fine ? reader.tree.root : NULL;
}
