/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/text.h"
#include "rootfs-tools/smoke/yaml.h"

static struct arena arena;
static struct error err;

static void finish(void)
{
	arena_free(&arena);
}
TestSuite(yaml, .fini = finish);

static const struct json *parse(const char *text)
{
	struct json_source *source = ARENA_NEW(&arena, struct json_source);

	*source = (struct json_source){ "t", text, strlen(text) };
	return yaml_parse(&arena, source, &err);
}

static enum json_type type_of(const char *text)
{
	const struct json *root = parse(arena_printf(&arena, "a: %s\n", text));

	cr_assert_not_null(root, "%s: %s", text, err.text);
	return root->first->type;
}

Test(yaml, plain_words_have_the_types_of_the_core_schema)
{
	static const struct { const char *text; enum json_type type; } rows[] = {
		{ "12", JSON_NUMBER }, { "-1.5e3", JSON_NUMBER }, { "1.2.3", JSON_STRING },
		{ "true", JSON_BOOL }, { "False", JSON_BOOL }, { "yes", JSON_STRING },
		{ "'12'", JSON_STRING }, { "\"true\"", JSON_STRING }, { "~", JSON_NULL },
		{ "null", JSON_NULL }, { "", JSON_NULL }, { "''", JSON_STRING },
		{ "0x1f", JSON_STRING }, { "-", JSON_ARRAY }, { "[a]", JSON_ARRAY },
		{ "{a: b}", JSON_OBJECT }, { "-rw-r--r--", JSON_STRING }, { "1e", JSON_STRING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].text, "-") != 0)
			cr_expect_eq(type_of(rows[i].text), rows[i].type, "%s", rows[i].text);
}

Test(yaml, numbers_and_booleans_keep_their_text)
{
	const struct json *root = parse("a: 007\nb: True\n");

	cr_expect_str_eq(json_member(root, "a")->text, "007");
	cr_expect_str_eq(json_member(root, "b")->text, "True");
}

Test(yaml, blocks_fold_and_keep)
{
	const struct json *root = parse("a: |\n  x\n  y\nb: >\n  x\n  y\n");

	cr_expect_str_eq(json_member(root, "a")->text, "x\ny\n");
	cr_expect_str_eq(json_member(root, "b")->text, "x y\n");
}

Test(yaml, positions_count_characters_and_lines)
{
	static const char text[] = "\xc3\xa4: \xe2\x82\xac\nb:\n  - \xc3\xb6: 1\n";
	struct json_source source = { "t", text, strlen(text) };
	const struct json *root = yaml_parse(&arena, &source, &err), *value;
	unsigned int line, column;

	cr_assert_not_null(root, "%s", err.text);
	value = json_find(root, "/b/0/\xc3\xb6");
	json_position(&source, value->offset, &line, &column);
	cr_expect_eq(line, 3);
	cr_expect_eq(column, 8);
	json_position(&source, value->key_offset, &line, &column);
	cr_expect_eq(column, 5);
}

Test(yaml, aliases_are_copies_and_merges_give_way)
{
	const struct json *root = parse("d: &d {a: 1, b: 2}\ne: *d\nf:\n  b: 3\n  <<: *d\n");

	cr_assert_not_null(root, "%s", err.text);
	cr_expect_str_eq(json_find(root, "/e/b")->text, "2");
	cr_expect_str_eq(json_find(root, "/f/a")->text, "1");
	cr_expect_str_eq(json_find(root, "/f/b")->text, "3");
	cr_expect_eq(json_member(root, "f")->count, 2);
}

Test(yaml, a_key_may_be_an_anchor_or_an_alias)
{
	const struct json *root = parse("&k key: &v value\n&n 1: *k\nb: {*k : *v, *n : *n}\n"
					"*v : {c: &c {d: e}, *v : *c}\n");

	cr_assert_not_null(root, "%s", err.text);
	cr_expect_str_eq(json_find(root, "/key")->text, "value");
	cr_expect_str_eq(json_find(root, "/1")->text, "key");
	cr_expect_str_eq(json_find(root, "/b/key")->text, "value");
	cr_expect_eq(json_find(root, "/b/1")->type, JSON_NUMBER);
	cr_expect_str_eq(json_find(root, "/value/value/d")->text, "e");
	cr_expect_null(parse("a: &a {b: c}\n*a : d\n"));
	cr_expect_str_eq(err.text, "t:2:1: a key must be a word");
	cr_expect_null(parse("&a a: b\n*a : d\n"));
	cr_expect_str_eq(err.text, "t:2:1: the key \"a\" comes twice");
}

Test(yaml, of_several_that_are_merged_the_first_says_it)
{
	const struct json *root = parse("d: &d {a: 1, b: 2}\ne: &e {b: 3, c: 4}\n"
					"f: {<<: [*d, *e], a: 0}\ng: {<<: [*d, 1]}\n");

	cr_assert_not_null(root, "%s", err.text);
	cr_expect_str_eq(json_find(root, "/f/a")->text, "0");
	cr_expect_str_eq(json_find(root, "/f/b")->text, "2");
	cr_expect_str_eq(json_find(root, "/f/c")->text, "4");
	cr_expect_eq(json_member(root, "f")->count, 3);
	cr_expect_not_null(json_find(root, "/g/<<"));
}

Test(yaml, a_billion_laughs_end_early)
{
	struct text text = { .arena = &arena };

	text_add(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		text_printf(&text, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			text_printf(&text, "%s*a%d", j > 0 ? ", " : "", i - 1);
		text_add(&text, "]\n");
	}
	cr_expect_null(parse(text.data));
	cr_expect_not_null(strstr(err.text, "has too many values"), "%s", err.text);
}

Test(yaml, refuses_what_has_no_place_in_a_tree)
{
	static const char *const texts[] = {
		"? [a]\n: b\n", "a: *b\n", "a: &a [*a]\n", "a: 1\na: 2\n", "a: \"\\0\"\n",
		"a: [b\n",
		"a: b: c\n", "%YAML 9.9\n---\na: b\n", "a: \xff\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		cr_expect_null(parse(texts[i]), "%s", texts[i]);
		cr_expect_eq(strncmp(err.text, "t:", 2), 0, "%s", err.text);
	}
}

Test(yaml, depth_is_bounded)
{
	char text[2 * JSON_MAX_DEPTH + 8];

	memset(text, '[', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	cr_expect_null(parse(text));
	cr_expect_not_null(strstr(err.text, "nested too deep"), "%s", err.text);
}

Test(yaml, a_tab_is_told)
{
	cr_assert_null(parse("a:\n\t- b\n"));
	cr_expect_str_eq(err.text, "t:2:1: YAML is indented by blanks, not by tabs");
	cr_assert_null(parse("# \xc3\xa4\xc3\xb6\na:\n\t- b\n"));
	cr_expect_str_eq(err.text, "t:3:1: YAML is indented by blanks, not by tabs");
}

Test(yaml, what_is_no_text_is_found)
{
	cr_assert_null(parse("a: b\n\xc3\xa4: \"caf\xe9\"\n"));
	cr_expect_str_eq(err.text, "t:2:9: invalid trailing UTF-8 octet");
	cr_assert_null(parse("a: b\nc: \x01\n"));
	cr_expect_str_eq(err.text, "t:2:4: control characters are not allowed");
}
