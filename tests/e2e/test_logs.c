/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/json.h"
#include "tests/e2e/harness.h"

/* run --detach --log-file, logs, attach, wait. */

static const char *in_dir(struct bundle *b, const char *name)
{
	return arena_printf(&e2e_arena, "%s/%s", b->dir, name);
}

static void run_logged(struct bundle *b, const char *more, const char *value)
{
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "run", "--detach", "--log-file", in_dir(b, "log"), "--bundle", b->path,
		    b->id, more, value, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out, "");
}

E2E(logs, has_both_streams_and_the_status)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "say", "out", "error", "err", "exit", "7", NULL);
	run_logged(b, NULL, NULL);
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_expect_eq(got.status, 7, "%d %s", got.status, got.err);
	bundle_call(b, &got, "logs", b->id, NULL);
	cr_expect_eq(got.status, 0);
	cr_expect_not_null(strstr(got.out, "out\n"), "%s", got.out);
	cr_expect_not_null(strstr(got.out, "err\n"), "%s", got.out);
	bundle_destroy(b);
}

E2E(logs, json_lines_say_which_stream_and_when)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct error err;
	char *text, *end;
	struct json_source source = { .name = "log" };
	const struct json *line;

	bundle_probe_args(b, "say", "a \"quote\" \001\xc3\xa9", "error", "err", NULL);
	run_logged(b, "--log-file-format", "json");
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_assert_eq(file_read(AT_FDCWD, in_dir(b, "log"), 65536, &e2e_arena, &text, NULL, &err),
		     0);
	end = strchr(text, '\n');
	cr_assert_not_null(end);
	source.text = text;
	source.size = (size_t)(end - text);
	line = json_parse(&e2e_arena, &source, &err);
	cr_assert_not_null(line, "%s: %s", err.text, text);
	cr_expect_str_eq(json_member(line, "log")->text,
			 "a \"quote\" \001\xc3\xa9\n");
	cr_expect_str_eq(json_member(line, "stream")->text, "stdout");
	cr_expect_eq(json_member(line, "time")->text[10], 'T');
	bundle_call(b, &got, "logs", b->id, NULL);
	cr_expect_str_eq(got.err, "err\n");
	cr_expect_str_eq(got.out, "a \"quote\" \001\xc3\xa9\n");
	bundle_destroy(b);
}

E2E(logs, stay_below_twice_their_size)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct stat st;

	e2e_need_program("/bin/busybox");
	mkdir(arena_printf(&e2e_arena, "%s/bin", b->rootfs), 0755);
	bundle_copy(b, "/bin/busybox", "/bin/sh");
	bundle_args(b, "/bin/sh", "-c", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; "
		    "done", NULL);
	run_logged(b, "--log-file-size", "16k");
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_assert_eq(stat(in_dir(b, "log"), &st), 0);
	cr_expect_leq(st.st_size, 16384);
	cr_assert_eq(stat(in_dir(b, "log.1"), &st), 0);
	cr_expect_leq(st.st_size, 16384);
	bundle_call(b, &got, "logs", b->id, NULL);
	cr_expect_gt(strlen(got.out), (size_t)st.st_size, "not both files");
	cr_expect_not_null(strstr(got.out, "line 3000\n"));
	bundle_call(b, &got, "logs", "--tail", "2", b->id, NULL);
	cr_expect_str_eq(got.out, "line 2999\nline 3000\n");
	bundle_destroy(b);
}

E2E(logs, are_followed_to_the_end)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;

	bundle_probe_args(b, "say", "first", "sleep", "700", "say", "last", NULL);
	run_logged(b, NULL, NULL);
	bundle_begin(b, &call, "logs", "-f", b->id, NULL);
	bundle_await(&call, "first");
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out, "first\nlast\n");
	bundle_destroy(b);
}

E2E(logs, of_other_containers_are_refused_with_the_way_to_get_them)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	bundle_call(b, &got, "logs", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "run --detach --log-file FILE"), "%s", got.err);
	bundle_call(b, &got, "attach", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "run --detach --log-file FILE"), "%s", got.err);
	bundle_destroy(b);
	bundle_call(b, &got, "run", "--log-file", in_dir(b, "log"), "--bundle", b->path, b->id,
		    NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "--log-file is for --detach"), "%s", got.err);
}

E2E(logs, failure_to_start_is_told_and_leaves_nothing)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_set(b, "/process/args", "['/nosuch']");
	bundle_call(b, &got, "run", "-d", "--log-file", in_dir(b, "log"), "--bundle", b->path,
		    b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "\"/nosuch\": no such file or directory"), "%s",
			   got.err);
}

E2E(attach, hands_over_input_output_and_status)
{
	struct bundle *b = bundle_new();
	struct output got;
	int fds[2];

	bundle_probe_args(b, "read", "/dev/stdin", "exit", "5", NULL);
	run_logged(b, NULL, NULL);
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	cr_assert_eq(fd_write_all(fds[1], "typed\n", 6), 0);
	close(fds[1]);
	b->stdin_fd = fds[0];
	bundle_call(b, &got, "attach", b->id, NULL);
	cr_expect_eq(got.status, 5, "%d: %s", got.status, got.err);
	cr_expect_not_null(strstr(got.out, "typed"), "%s", got.out);
	close(fds[0]);
	b->stdin_fd = -EBADF;
	bundle_call(b, &got, "attach", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "container not running"), "%s", got.err);
	bundle_destroy(b);
}
