/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/text.h"
#include "config/json.h"

static struct arena arena;
static struct error err;

static const struct json *read_bytes(const char *text, size_t size)
{
	struct json_source source = { "x.json", text, size };

	return json_parse(&arena, &source, &err);
}

static const struct json *read_text(const char *text)
{
	const struct json *value = read_bytes(text, strlen(text));

	cr_assert_not_null(value, "%s: %s", text, err.text);
	return value;
}

Test(json, keeps_numbers_as_they_are_written)
{
	static const char *const numbers[] = {
		"0", "-0", "7", "18446744073709551615", "-9223372036854775808", "1e3", "1.50",
		"123456789012345678901234567890",
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const struct json *alone = read_text(numbers[i]);
		const struct json *inside = read_text(arena_printf(&arena, "[%s]", numbers[i]));

		cr_expect_str_eq(alone->text, numbers[i]);
		cr_expect_eq(alone->offset, 0, "%s", numbers[i]);
		cr_expect_str_eq(inside->first->text, numbers[i]);
		cr_expect_eq(inside->first->offset, 1, "%s", numbers[i]);
	}
}

Test(json, decodes_escapes_and_knows_where_the_string_began)
{
	static const struct {
		const char *text, *value;
	} strings[] = {
		{ "[ \"plain\"]", "plain" },
		{ "[ \"a\\nb\"]", "a\nb" },
		{ "[ \"\\\"\\\\\"]", "\"\\" },
		{ "[ \"ends in \\\\\\\\\"]", "ends in \\\\" },
		{ "[ \"\\u00e9\\ud83d\\ude00\"]", "\xc3\xa9\xf0\x9f\x98\x80" },
		{ "[ \"\\uD83D\\uDE00\\\\ud800\\ud7ff\\ue000\"]",
		  "\xf0\x9f\x98\x80\\ud800\xed\x9f\xbf\xee\x80\x80" },
		{ "[ \"\"]", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		const struct json *item = read_text(strings[i].text)->first;

		cr_expect_str_eq(item->text, strings[i].value, "%s", strings[i].text);
		cr_expect_eq(item->offset, 2, "%s: %u", strings[i].text, item->offset);
	}
}

Test(json, finds_values_by_pointer_and_names_them_again)
{
	static const char text[] = "{\"a\": [1, {\"b/c\": null, \"~\": true}], \"\": {\"0\": []}}";
	static const char *const pointers[] = {
		"", "/a", "/a/0", "/a/1", "/a/1/b~1c", "/a/1/~0", "/", "//0",
	};
	const struct json *root = read_text(text);

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
		const struct json *value = json_find(root, pointers[i]);

		cr_assert_not_null(value, "%s", pointers[i]);
		cr_expect_str_eq(json_pointer(&arena, value), pointers[i]);
	}
	cr_expect_null(json_find(root, "/a/2"));
	cr_expect_null(json_find(root, "/a/00"));
	cr_expect_null(json_find(root, "/b"));
	cr_expect_null(json_member(root->first, "a"), "an array has no members");
}

