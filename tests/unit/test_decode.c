/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "config/decode.h"

/* The decoder on a struct of its own, apart from any configuration. */
struct inner { uint32_t small; int32_t negative; };
struct thing {
	const char *name, *path;
	bool truth;
	uint64_t large;
	int64_t wide;
	struct opt_u64 maybe;
	struct inner inner;
	word_list words;
	LIST(struct annotation) map;
	const char *cpus;
};

static const struct field inner_fields[] = {
	FIELD_U32("small", struct inner, small, FIELD_REQUIRED),
	FIELD_I32("negative", struct inner, negative),
	{ NULL },
};
static const struct field thing_fields[] = {
	FIELD_STRING("name", struct thing, name, FIELD_REQUIRED),
	FIELD_PATH("path", struct thing, path),
	FIELD_BOOL("truth", struct thing, truth),
	FIELD_U64("large", struct thing, large),
	FIELD_I64("wide", struct thing, wide),
	FIELD_OPT_U64("maybe", struct thing, maybe),
	FIELD_OBJECT_IN("inner", inner_fields, struct thing, inner),
	FIELD_LIST("words", decode_string, struct thing, words),
	FIELD("map", decode_string_map, struct thing, map),
	FIELD("cpus", decode_number_list, struct thing, cpus),
	FIELD_IGNORE("theirs"),
	{ NULL },
};

static struct arena arena;
static struct error err;
static struct thing thing;
static struct decoder d;

