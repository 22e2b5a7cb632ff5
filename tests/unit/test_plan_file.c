/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "config/load.h"
#include "config_text.h"

static char dir[] = "/tmp/kist-test-plan-XXXXXX";

static void make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
	unlink(arena_printf(&arena, "%s/config.json", dir));
	rmdir(dir);
}

static void write_config(const char *text)
{
	int fd = open(arena_printf(&arena, "%s/config.json", dir), O_WRONLY | O_CREAT | O_TRUNC,
		      0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

Test(plan_file, says_which_bundle_has_no_configuration, .init = make_dir, .fini = remove_dir)
{
	struct config_text config;

	cr_expect_eq(config_text_read(&arena, dir, NULL, &config, &err), -1);
	cr_expect_str_eq(err.text,
			 arena_printf(&arena,
				      "bundle %s: open config.json: no such file or "
				      "directory: make one with \"kist spec\", or name the "
				      "bundle with --bundle",
				      dir),
			 "%s", err.text);
	cr_expect_eq(config_text_read(&arena, "/nonexistent", NULL, &config, &err), -1);
	cr_expect_str_eq(err.text, "open bundle /nonexistent: no such file or directory");
	cr_expect_eq(config_text_read(&arena, "/dev/null", NULL, &config, &err), -1);
	cr_expect_str_eq(err.text, "open bundle /dev/null: not a directory: a bundle is a "
				   "directory; --config names a file");
}

Test(plan_file, is_below_the_current_directory_where_it_is_named, .init = make_dir,
     .fini = remove_dir)
{
	struct config_text config;

	write_config("{}");
	cr_assert_eq(chdir(dir), 0);
	cr_assert_eq(config_text_read(&arena, "/proc/..", "config.json", &config, &err), 0, "%s",
		     err.text);
	cr_expect_str_eq(config.text, "{}");
	cr_expect_str_eq(config.bundle, "/");
}

Test(plan_file, loads_a_process_alone, .init = make_dir, .fini = remove_dir)
{
	const char *file = arena_printf(&arena, "%s/config.json", dir);
	const struct process_plan *process;

	write_config(
		"{\"cwd\": \"/x\", \"args\": [\"a\", \"b\"], \"user\": {\"uid\": 1, \"gid\": 2}}");
	process = process_load(&arena, file, &err);
	cr_assert_not_null(process, "%s", err.text);
	cr_expect_str_eq(process->args.items[1], "b");
	cr_expect_eq(process->gid, 2);
	write_config("{\"cwd\": \"x\"}");
	cr_expect_null(process_load(&arena, file, &err));
	cr_expect_str_eq(err.text,
			 arena_printf(&arena, "%s:1:1: /args: is required, but missing", file));
}

Test(plan_file, tells_unknown_annotations_of_kist, .init = make_dir, .fini = remove_dir)
{
	static const struct {
		const char *key, *says;	/* NULL: nothing */
	} rows[] = {
		{ "org.kist.init", NULL },
		{ "org.kist.init.grace", NULL },
		{ "org.kist.landlock", NULL },
		{ "org.example.init", NULL },
		{ "org.kistler", NULL },
		{ "org.kist.int", "is no annotation of kist's, and ignored; did you mean "
				  "\"org.kist.init\"?" },
		{ "org.kist.ini.grace", "is no annotation of kist's, and ignored; did you mean "
					"\"org.kist.init.grace\"?" },
		{ "org.kist.unheard-of", "is no annotation of kist's, and ignored" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diagnosis found = { 0 };
		const struct plan *plan;
		const char *text;

		/* It has no root: all is told, and nothing twice. */
		write_config(arena_printf(&arena,
					  "{\"ociVersion\": \"1.3.0\", \"annotations\": "
					  "{\"%s\": \"\"}}",
					  rows[i].key));
		cr_assert_eq(plan_diagnose(&arena, dir, NULL, &found, &plan, &err), 0);
		text = arena_printf(&arena, "/%s: %s", rows[i].key, rows[i].says);
		cr_assert_eq(found.findings.count, rows[i].says != NULL ? 2 : 1, "%s", rows[i].key);
		if (rows[i].says == NULL)
			continue;
		cr_expect_eq(found.findings.items[1].severity, SEVERITY_WARNING);
		cr_expect(strstr(found.findings.items[1].text, text) != NULL, "%s",
			  found.findings.items[1].text);
	}
}

Test(plan_file, is_diagnosed_as_a_whole, .init = make_dir, .fini = remove_dir)
{
	static const char *const says[] = {
		"config.json:1:1: /ociVersion: is required, but missing",
		"config.json:1:19: /root/path: must be a string, not the number 7",
		"config.json:1:34: /process/cwd: is required, but missing",
		"config.json:1:61: /process/teminal: is no property of the OCI spec, and "
		"ignored; did "
		"you mean \"terminal\"?",
		"config.json:1:79: /hostname: needs a uts namespace, or it would rename "
		"the host; add "
		"{\"type\": \"uts\"} to /linux/namespaces",
	};
	struct diagnosis diagnosis;
	const struct plan *plan;
	size_t found = 0;

	write_config(
		"{\"root\": {\"path\": 7}, \"process\": {\"args\": [\"x\"], \"teminal\": true},"
		"\"hostname\": \"h\", \"linux\": {\"namespaces\": [{\"type\": \"mount\"}]}}");
	cr_assert_eq(plan_diagnose(&arena, dir, NULL, &diagnosis, &plan, &err), 0);
	cr_expect_null(plan);
	LIST_EACH(finding, diagnosis.findings) {
		cr_expect_str_eq(finding->text, found < ARRAY_SIZE(says) ? says[found] : "", "%s",
				 finding->text);
		found++;
	}
	cr_expect_eq(found, ARRAY_SIZE(says));
	write_config("{");
	cr_expect_eq(plan_diagnose(&arena, dir, NULL, &diagnosis, &plan, &err), -1);
}

/* What a rule looks at and was not decoded is told where it is, once. */
Test(plan_file, is_not_judged_by_what_was_not_decoded, .init = make_dir, .fini = remove_dir)
{
	struct diagnosis found = { 0 };
	const struct plan *plan;

	write_config("{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"/\"}, \"hostname\": "
		     "\"h\", \"process\": {\"cwd\": \"/\", \"args\": [\"x\"], "
		     "\"capabilities\": {\"bounding\": [\"CAP_FLY\"]}}, \"linux\": "
		     "{\"namespaces\": [{\"type\": \"utz\"}], \"sysctl\": {\"net.x\": \"1\"}}}");
	cr_assert_eq(plan_diagnose(&arena, dir, NULL, &found, &plan, &err), 0);
	cr_expect_null(plan);
	cr_assert_eq(found.findings.count, 2);
	cr_expect_eq(found.findings.items[0].severity, SEVERITY_WARNING);
	cr_expect_not_null(strstr(found.findings.items[0].text, "is no capability, and ignored"));
	cr_expect_eq(found.findings.items[1].severity, SEVERITY_ERROR);
	cr_expect_not_null(strstr(found.findings.items[1].text, "/linux/namespaces/0/type: "));
}

/* More findings than are kept, and what they hide: an error, or a value that was not decoded. */
Test(plan_file, is_refused_however_much_else_is_odd, .init = make_dir, .fini = remove_dir)
{
	static const char *const first[] = { "\"odd%d\":1,", "{\"destination\":%d}," };
	static const char *const texts[] = {
		"{%s\"ociVersion\":\"1.3.0\",\"root\":{\"path\":7}}",
		"{\"ociVersion\":\"1.3.0\",\"mounts\":[%s0],\"root\":{\"path\":\"/\"},"
		"\"domainname\":\"x\",\"linux\":{\"namespaces\":[{\"type\":\"uts\"}],"
		"\"sysctl\":{\"kernel.domainname\":5}}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct text many = { .arena = &arena };
		struct diagnosis found = { 0 };
		const struct plan *plan;
		size_t errors = 0;

		for (int n = 0; n < 100; n++)
			text_printf(&many, first[i], n);
		write_config(arena_printf(&arena, texts[i], many.data));
		cr_assert_eq(plan_diagnose(&arena, dir, NULL, &found, &plan, &err), 0);
		cr_expect_null(plan);
		LIST_EACH(finding, found.findings)
			errors += finding->severity == SEVERITY_ERROR;
		cr_expect_eq(errors, i == 0 ? 1 : 100, "%zu: %zu", i, errors);
	}
}
