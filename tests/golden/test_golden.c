/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/decode.h"
#include "config/dump.h"
#include "config/load.h"

/*
 * Every directory beside this file is a case: config.json, and error.txt when
 * it is refused, byte for byte as kist says it; or the plan, as "kist plan"
 * shows it: expected.txt for a host with cgroup v2, expected-v1.txt, and expected.json.
 */
static struct error err;

typedef void check_fn(const char *name, const char *bundle, const char *expected);

static char *case_file(struct arena *arena, const char *name, const char *file)
{
	const char *path = arena_printf(arena, "%s/%s/%s", GOLDEN_DIR, name, file);
	char *text;

	return file_read(AT_FDCWD, path, 1 << 20, arena, &text, NULL, &err) == 0 ? text : NULL;
}

/* How many cases have the file. */
static unsigned int each_case(const char *file, check_fn *check)
{
	DIR *dir = opendir(GOLDEN_DIR);
	unsigned int count = 0;
	struct dirent *entry;

	cr_assert_not_null(dir, "%s", GOLDEN_DIR);
	while ((entry = readdir(dir)) != NULL) {
		_cleanup_arena struct arena arena = { NULL };
		const char *expected;

		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
			continue;
		expected = case_file(&arena, entry->d_name, file);
		if (expected == NULL)
			continue;
		check(entry->d_name, arena_printf(&arena, "%s/%s", GOLDEN_DIR, entry->d_name),
		      expected);
		count++;
	}
	closedir(dir);
	return count;
}

static void check_refusal(const char *name, const char *bundle, const char *expected)
{
	_cleanup_arena struct arena arena = { NULL };
	const struct plan *plan = NULL;
	struct config_text config;

	if (config_text_read(&arena, bundle, NULL, &config, &err) == 0)
		plan = plan_parse(&arena, config.bundle, config.name, config.text, config.size,
				  &err);
	cr_expect_null(plan, "%s: was accepted", name);
	if (plan == NULL)
		cr_expect_str_eq(arena_printf(&arena, "%s\n", err.text), expected, "%s", name);
}

Test(golden, bad_configurations_are_refused_in_these_words)
{
	cr_expect_geq(each_case("error.txt", check_refusal), 100);
}

/* "kist check" must say the same of the same, and may say more. */
static void check_diagnosis(const char *name, const char *bundle, const char *expected)
{
	_cleanup_arena struct arena arena = { NULL };
	struct diagnosis diagnosis = { 0 };
	const struct plan *plan = NULL;
	bool said = false;

	if (plan_diagnose(&arena, bundle, NULL, &diagnosis, &plan, &err) < 0) {
		cr_expect_str_eq(arena_printf(&arena, "%s\n", err.text), expected, "%s", name);
		return;
	}
	cr_expect_null(plan, "%s: was accepted", name);
	LIST_EACH(finding, diagnosis.findings)
		if (finding->severity == SEVERITY_ERROR &&
		    strcmp(arena_printf(&arena, "%s\n", finding->text), expected) == 0)
			said = true;
	cr_expect(said, "%s: not among the findings", name);
}

Test(golden, check_finds_what_run_refuses)
{
	each_case("error.txt", check_diagnosis);
}

static const struct plan *plan_of(struct arena *arena, const char *name)
{
	const char *json = case_file(arena, name, "config.json");
	const struct plan *plan;

	cr_assert_not_null(json, "%s", err.text);
	/* Not from where it lies: the bundle's path is in the plan. */
	plan = plan_parse(arena, "/bundle", "config.json", json, strlen(json), &err);
	cr_assert_not_null(plan, "%s: %s", name, err.text);
	return plan;
}

static void check_text(const char *name, const char *bundle, const char *expected)
{
	_cleanup_arena struct arena arena = { NULL };

	(void)bundle;
	cr_expect_str_eq(plan_dump_text(&arena, plan_of(&arena, name), 2), expected,
			 "%s", name);
}

static void check_text_v1(const char *name, const char *bundle, const char *expected)
{
	_cleanup_arena struct arena arena = { NULL };

	(void)bundle;
	cr_expect_str_eq(plan_dump_text(&arena, plan_of(&arena, name), 1), expected,
			 "%s", name);
}

static void check_json(const char *name, const char *bundle, const char *expected)
{
	_cleanup_arena struct arena arena = { NULL };

	(void)bundle;
	cr_expect_str_eq(plan_dump_json(&arena, plan_of(&arena, name), 2), expected,
			 "%s", name);
}

Test(golden, plans_are_shown_in_these_lines)
{
	cr_expect_geq(each_case("expected.txt", check_text), 2);
	cr_expect_geq(each_case("expected-v1.txt", check_text_v1), 1);
	cr_expect_geq(each_case("expected.json", check_json), 2);
}