/* ' stands for ". */
static int decode(const char *text, bool collect)
{
	char *copy = arena_strdup(&arena, text);

	for (char *at = copy; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	thing = (struct thing){ 0 };
	err = (struct error){ 0 };
	d = (struct decoder){
		.arena = &arena, .source = { "t", copy, strlen(copy) }, .err = &err,
		.collect = collect,
	};
	d.root = json_parse(&arena, &d.source, &err);
	cr_assert_not_null(d.root, "%s: %s", text, err.text);
	return decode_object(&d, d.root, thing_fields, &thing);
}

Test(decoder, fills_every_kind_of_member)
{
	cr_assert_eq(decode("{'name': 'n', 'path': '/p', 'truth': true, "
			    "'large': 18446744073709551615, 'wide': -9223372036854775808, "
			    "'maybe': 0, 'inner': {'small': 4294967295, 'negative': -2147483648}, "
			    "'words': ['a', 'b', 'c'], 'map': {'k': 'v'}, 'cpus': '0-3,7'}",
			    false), 0, "%s", err.text);
	cr_expect_str_eq(thing.name, "n");
	cr_expect_str_eq(thing.path, "/p");
	cr_expect(thing.truth);
	cr_expect_eq(thing.large, UINT64_MAX);
	cr_expect_eq(thing.wide, INT64_MIN);
	cr_expect(thing.maybe.set);
	cr_expect_eq(thing.inner.small, UINT32_MAX);
	cr_expect_eq(thing.inner.negative, INT32_MIN);
	cr_expect_eq(thing.words.count, 3);
	cr_expect_str_eq(thing.words.items[2], "c");
	cr_expect_str_eq(thing.map.items[0].key, "k");
	cr_expect_str_eq(thing.map.items[0].value, "v");
	cr_expect_str_eq(thing.cpus, "0-3,7");
}

Test(decoder, takes_null_as_absent_and_ignores_what_it_does_not_know)
{
	cr_assert_eq(decode("{'name': 'n', 'path': null, 'maybe': null, 'words': null, "
			    "'theirs': 7, 'inner': null, 'Name': 1}", false), 0, "%s", err.text);
	cr_expect_null(thing.path);
	cr_expect_not(thing.maybe.set);
	cr_expect_eq(thing.words.count, 0);
}

Test(decoder, says_what_it_found_and_what_it_wants)
{
	static const struct { const char *doc, *says;
	} refusals[] = {
		{ "[]", "t:1:1: must be an object, not an array" },
		{ "'x'", "t:1:1: must be an object, not a string" },
		{ "{}", "t:1:1: /name: is required, but missing" },
		{ "{'name': null}", "t:1:10: /name: is required, but null" },
		{ "{'name': 7}", "t:1:10: /name: must be a string, not the number 7" },
		{ "{'name': ['x']}", "t:1:10: /name: must be a string, not an array" },
		{ "{'name': {}}", "t:1:10: /name: must be a string, not an object" },
		{ "{'name': false}", "t:1:10: /name: must be a string, not false" },
		{ "{'name': '', 'path': 'p'}",
		  "t:1:22: /path: must be an absolute path, not \"p\"" },
		{ "{'name': '', 'path': ''}", "t:1:22: /path: must be an absolute path, not \"\"" },
		{ "{'name': '', 'truth': 1}",
		  "t:1:23: /truth: must be true or false, not the number 1" },
		{ "{'name': '', 'truth': 'true'}",
		  "t:1:23: /truth: must be true or false, not a string" },
		{ "{'name': '', 'large': '1'}",
		  "t:1:23: /large: must be an integer, not a string" },
		{ "{'name': '', 'large': 1.0}", "t:1:23: /large: must be an integer, not 1.0" },
		{ "{'name': '', 'large': 1e3}", "t:1:23: /large: must be an integer, not 1e3" },
		{ "{'name': '', 'large': -1}",
		  "t:1:23: /large: must be from 0 to 18446744073709551615, not -1" },
		{ "{'name': '', 'large': 18446744073709551616}",
		  "t:1:23: /large: must be from 0 to 18446744073709551615, not "
		  "18446744073709551616" },
		{ "{'name': '', 'wide': 9223372036854775808}",
		  "t:1:22: /wide: must be from -9223372036854775808 to 9223372036854775807, not "
		  "9223372036854775808" },
		{ "{'name': '', 'wide': 99999999999999999999999999999999999999999999}",
		  "t:1:22: /wide: must be from -9223372036854775808 to 9223372036854775807, not "
		  "9999999999999999999999999999999999999999" },
		{ "{'name': '', 'inner': {'small': 4294967296}}",
		  "t:1:33: /inner/small: must be from 0 to 4294967295, not 4294967296" },
		{ "{'name': '', 'inner': {}}", "t:1:23: /inner/small: is required, but missing" },
		{ "{'name': '', 'inner': {'small': 0, 'negative': 2147483648}}",
		  "t:1:48: /inner/negative: must be from -2147483648 to 2147483647, not "
		"2147483648" },
		{ "{'name': '', 'words': {}}", "t:1:23: /words: must be an array, not an object" },
		{ "{'name': '', 'words': ['a', 1]}",
		  "t:1:29: /words/1: must be a string, not the number 1" },
		{ "{'name': '', 'words': [null]}", "t:1:24: /words/0: must be a string, not null" },
		{ "{'name': '', 'map': {'': ''}}", "t:1:26: /map/: has an empty key" },
		{ "{'name': '', 'map': {'k': 1}}",
		  "t:1:27: /map/k: must be a string, not the number 1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		cr_expect_eq(decode(refusals[i].doc, false), -1, "%s", refusals[i].doc);
		cr_expect_str_eq(err.text, refusals[i].says, "%s: %s", refusals[i].doc, err.text);
	}
}

Test(decoder, takes_lists_of_numbers_as_the_kernel_does)
{
	static const struct { const char *text; bool valid;
	} lists[] = {
		{ "0", true },	     { "0-3", true },	       { "0-3,7", true },
		{ "7,1,0-0", true }, { "3-1", false },	       { "0,", false },
		{ ",0", false },     { "0-", false },	       { "-1", false },
		{ "0--1", false },   { "a", false },	       { "0 1", false },
		{ "0-1-2", false },  { "99999999999", false }, { "0,,1", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		cr_expect_eq(decode(arena_printf(&arena, "{'name': '', 'cpus': '%s'}",
						 lists[i].text), false) == 0,
			     lists[i].valid, "%s", lists[i].text);
	cr_expect_eq(decode("{'name': '', 'cpus': ''}", false), 0);
	cr_expect_null(thing.cpus);
}

Test(decoder, collects_everything_that_is_wrong)
{
	static const char *const says[] = {
		"t:1:1: /name: is required, but missing",
		"t:1:11: /truth: must be true or false, not the number 1",
		"t:1:23: /words/0: must be a string, not the number 1",
		"t:1:31: /words/2: must be a string, not the number 2",
		"t:1:44: /inner/small: is required, but missing",
		"t:1:57: /inner/negative: must be an integer, not true",
		/* Parentheses, or clang takes it for a forgotten comma. */
		("t:1:72: /larg: is no property of the OCI spec, and ignored; did you mean "
		 "\"large\"?"),
		"t:1:84: /other: is no property of the OCI spec, and ignored",
	};

	cr_expect_eq(decode("{'truth': 1, 'words':[1, 'a', 2], 'inner': {'negative': true}, "
			    "'larg': 1, 'other': 2}", true), -1);
	cr_expect_eq(d.diagnosis.findings.count, ARRAY_SIZE(says));
	for (size_t i = 0; i < d.diagnosis.findings.count && i < ARRAY_SIZE(says); i++)
		cr_expect_str_eq(d.diagnosis.findings.items[i].text, says[i], "%s",
				 d.diagnosis.findings.items[i].text);
	cr_expect_str_eq(err.text, says[0], "the first is the error");
}

Test(decoder, shows_control_bytes_as_numbers)
{
	cr_expect_eq(decode("{'name': '', 'path': 'a\\u001b[31m\\nb'}", false), -1);
	cr_expect_str_eq(err.text,
			 "t:1:22: /path: must be an absolute path, not \"a\\x1b[31m\\x0ab\"");
	cr_expect_eq(decode("{'name': '', 'map': {'\\u0007': 1}}", false), -1);
	cr_expect_str_eq(err.text, "t:1:32: /map/\\x07: must be a string, not the number 1");
}

Test(decoder, says_what_is_wrong_behind_a_long_key)
{
	struct text key = { .arena = &arena };

	for (int i = 0; i < 300; i++)
		text_add(&key, "\xc3\xa9\xc3\xa9");
	cr_expect_eq(decode(arena_printf(&arena, "{'name': '', 'map': {'%s': 1}}", key.data),
			    false),
		     -1);
	cr_expect_str_eq(err.text, arena_printf(&arena,
						"t:1:626: /map/%.494s...: must be a string, "
						"not the number 1",
						key.data));
}

Test(list, grows_behind_what_is_there)
{
	for (size_t made = 0; made < 20; made++) {
		LIST(size_t) list = { 0 };

		for (size_t i = 0; i < 40; i++) {
			LIST_ADD(&arena, &list, i);
			for (size_t j = 0; j <= i; j++)
				cr_assert_eq(list.items[j], j);
		}
	}
	cr_assert_eq(decode("{'name': '', 'words': ['a', 'b', 'c']}", false), 0);
	LIST_ADD(&arena, &thing.words, "d");
	LIST_ADD(&arena, &thing.words, "e");
	cr_expect_str_eq(thing.words.items[2], "c");
	cr_expect_str_eq(thing.words.items[4], "e");
}
