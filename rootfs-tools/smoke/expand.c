/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/expand.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

static size_t name_length(const char *text)
{
	size_t length = 0;

	if (!isalpha((unsigned char)text[0]) && text[0] != '_')
		return 0;
	while (isalnum((unsigned char)text[length]) || text[length] == '_')
		length++;
	return length;
}

static const char *value_of(const struct smoke *smoke, const struct suite *suite, const char *name)
{
	const char *value = NULL;

	if (suite != NULL)
		LIST_EACH(pair, suite->env)
			if (strcmp(pair->key, name) == 0)
				value = pair->value;
	return value != NULL ? value : subject_env(&smoke->subject, name);
}

const char *expand_variables(struct arena *arena, const struct smoke *smoke,
			     const struct suite *suite, const char *text)
{
	struct text out = { .arena = arena };

	if (strchr(text, '$') == NULL)
		return text;
	while (*text != '\0') {
		bool braces = text[0] == '$' && text[1] == '{';
		const char *start = text + (braces ? 2 : 1), *value = NULL;
		size_t length = *text == '$' ? name_length(start) : 0;

		if (length > 0 && (!braces || start[length] == '}'))
			value = value_of(smoke, suite, arena_strndup(arena, start, length));
		if (value == NULL) {
			text_add_bytes(&out, text++, 1);
			continue;
		}
		text_add(&out, value);
		text = start + length + braces;
	}
	return out.data != NULL ? out.data : "";
}

static void one_pattern(struct findings *f, struct check *check, const char *what,
			const struct pattern *pattern, bool wanted, const char *text, size_t size)
{
	struct error err;
	int result = pattern_search(pattern, text, size, &err);

	if (result < 0)
		check_fail(f, check, "%s: %s", what, err.text);
	else if (wanted && result == 0)
		check_fail(f, check, "%s: \"%s\" is not in it", what, pattern->text);
	else if (!wanted && result == 1)
		check_fail(f, check, "%s: \"%s\" is in it, and must not", what, pattern->text);
}

void check_patterns(struct findings *f, struct check *check, const char *what,
		    const suite_patterns *expected, const suite_patterns *excluded,
		    const char *text, size_t size)
{
	if (expected != NULL)
		LIST_EACH(pattern, *expected)
			one_pattern(f, check, what, pattern, true, text, size);
	if (excluded != NULL)
		LIST_EACH(pattern, *excluded)
			one_pattern(f, check, what, pattern, false, text, size);
}
