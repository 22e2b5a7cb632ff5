/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/json.h"
#include "tests/e2e/harness.h"

/* The spellings that callers use, and the words and exit codes that they match. */

static const char *in_dir(struct bundle *b, const char *name)
{
	return arena_printf(&e2e_arena, "%s/%s", b->dir, name);
}

static const char *contents(const char *path)
{
	struct error err;
	char *text;

	return file_read(AT_FDCWD, path, 1 << 20, &e2e_arena, &text, NULL, &err) == 0 ? text : "";
}

/* # stands for an id that nobody has. */
static const struct { const char *args[5]; int status; const char *says; } wrong[] = {
	{ { "state", "#" }, 1, "container does not exist" },
	{ { "kill", "#", "9" }, 1, "container does not exist" },
	{ { "start", "#" }, 1, "container does not exist" },
	{ { "delete", "#" }, 1, "container does not exist" },
	{ { "pause", "#" }, 1, "container does not exist" },
	{ { "resume", "#" }, 1, "container does not exist" },
	{ { "ps", "#" }, 1, "container does not exist" },
	{ { "events", "#" }, 1, "container does not exist" },
	{ { "update", "#", "--pids-limit=5" }, 1, "container does not exist" },
	{ { "checkpoint", "#" }, 1, "container does not exist" },
	{ { "wait", "#" }, 1, "container does not exist" },
	{ { "logs", "#" }, 1, "container does not exist" },
	{ { "attach", "#" }, 1, "container does not exist" },
	{ { "top", "#" }, 1, "container does not exist" },
	{ { "mounts", "add", "#", "/dev/null" }, 1, "container does not exist" },
	{ { "run", "--bundle", "/nonexistent", "#" }, 1, "no such file or directory" },
	{ { "kill", "#", "NOSUCH" }, 1, "container does not exist" },
	{ { "list", "extra" }, 1, "requires exactly 0 arguments, not \"extra\"\n" },
	{ { "--log-format", "xml", "list" }, 1,
	  "invalid value \"xml\" for flag --log-format: must be text|json" },
	{ { "exec", "#", "true" }, 255, "exec failed: container does not exist" },
	{ { "state", "a/b" }, 1, "invalid container ID format" },
	{ { "create", ".." }, 1, "invalid container ID format" },
	{ { "state" }, 1, "requires" },
	{ { "state", "a", "b" }, 1, "requires" },
	{ { "kill", "--frobnicate", "#" }, 1, "flag provided but not defined" },
	{ { "create", "--bundle" }, 1, "flag needs an argument" },
	{ { "list", "--format=xml" }, 1, "invalid format option" },
	{ { "frobnicate" }, 1, "frobnicate" },
};

E2E(cli, says_what_callers_match)
{
	struct bundle *b = bundle_new();

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *args[5];
		struct output got;

		for (size_t a = 0; a < ARRAY_SIZE(args); a++)
			args[a] = wrong[i].args[a] != NULL && strcmp(wrong[i].args[a], "#") == 0 ?
				  b->id : wrong[i].args[a];
		bundle_call(b, &got, args[0], args[1], args[2], args[3], args[4], NULL);
		cr_expect_eq(got.status, wrong[i].status, "%s: status %d", args[0], got.status);
		cr_expect_not_null(strstr(got.err, wrong[i].says), "%s: %s", args[0], got.err);
		cr_expect_str_eq(got.out, "", "%s: %s", args[0], got.out);
	}
}

E2E(cli, says_the_way_out_of_a_file_in_the_place_of_a_bundle)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "check", "/etc/passwd", NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_str_eq(got.err, "kist: open bundle /etc/passwd: not a directory: a bundle is a "
				  "directory; --config names a file\n");
}

/* "spec" writes one with a terminal, and "create" cannot have it. */
E2E(cli, says_the_way_out_of_a_terminal_that_nobody_takes)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_set(b, "/process/terminal", "true");
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "without setting console socket: give --console-socket,"
					   " or set \"terminal\" to false"),
			   "%s", got.err);
}

E2E(cli, says_the_way_out_of_a_pid_file_without_a_name)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--pid-file", "/", "--", "/probe",
		    "exit", "0", NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "write pid file /: is a directory\n"), "%s", got.err);
}

