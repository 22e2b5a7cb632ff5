/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/list.h"
#include "rootfs-tools/size_text.h"
#include "rootfs-tools/smoke/report.h"

/* Names and output as an attacker would choose them. */
#define EVIL	"<script>&\"'\x1b[31m\xff # ok 9\nnot ok"

static struct arena arena;
static struct smoke_options options;
static struct smoke smoke = { .options = &options };
static subject_layer_list sizes;

static void finish(void)
{
	arena_free(&arena);
}
TestSuite(report, .fini = finish);

static struct report evil_report(void)
{
	struct report report = { .smoke = &smoke, .began = 1000, .ended = 2000000000 };
	struct findings findings = { .arena = &arena, .group = EVIL };
	struct check *check = check_new(&findings, EVIL);
	struct trace trace = { .name = EVIL, .began = 2000, .ended = 900000000, .status = 1 };

	smoke.subject.name = EVIL;
	smoke.sizes = &sizes;
	check_fail(&findings, check, "%s", EVIL);
	check->out = check->err = EVIL;
	check_fact(&findings, check, "%s", EVIL);
	LIST_ADD(&arena, &check->traces, trace);
	check_skip(&findings, check_new(&findings, "skipped"), "%s", EVIL);
	LIST_EACH(one, findings.checks)
		LIST_ADD(&arena, &report.checks, *one);
	report.counts[OUTCOME_FAIL] = report.counts[OUTCOME_SKIP] = 1;
	return report;
}

Test(report, text_of_xml_is_escaped)
{
	struct text text = { .arena = &arena };

	text_add_xml(&text, "<a b='c'>&\"\x01\x7f\t\n\xc3\xa4\xc0\xaf\xed\xa0\x80\xff!");
	cr_expect_str_eq(text.data, "&lt;a b=&#39;c&#39;&gt;&amp;&quot;\xef\xbf\xbd\xef\xbf\xbd\t\n"
			 "\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
			 "\xef\xbf\xbd!");
}

Test(report, a_page_runs_nothing_of_an_image)
{
	const struct report report = evil_report();
	struct text text = { .arena = &arena };

	report_html(&text, &report);
	cr_expect_null(strstr(text.data, "<script"));
	cr_expect_null(strchr(text.data, '\x1b'));
	cr_expect_not_null(strstr(text.data, "&lt;script&gt;"));
	cr_expect_not_null(strstr(text.data, "default-src 'none'"));
	cr_expect_not_null(strstr(text.data, "class=\"timeline\""));
}

Test(report, junit_holds_no_markup_of_an_image)
{
	const struct report report = evil_report();
	struct text text = { .arena = &arena };

	report_junit(&text, &report);
	cr_expect_null(strstr(text.data, "<script"));
	cr_expect_null(strchr(text.data, '\x1b'));
	cr_expect_not_null(strstr(text.data, "tests=\"2\" failures=\"1\" errors=\"0\" "
					     "skipped=\"1\""));
}

/* Lines that begin with "ok" or "not ok" are tests: only ours do. */
Test(report, an_image_adds_no_lines_to_tap)
{
	const struct report report = evil_report();
	struct text text = { .arena = &arena };
	struct text_style style = { 0 };
	unsigned int tests = 0, directives = 0;

	LIST_EACH(check, report.checks)
		report_tap_check(&text, &smoke, *check, &style);
	report_tap_end(&text, &style);
	for (const char *line = text.data; *line != '\0'; line += strcspn(line, "\n") + 1) {
		tests += strncmp(line, "ok ", 3) == 0 || strncmp(line, "not ok ", 7) == 0;
		directives += strstr(line, " # SKIP") != NULL &&
			      strstr(line, " # SKIP") < line + strcspn(line, "\n");
	}
	cr_expect_eq(tests, 2, "%s", text.data);
	cr_expect_eq(directives, 1, "%s", text.data);
	/* "ok 9" stands behind a backslash, and so is no directive. */
	cr_expect_not_null(strstr(text.data, "\\# ok 9"));
	cr_expect_not_null(strstr(text.data, "1..2\n"));
}

Test(report, json_is_json)
{
	const struct report report = evil_report();
	struct text text = { .arena = &arena };
	struct json_source source = { .name = "report" };
	const struct json *root;
	struct error err;

	report_json(&text, &report);
	source.text = text.data;
	source.size = text.size;
	root = json_parse(&arena, &source, &err);
	cr_assert_not_null(root, "%s", err.text);
	cr_expect_str_eq(json_find(root, "/checks/0/outcome")->text, "fail");
	cr_expect_str_eq(json_find(root, "/counts/skip")->text, "1");
}

Test(report, strict_makes_a_note_a_failure)
{
	struct findings findings = { .arena = &arena, .group = "g" };
	struct check *check = check_new(&findings, "n");

	check_note(&findings, check, "x");
	cr_expect_eq(report_outcome(&smoke, check), OUTCOME_NOTE);
	options.strict = true;
	cr_expect_eq(report_outcome(&smoke, check), OUTCOME_FAIL);
}

Test(report, the_worst_outcome_stays)
{
	struct findings findings = { .arena = &arena };
	struct check *check = check_new(&findings, "n");

	check_note(&findings, check, "a");
	cr_expect_eq(check->outcome, OUTCOME_NOTE);
	check_fail(&findings, check, "b");
	check_skip(&findings, check, "c");
	cr_expect_eq(check->outcome, OUTCOME_FAIL);
	cr_expect_eq(check->reasons.count, 3);
}

Test(report, files_count_in_thousands_and_memory_in_1024)
{
	static const struct {
		uint64_t bytes;
		const char *size, *memory;
	} rows[] = {
		{ 0, "0 B", "0 B" },
		{ 999, "999 B", "999 B" },
		{ 1000, "1.0 kB", "1000 B" },
		{ 1024, "1.0 kB", "1.0 KiB" },
		/* Never more than there is. */
		{ 999999, "999.9 kB", "976.5 KiB" },
		{ 64 << 20, "67.1 MB", "64.0 MiB" },
		{ UINT64_MAX, "18.4 EB", "15.9 EiB" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cr_expect_str_eq(size_text(&arena, rows[i].bytes), rows[i].size);
		cr_expect_str_eq(memory_text(&arena, rows[i].bytes), rows[i].memory);
	}
}
