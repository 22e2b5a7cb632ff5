/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/option.h"

struct values {
	const char *bundle, *init, *net;
	word_list env, inits;
	int fds;
	bool detach, tty, no_subreaper, hidden;
	const char *label, *format;
	int privs;
};

struct globals {
	const char *root;
};

static const struct option rows[] = {
	OPTION_ROW_TEXT("bundle", 'b', struct values, bundle, "DIR", "the bundle"),
	OPTION_ROW_BARE_CHOICE("init", 0, struct values, init, "always|auto|never", "pid 1"),
	OPTION_ROW_CHOICE("net", 0, struct values, net, "none|host", "network"),
	OPTION_ROW_LIST("env", 'e', struct values, env, "NAME=VALUE", "environment"),
	OPTION_ROW_NUMBER("preserve-fds", 0, struct values, fds, "N", "more fds"),
	OPTION_ROW_FLAG("detach", 'd', struct values, detach, "return at once"),
	OPTION_ROW_FLAG("tty", 't', struct values, tty, "a terminal"),
	OPTION_ROW_WORD("label", 0, struct values, label, "LABEL", "a label"),
	OPTION_ROW_CHOICE("format", 0, struct values, format, "text|json", "a form"),
	OPTION_ROW_MAYBE("privs", 0, struct values, privs, "more or less"),
	OPTION_ROW_ASSIGN("grace", struct values, inits, "SECONDS", "a pause"),
	OPTION_ROW_ASSIGN("wait-all", struct values, inits, NULL, "for all"),
	OPTION_ROW_FLAG("no-subreaper", 0, struct values, no_subreaper, NULL),
	OPTION_ROW_ABSENT("volume", 'v', "use --bundle"),
	{ 0 },
};
static const struct option global_rows[] = {
	OPTION_ROW_TEXT("root", 0, struct globals, root, "DIR", "state"),
	{ 0 },
};

static struct arena arena;
static struct values v;
static struct globals g;
static struct arguments words;
static struct error err;

/* The command line as one string; argv[0] is not in it. */
static int parse(const char *line, int stop_after)
{
	struct option_scope scopes[2] = { { rows, &v }, { global_rows, &g } };
	char *argv[32], *save, *copy = arena_strdup(&arena, line);
	int n = 0;

	v = (struct values){ 0 };
	g = (struct globals){ 0 };
	err = (struct error){ 0 };
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	argv[n] = NULL;
	return option_parse(&arena, scopes, stop_after, argv, &words, &err);
}

Test(option, understands_every_spelling_of_a_value)
{
	static const char *const lines[] = {
		"--bundle=/b id", "--bundle /b id", "-bundle /b id", "-bundle=/b id", "-b /b id",
		"-b/b id", "-b=/b id", "id --bundle /b", "id -b /b", "-d -b /b id", "-db /b id",
		"--detach=true -b /b id", "-b /b -- id", "--root /r -b /b id",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		cr_expect_eq(parse(lines[i], -1), 0, "%s: %s", lines[i], err.text);
		cr_expect_str_eq(v.bundle, "/b", "%s", lines[i]);
		cr_assert_eq(words.count, 1, "%s", lines[i]);
		cr_expect_str_eq(words.items[0], "id", "%s", lines[i]);
	}
}

Test(option, takes_one_dash_for_a_long_flag)
{
	cr_expect_eq(parse("-no-subreaper id", -1), 0, "%s", err.text);
	cr_expect(v.no_subreaper);
	cr_expect_not(v.detach);
}

Test(option, says_what_stands_for_that_of_another_program)
{
	cr_expect_eq(parse("--volume=/a:/b id", -1), -1);
	cr_expect_str_eq(err.text, "flag provided but not defined: --volume: use --bundle");
	cr_expect_eq(parse("-tv id", -1), -1);
	cr_expect_str_eq(err.text, "flag provided but not defined: -tv: use --bundle");
	cr_expect_eq(parse("--volum id", -1), -1);
	cr_expect_str_eq(err.text, "flag provided but not defined: --volum");
}