E2E(cli, says_the_way_out_of_a_report_of_the_init_to_an_fd_that_nobody_hands_on)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--init-report=3", "--", "/probe",
		    "exit", "0", NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "report of the init to 3: bad file descriptor: "
					   "--preserve-fds says how many"),
			   "%s", got.err);
}

E2E(cli, says_which_word_is_no_utf8)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--env", "A=\xff", "--", "/probe", NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, ": --env=A=\\xff: must be UTF-8"), "%s", got.err);
	bundle_call(b, &got, "run", "--rootfs", b->rootfs, "--", "/probe", "x\xfe", NULL);
	cr_expect_not_null(strstr(got.err, ": x\\xfe: must be UTF-8"), "%s", got.err);
}

E2E(cli, says_what_stands_for_words_of_podman)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "rm", b->id, NULL);
	cr_expect_str_eq(got.err, "kist: no such command: rm: use \"kist delete\"\n");
	bundle_call(b, &got, "run", "-it", "x:y", NULL);
	cr_expect_not_null(strstr(got.err, "defined: -it: stdin always goes"), "%s", got.err);
	bundle_call(b, &got, "run", "-v", "/a:/b", "x:y", NULL);
	cr_expect_not_null(strstr(got.err, "defined: -v: use --mount"), "%s", got.err);
	bundle_call(b, &got, "exec", "--workdir=/", b->id, "ls", NULL);
	cr_expect_not_null(strstr(got.err, "--workdir: use --cwd"), "%s", got.err);
}

E2E(cli, logs_one_json_object_for_one_error)
{
	struct bundle *b = bundle_new();
	const char *log = in_dir(b, "log");
	struct json_source source = { .name = "log" };
	const struct json *object;
	struct output got;
	struct error err;

	/* A warning before it: Podman takes the whole file for one object. */
	bundle_set(b, "/process/capabilities/bounding", "['CAP_NOSUCH']");
	bundle_set(b, "/process/args", "['/nonexistent']");
	bundle_call(b, &got, "--log", log, "--log-format=json", "create", "--bundle", b->path,
		    b->id, NULL);
	cr_expect_eq(got.status, 1);
	source.text = contents(log);
	source.size = strlen(source.text);
	object = json_parse(&e2e_arena, &source, &err);
	cr_assert_not_null(object, "%s: %s", err.text, source.text);
	cr_expect_str_eq(json_member(object, "level")->text, "error");
	cr_expect_not_null(strcasestr(json_member(object, "msg")->text,
				      "no such file or directory"),
			   "%s", source.text);
	cr_expect_eq(strlen(json_member(object, "time")->text), strlen("2026-11-22T00:01:32Z"));
}

E2E(cli, logs_text_to_the_file_and_stderr)
{
	struct bundle *b = bundle_new();
	const char *log = in_dir(b, "log");
	struct output got;

	bundle_call(b, &got, "--log", log, "state", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "container does not exist"), "%s", got.err);
	cr_expect_not_null(strstr(contents(log), "level=error msg=\"container does not exist\""),
			   "%s", contents(log));
}

E2E(cli, missing_program_fails_create_in_runcs_words)
{
	static const struct { const char *program, *says; } programs[] = {
		{ "nosuch", "exec: \"nosuch\": executable file not found in $PATH" },
		{ "/nosuch", "exec: \"/nosuch\"" },
		{ "/nosuch", "no such file or directory" },
		{ "/notes", "permission denied" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct bundle *b = bundle_new();
		struct output got;

		bundle_file(b, "/notes", 0644, "not a program\n");
		bundle_set(b, "/process/args",
			   arena_printf(&e2e_arena, "['%s']", programs[i].program));
		bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
		cr_expect_eq(got.status, 1, "%s", programs[i].program);
		/* Those who match it do so in any case. */
		cr_expect_not_null(strcasestr(got.err, programs[i].says), "%s: %s",
				   programs[i].program, got.err);
	}
}

E2E(cli, terminal_needs_a_way_to_the_caller)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_call(b, &got, "create", "--bundle", b->path, "--console-socket", "/nonexistent",
		    b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "cannot use console socket if runc will not detach or "
					   "allocate tty"), "%s", got.err);
	bundle_set(b, "/process/terminal", "true");
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "cannot allocate tty if runc will detach without "
					   "setting console socket"), "%s", got.err);
}

