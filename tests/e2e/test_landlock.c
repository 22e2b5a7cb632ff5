/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/e2e/harness.h"

/* Annotation org.kist.landlock: the object that is proposed for the spec, as a string. */

#define ANNOTATION	"/annotations/org.kist.landlock"
#define RULES \
	"{'ruleset': {'handledAccessFS': ['write_file', 'make_reg', 'make_dir', 'read_dir']}," \
	" 'rules': {'pathBeneath': [" \
	"{'allowedAccess': ['write_file', 'make_reg'], 'paths': ['/work', '/one']}," \
	"{'allowedAccess': ['read_dir', 'write_file'], 'paths': ['/dev', '/list']}]}}"

static void need_landlock(void)
{
	e2e_need_kist();
	if (syscall(444, NULL, 0, 1) < 1)
		e2e_skip("this kernel has no Landlock");
}

/* JSON in JSON. */
static void set_rules(struct bundle *b, const char *rules)
{
	struct text text = { .arena = &e2e_arena };

	text_add_json(&text, edit_quotes(&e2e_arena, rules));
	b->config = edit_splice(&e2e_arena, b->config, ANNOTATION, text.data);
	cr_assert_not_null(b->config);
}

static struct bundle *restricted(void)
{
	struct bundle *b = bundle_new();

	bundle_file(b, "/work/file", 0666, "old");
	bundle_file(b, "/other/file", 0666, "old");
	bundle_file(b, "/list/file", 0666, "old");
	bundle_file(b, "/one", 0666, "old");
	bundle_set(b, "/root/readonly", "false");
	set_rules(b, RULES);
	bundle_probe_args(b, "write", "/work/file", "x", "write", "/other/file", "x", "write",
			  "/one", "x", "mkdir", "/work/new", "list", "/list", "list", "/other",
			  "read", "/other/file", NULL);
	return b;
}

static void expect_restricted(const struct output *got)
{
	struct probe seen;

	cr_assert_eq(got->status, 0, "%s%s", got->out, got->err);
	probe_parse(&seen, &e2e_arena, got->out);
	cr_expect_str_eq(probe_text(&seen, "write:/other/file"), "EACCES", "%s", got->out);
	cr_expect_str_eq(probe_text(&seen, "mkdir:/work/new"), "EACCES", "%s", got->out);
	cr_expect_null(strstr(got->out, "write:/work/file=E"), "%s", got->out);
	cr_expect_null(strstr(got->out, "write:/one=E"), "%s", got->out);
	cr_expect(strstr(got->out, "list:/other=EACCES"), "%s", got->out);
	cr_expect_null(strstr(got->out, "list:/list=E"), "%s", got->out);
}

E2E(landlock, denies_what_is_handled_and_not_allowed)
{
	struct bundle *b = restricted();
	struct output got;

	need_landlock();
	bundle_run(b, &got);
	expect_restricted(&got);
}

E2E(landlock, holds_for_root_and_for_others)
{
	struct bundle *b = restricted();
	struct output got;

	need_landlock();
	bundle_set(b, "/process/user", "{'uid': 1000, 'gid': 1000}");
	bundle_unset(b, "/process/capabilities");
	bundle_run(b, &got);
	expect_restricted(&got);
}

E2E(landlock, holds_for_exec)
{
	struct bundle *b = restricted();
	struct call run;
	struct output got;

	need_landlock();
	bundle_probe_args(b, "say", "here", "sleep", "20000", NULL);
	bundle_begin(b, &run, "run", "--bundle", b->path, b->id, NULL);
	bundle_await(&run, "here");
	bundle_call(b, &got, "exec", b->id, "/probe", "write", "/other/file", "x", NULL);
	cr_expect(strstr(got.out, "EACCES"), "%s%s", got.out, got.err);
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	bundle_finish(&run, &got);
}

E2E(landlock, without_the_annotation_denies_nothing)
{
	struct bundle *b = restricted();
	struct output got;

	e2e_need_kist();
	bundle_unset(b, "/annotations");
	bundle_run(b, &got);
	cr_expect_null(strstr(got.out, "EACCES"), "%s", got.out);
}

E2E(landlock, mistakes_are_named)
{
	static const struct { const char *rules, *words; } rows[] = {
		{ "{'ruleset': {'handledAccessFS': ['write_fil']}}",
		  "did you mean \"write_file\"?" },
		{ "{'ruleset': {'handledAccessFS': []}}", "must have at least one entry" },
		{ "{}", "ruleset" },
		{ "{'ruleset': {'handledAccessFS': ['execute']}, 'rule': {}}", "rule" },
		{ "{'ruleset': {'handledAccessFS': ['execute']}, 'rules': {'pathBeneath': "
		  "[{'allowedAccess': ['read_dir'], 'paths': ['/']}]}}",
		  "has \"read_dir\", which handledAccessFS has not" },
		{ "[", "annotation org.kist.landlock:1:" },
	};

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		set_rules(b, rows[i].rules);
		bundle_run(b, &got);
		cr_expect_eq(got.status, 1, "%s", rows[i].rules);
		cr_expect(strstr(got.err, rows[i].words), "%s: %s", rows[i].rules, got.err);
		cr_expect(strstr(got.err, "/annotations/org.kist.landlock"), "%s", got.err);
	}
}

E2E(landlock, path_that_is_not_there_is_named)
{
	struct bundle *b = bundle_new();
	struct output got;

	need_landlock();
	set_rules(b, "{'ruleset': {'handledAccessFS': ['write_file']}, 'rules': {'pathBeneath': "
		     "[{'allowedAccess': ['write_file'], 'paths': ['/nowhere']}]}}");
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect(strstr(got.err, "/nowhere"), "%s", got.err);
}