Test(json, counts_lines_and_characters_from_one)
{
	static const char text[] = "{\n \"\xc3\xa9\": 1,\n\t\"b\": 2}";
	struct json_source source = { "x", text, strlen(text) };
	static const struct { const char *at; unsigned int line, column; } places[] = {
		{ "{", 1, 1 }, { "\"\xc3", 2, 2 }, { "1", 2, 7 }, { "2", 3, 7 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		unsigned int line, column;

		json_position(&source, (size_t)(strstr(text, places[i].at) - text), &line, &column);
		cr_expect_eq(line, places[i].line, "%s", places[i].at);
		cr_expect_eq(column, places[i].column, "%s: %u", places[i].at, column);
	}
}

static const char *many(const char *item, size_t count, const char *end)
{
	struct text text = { .arena = &arena };

	text_add(&text, "[");
	for (size_t i = 0; i < count; i++)
		text_add(&text, item);
	text_add(&text, end);
	return text.data;
}

Test(json, takes_as_much_as_it_says_and_not_more)
{
	const char *fits = many("0,", JSON_MAX_COUNT - 2, "0]");
	const char *more = many("0,", JSON_MAX_COUNT - 1, "0]");
	const char *large = many(" ", JSON_MAX_SIZE, "]");
	struct text deep = { .arena = &arena };

	cr_expect_eq(read_text(fits)->count, JSON_MAX_COUNT - 1);
	cr_expect_null(read_bytes(more, strlen(more)));
	cr_expect_str_eq(err.text, "x.json:1:524288: is too large: more than 262144 values");
	cr_expect_null(read_bytes(large, strlen(large)));
	cr_expect_str_eq(err.text,
			 "x.json: is too large: 16777218 bytes, at most 16777216 are read");
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		text_add(&deep, "[");
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		text_add(&deep, "]");
	cr_expect_not_null(read_bytes(deep.data, deep.size));
	deep.data = arena_printf(&arena, "[%s]", deep.data);
	cr_expect_null(read_bytes(deep.data, deep.size + 2));
	cr_expect_str_eq(err.text, "x.json:1:65: is nested too deeply: more than 64 levels");
}

Test(json, finds_a_key_that_comes_twice_among_few_and_among_many)
{
	for (int count = 2; count < 100; count += 7) {
		struct text text = { .arena = &arena };

		for (int i = 0; i < count; i++)
			text_printf(&text, "%s\"k%d\": %d", i == 0 ? "{" : ",\n", i, i);
		cr_expect_not_null(
			read_bytes(arena_printf(&arena, "%s}", text.data), text.size + 1));
		text_add(&text, ",\n\"k1\": 0}");
		cr_expect_null(read_bytes(text.data, text.size), "%d keys", count);
		cr_expect_str_eq(err.text, arena_printf(&arena, "x.json:%d:1: /k1: is there twice",
							count + 1));
	}
}

Test(json, refuses_what_is_none)
{
	static const struct { const char *text, *says;
	} refusals[] = {
		{ "", "x.json:1:1: is not valid JSON: the file is empty" },
		{ "{", "x.json:1:2: is not valid JSON: it ends too early" },
		{ "{}{}", "x.json:1:3: is not valid JSON: trailing garbage" },
		{ "{'a': 1}", "x.json:1:2: is not valid JSON: text stands in double quotes" },
		{ "/* */ {}", "x.json:1:1: is not valid JSON: JSON has no comments" },
		{ "{\n# a\n}", "x.json:2:1: is not valid JSON: JSON has no comments" },
		{ "[1,]", "x.json:1:4: is not valid JSON: a comma stands in front of \"]\"" },
		{ "{\"a\": 1 ,\n\t}",
		  "x.json:2:2: is not valid JSON: a comma stands in front of \"}\"" },
		{ "{\"a\": 1,, }",
		  "x.json:1:9: is not valid JSON: the name of a property must be a string" },
		{ "[+1]", "x.json:1:2: is not valid JSON: unexpected \"+\"" },
		{ "[01]",
		  "x.json:1:3: is not valid JSON: after array element, I expect ',' or ']'" },
		{ "[NaN]", "x.json:1:2: is not valid JSON: unexpected \"N\"" },
		{ "[\"a\\ud800\\u0041\"]",
		  "x.json:1:10: is not valid JSON: a text has half a surrogate pair" },
		{ "[\"a\\uDBFFb\"]",
		  "x.json:1:10: is not valid JSON: a text has half a surrogate pair" },
		{ "[\"\\ud83d\\ud83d\\ude00\"]",
		  "x.json:1:9: is not valid JSON: a text has half a surrogate pair" },
		{ "[\"\\n\\uDe00\"]",
		  "x.json:1:5: is not valid JSON: a text has half a surrogate pair" },
		{ "{\"\\udfff\": 1}",
		  "x.json:1:3: is not valid JSON: a text has half a surrogate pair" },
		{ "[\"\\ud800\"]",
		  "x.json:1:3: is not valid JSON: a text ends in half a surrogate pair" },
		{ "[\"b\xc0\xaf\"]", "x.json:1:4: is not valid JSON: a text is not UTF-8" },
		{ "[\"\\n\xed\xa0\x80\"]", "x.json:1:5: is not valid JSON: a text is not UTF-8" },
		{ "{\"\xf5\x80\x80\x80\": 1}",
		  "x.json:1:3: is not valid JSON: a text is not UTF-8" },
		{ "\xef\xbb\xbf{}", "x.json:1:1: is not valid JSON: it does not begin with UTF-8 "
				    "text: save it as UTF-8 without a byte order mark" },
		{ "\xff\xfe{", "x.json:1:1: is not valid JSON: it does not begin with UTF-8 "
			       "text: save it as UTF-8 without a byte order mark" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		cr_expect_null(read_bytes(refusals[i].text, strlen(refusals[i].text)), "%s",
			       refusals[i].text);
		cr_expect_str_eq(err.text, refusals[i].says, "%s: %s", refusals[i].text, err.text);
	}
}