E2E(cli, spec_does_not_overwrite)
{
	struct bundle *b = bundle_new();
	struct output got;

	mkdir(in_dir(b, "new"), 0755);
	bundle_call(b, &got, "spec", "--bundle", in_dir(b, "new"), NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "spec", "--bundle", in_dir(b, "new"), NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "File config.json exists. Remove it first"), "%s",
			   got.err);
}

E2E(cli, version_is_in_the_form_of_the_name_it_was_called_by)
{
	static const char *const names[] = { "kist", "runc", "crun" };

	e2e_need_kist();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct bundle *b = bundle_new();
		const char *first = arena_printf(&e2e_arena, "%s version ", names[i]);
		FILE *pipe_end;
		char text[512] = "";
		int fds[2];
		pid_t pid;

		cr_assert_eq(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			dup2(fds[1], 1);
			execl(e2e_runtime(), names[i], "--version", NULL);
			_exit(1);
		}
		close(fds[1]);
		pipe_end = fdopen(fds[0], "r");
		cr_expect_gt(fread(text, 1, sizeof(text) - 1, pipe_end), 0);
		fclose(pipe_end);
		cr_expect_eq(strncmp(text, first, strlen(first)), 0, "%s", text);
		cr_expect_not_null(strstr(text, "\ncommit: "), "%s", text);
		cr_expect_not_null(strstr(text, "\nspec: "), "%s", text);
		(void)b;
	}
}

E2E(cli, features_says_nothing_on_stderr)
{
	struct json_source source = { .name = "features" };
	struct bundle *b = bundle_new();
	const struct json *object;
	struct output got;
	struct error err;

	bundle_call(b, &got, "features", NULL);
	cr_expect_eq(got.status, 0);
	cr_expect_str_eq(got.err, "");
	source.text = got.out;
	source.size = strlen(got.out);
	object = json_parse(&e2e_arena, &source, &err);
	cr_assert_not_null(object, "%s", err.text);
	cr_expect_not_null(json_member(object, "ociVersionMin"));
	cr_expect_not_null(json_member(object, "ociVersionMax"));
}

E2E(cli, root_that_others_may_write_is_refused)
{
	struct bundle *b = bundle_new();
	const char *root = in_dir(b, "open");
	struct output got;

	e2e_need_kist();
	cr_assert_eq(mkdir(root, 0700), 0);
	cr_assert_eq(chmod(root, 0777), 0);
	bundle_call_plain(b, &got, "--root", root, "run", "-b", b->path, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "may be written by others"), "%s", got.err);
	bundle_call_plain(b, &got, "--root", "/", "list", NULL);
	cr_expect_eq(got.status, 1);
}

/* As /tmp/kist-run-1000 could be, before that user's first container. */
E2E(cli, root_behind_a_link_of_somebody_else_is_refused)
{
	struct bundle *b = bundle_new();
	const char *ours = in_dir(b, "ours"), *link = in_dir(b, "link");
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	cr_assert_eq(mkdir(ours, 0700), 0);
	cr_assert_eq(symlink(ours, link), 0);
	bundle_call_plain(b, &got, "--root", link, "list", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_assert_eq(lchown(link, 12345, 12345), 0);
	bundle_call_plain(b, &got, "--root", link, "list", NULL);
	cr_expect_eq(got.status, 1, "%s", got.out);
	cr_expect_not_null(strstr(got.err, "operation not permitted"), "%s", got.err);
	cr_assert_eq(unlink(link), 0);
	bundle_file(b, "/file", 0644, "");
	bundle_call_plain(b, &got, "--root", arena_printf(&e2e_arena, "%s/file", b->rootfs), "list",
			  NULL);
	cr_expect_eq(got.status, 1, "%s", got.out);
}

/* Podman reads the whole log as one JSON object: what was undone well is no news. */
E2E(cli, failed_start_is_told_in_one_line)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_args(b, "/nowhere", NULL);
	for (int i = 0; i < 2; i++) {
		bundle_call(b, &got, i == 0 ? "run" : "create", "--bundle", b->path, b->id, NULL);
		cr_expect_eq(got.status, 1);
		cr_expect_not_null(strstr(got.err, "no such file or directory"), "%s", got.err);
		cr_expect_eq(strcspn(got.err, "\n"), strlen(got.err) - 1, "%s", got.err);
	}
}