Test(option, says_what_is_wrong)
{
	static const struct { const char *line, *says; } wrong[] = {
		{ "--bundle", "flag needs an argument: --bundle" },
		{ "-b", "flag needs an argument: --bundle" },
		{ "--bundel x", "flag provided but not defined: --bundel: did you mean --bundle?" },
		{ "-x", "flag provided but not defined: -x" },
		{ "--detach=maybe",
		  "invalid value \"maybe\" for flag --detach: must be true or false" },
		{ "--preserve-fds -1",
		  "invalid value \"-1\" for flag --preserve-fds: must be a whole number" },
		{ "-9", "flag provided but not defined: -9: a number stands without a dash" },
		{ "--net bridge id",
		  "invalid value \"bridge\" for flag --net: must be none|host" },
		{ "--net", "flag needs an argument: --net" },
		{ "--init=perhaps",
		  "invalid value \"perhaps\" for flag --init: must be always|auto|never" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		cr_expect_eq(parse(wrong[i].line, -1), -1, "%s", wrong[i].line);
		cr_expect_str_eq(err.text, wrong[i].says, "%s", wrong[i].line);
	}
}

Test(option, collects_a_list_without_splitting_it)
{
	cr_assert_eq(parse("-e A=1,2 --env=B -eC id", -1), 0);
	cr_assert_eq(v.env.count, 3);
	cr_expect_str_eq(v.env.items[0], "A=1,2");
	cr_expect_str_eq(v.env.items[1], "B");
	cr_expect_str_eq(v.env.items[2], "C");
}

Test(option, gives_a_bare_choice_its_first_value_where_none_is_said)
{
	static const struct { const char *line, *init; size_t words; } choices[] = {
		{ "--init id", "always", 1 },
		{ "--init never id", "never", 1 },
		{ "--init=auto id", "auto", 1 },
		{ "id --init", "always", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		cr_expect_eq(parse(choices[i].line, -1), 0, "%s", choices[i].line);
		cr_expect_str_eq(v.init, choices[i].init, "%s", choices[i].line);
		cr_expect_eq(words.count, choices[i].words, "%s", choices[i].line);
	}
}

Test(option, leaves_the_programs_own_options_alone)
{
	cr_assert_eq(parse("-t id ls -l -d", 1), 0, "%s", err.text);
	cr_expect(v.tty);
	cr_expect_not(v.detach);
	cr_assert_eq(words.count, 4);
	cr_expect_str_eq(words.items[3], "-d");

	cr_assert_eq(parse("id -- ls -- -l", 1), 0, "%s", err.text);
	cr_assert_eq(words.count, 4);
	cr_expect_str_eq(words.items[1], "ls");
	cr_expect_str_eq(words.items[2], "--");
	cr_expect_eq(words.dashes, 1);
}

Test(option, shows_only_what_has_a_help)
{
	struct text out = { .arena = &arena };

	option_help(&out, rows);
	cr_expect_not_null(strstr(out.data, "-b, --bundle DIR"));
	cr_expect_not_null(strstr(out.data, "--init[=always|auto|never]"));
	cr_expect_null(strstr(out.data, "no-subreaper"));
}

Test(option, says_values_again_as_words)
{
	word_list said = { 0 };

	cr_assert_eq(parse("-b DIR --init=never -e A=1 -e B --preserve-fds 3 -t", -1), 0);
	option_words(&arena, rows, &v, &said);
	cr_assert_eq(said.count, 6);
	cr_assert_str_eq(said.items[0], "--bundle=DIR");
	cr_assert_str_eq(said.items[1], "--init=never");
	cr_assert_str_eq(said.items[2], "--env=A=1");
	cr_assert_str_eq(said.items[3], "--env=B");
	cr_assert_str_eq(said.items[4], "--preserve-fds=3");
	cr_assert_str_eq(said.items[5], "--tty");
}

Test(option, empty_values_are_none_where_runc_has_it_so)
{
	cr_assert_eq(parse("--label=x --label= --format= --init= id", -1), 0, "%s", err.text);
	cr_expect_null(v.label);
	cr_expect_null(v.format);
	cr_expect_null(v.init);
	cr_assert_eq(parse("--label=x --bundle= id", -1), 0, "%s", err.text);
	cr_expect_str_eq(v.label, "x");
	cr_expect_str_eq(v.bundle, "");
}

Test(option, choices_need_a_word_and_bare_ones_do_not)
{
	cr_assert_eq(parse("--format json --init id", -1), 0, "%s", err.text);
	cr_expect_str_eq(v.format, "json");
	cr_expect_str_eq(v.init, "always");
	cr_expect_lt(parse("--format xml id", -1), 0);
	cr_expect_str_eq(err.text, "invalid value \"xml\" for flag --format: must be text|json");
}

Test(option, flags_are_spelled_as_go_reads_them)
{
	cr_assert_eq(parse("--detach=T --tty=1 --privs=FALSE id", -1), 0, "%s", err.text);
	cr_expect(v.detach);
	cr_expect(v.tty);
	cr_expect_eq(v.privs, -1);
	cr_assert_eq(parse("--detach --detach=f --privs id", -1), 0, "%s", err.text);
	cr_expect_not(v.detach);
	cr_expect_eq(v.privs, 1);
	cr_assert_eq(parse("id", -1), 0);
	cr_expect_eq(v.privs, 0);
	cr_expect_lt(parse("--privs=maybe id", -1), 0);
}

Test(option, assigns_under_its_name)
{
	cr_assert_eq(parse("--grace 5 --wait-all --wait-all=false --grace=6 id", -1), 0, "%s",
		     err.text);
	cr_assert_eq(v.inits.count, 4);
	cr_expect_str_eq(v.inits.items[0], "grace=5");
	cr_expect_str_eq(v.inits.items[1], "wait-all=true");
	cr_expect_str_eq(v.inits.items[2], "wait-all=false");
	cr_expect_str_eq(v.inits.items[3], "grace=6");
	cr_expect_eq(words.count, 1);
}
