/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "rootfs-tools/smoke/pattern.h"

#include <pcre2.h>
#include <string.h>

/* A pattern that backtracks for ever ends here: a second at most. */
#define MATCH_LIMIT	5000000

static void *on_arena(size_t size, void *arena)
{
	return arena_alloc(arena, size);
}

static void with_arena(void *memory _unused, void *arena _unused)
{
}

static pcre2_general_context *context_of(struct arena *arena)
{
	return pcre2_general_context_create(on_arena, with_arena, arena);
}

/* Letters are letters, as in Go; bytes that are none match nothing, and are no error. */
#define OPTIONS \
	(PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C)

int pattern_compile(struct arena *arena, const char *text, struct pattern *ret, struct error *err)
{
	pcre2_compile_context *context = pcre2_compile_context_create(context_of(arena));
	PCRE2_SIZE offset = 0;
	PCRE2_UCHAR message[200];
	int number;

	ret->text = text;
	ret->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, OPTIONS, &number,
				  &offset, context);
	if (ret->code != NULL)
		return 0;
	pcre2_get_error_message(number, message, sizeof(message));
	return error_set(err, "\"%s\" is no regular expression: %s at offset %zu", text,
			 (const char *)message, (size_t)offset);
}

int pattern_search(const struct pattern *pattern, const char *text, size_t size, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	pcre2_general_context *memory = context_of(&arena);
	pcre2_match_context *context = pcre2_match_context_create(memory);
	pcre2_match_data *data = pcre2_match_data_create(1, memory);
	PCRE2_UCHAR message[200];
	int result;

	pcre2_set_match_limit(context, MATCH_LIMIT);
	result = pcre2_match(pattern->code, (PCRE2_SPTR)(text != NULL ? text : ""), size, 0, 0,
			     data, context);
	if (result >= 0)
		return 1;
	if (result == PCRE2_ERROR_NOMATCH)
		return 0;
	pcre2_get_error_message(result, message, sizeof(message));
	return error_set(err, "search for \"%s\": %s", pattern->text, (const char *)message);
}
