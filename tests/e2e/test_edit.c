/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "tests/e2e/edit.h"

static const struct {
	const char *before, *pointer, *value, *after;
} sets[] = {
	{ "{'a': 1}", "/a", "2", "{'a': 2}" },
	{ "{'a': 1}", "/b", "2", "{'a': 1, 'b': 2}" },
	{ "{}", "/b", "2", "{'b': 2}" },
	{ "{'a': {'b': [1, 'x,y', 3]}}", "/a/b/1", "true", "{'a': {'b': [1, true, 3]}}" },
	{ "{'a': [1]}", "/a/-", "2", "{'a': [1, 2]}" },
	{ "{'a': []}", "/a/-", "{}", "{'a': [{}]}" },
	{ "{'a': 1}", "/b/c/d", "[]", "{'a': 1, 'b': {'c': {'d': []}}}" },
	{ "{'a/b': 1, 'a': {'b': 2}}", "/a~1b", "3", "{'a/b': 3, 'a': {'b': 2}}" },
	{ "{'a': '}\\'', 'b': 1}", "/b", "2", "{'a': '}\\'', 'b': 2}" },
	{ "{ }", "", "[]", "[]" },
}, unsets[] = {
	{ "{'a': 1, 'b': 2}", "/a", NULL, "{ 'b': 2}" },
	{ "{'a': 1, 'b': 2}", "/b", NULL, "{'a': 1}" },
	{ "{'a': 1}", "/a", NULL, "{}" },
	{ "{'a': [1, {'x': 2}, 3]}", "/a/1/x", NULL, "{'a': [1, {}, 3]}" },
};

Test(edit, sets_one_value)
{
	struct arena arena = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		cr_expect_str_eq(edit_set(&arena, edit_quotes(&arena, sets[i].before),
					  sets[i].pointer, sets[i].value),
				 edit_quotes(&arena, sets[i].after), "%s", sets[i].before);
	cr_expect_null(edit_set(&arena, "{\"a\": 1}", "/a/b", "1"));
	arena_free(&arena);
}

Test(edit, takes_one_value_out)
{
	struct arena arena = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(unsets); i++)
		cr_expect_str_eq(edit_unset(&arena, edit_quotes(&arena, unsets[i].before),
					    unsets[i].pointer),
				 edit_quotes(&arena, unsets[i].after), "%s", unsets[i].before);
	cr_expect_null(edit_unset(&arena, "{\"a\": 1}", "/b"));
	arena_free(&arena);
}
