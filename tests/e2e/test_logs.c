/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/json.h"
#include "tests/e2e/logged.h"

/* run --detach --log-file, logs, wait. */

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

/* Each of these bytes is six in the file: such a line was left out. */
E2E(logs, json_lines_are_as_long_as_escapes_make_them)
{
	struct bundle *b = bundle_new();
	char line[16384];
	struct output got;

	memset(line, '\001', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	bundle_probe_args(b, "say", line, "say", "after", NULL);
	run_logged(b, "--log-file-format", "json");
	bundle_call(b, &got, "wait", b->id, NULL);
	bundle_call(b, &got, "logs", b->id, NULL);
	cr_expect_eq(strspn(got.out, "\001"), sizeof(line) - 1);
	cr_expect_not_null(strstr(got.out, "\nafter\n"));
	bundle_destroy(b);
}

/* A bundle whose program is a script of the shell. */
E2E(logs, have_what_comes_to_a_terminal_that_was_closed)
{
	struct bundle *b = script_new("echo one; exec <&- >&- 2>&-; sleep 0.5; echo two >/dev/tty; "
				      "sleep 0.2; echo three >/dev/tty");
	struct output got;

	bundle_set(b, "/process/terminal", "true");
	bundle_set(b, "/annotations", "{'org.kist.init': 'never'}");
	run_logged(b, NULL, NULL);
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_expect_eq(got.status, 0, "%d %s", got.status, got.err);
	bundle_call(b, &got, "logs", b->id, NULL);
	cr_expect_str_eq(got.out, "one\r\ntwo\r\nthree\r\n");
	bundle_destroy(b);
}

static size_t line_count(const char *text)
{
	size_t count = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		count++;
		text++;
	}
	return count;
}

/* More lines than the newer file has. */
static void expect_tail_of_both(struct bundle *b, const char *whole)
{
	struct output got;
	struct error err;
	const char *end;
	size_t lines;
	char *newer;

	cr_assert_eq(file_read(AT_FDCWD, in_dir(b, "log"), 65536, &e2e_arena, &newer, NULL, &err),
		     0, "%s", err.text);
	lines = line_count(newer) + 5;
	bundle_call(b, &got, "logs", "--tail", arena_printf(&e2e_arena, "%zu", lines), b->id, NULL);
	cr_expect_eq(line_count(got.out), lines, "%zu of %zu", line_count(got.out), lines);
	cr_assert_leq(strlen(got.out), strlen(whole));
	end = whole + strlen(whole) - strlen(got.out);
	cr_expect_str_eq(got.out, end);
}

E2E(logs, stay_below_twice_their_size)
{
	struct bundle *b = script_new("i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; "
				      "done");
	const char *whole;
	struct output got;
	struct stat st;

	run_logged(b, "--log-file-size", "16k");
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_assert_eq(stat(in_dir(b, "log"), &st), 0);
	cr_expect_leq(st.st_size, 16384);
	cr_assert_eq(stat(in_dir(b, "log.1"), &st), 0);
	cr_expect_leq(st.st_size, 16384);
	bundle_call(b, &got, "logs", b->id, NULL);
	cr_expect_gt(strlen(got.out), (size_t)st.st_size, "not both files");
	cr_expect_not_null(strstr(got.out, "line 3000\n"));
	whole = got.out;
	bundle_call(b, &got, "logs", "--tail", "2", b->id, NULL);
	cr_expect_str_eq(got.out, "line 2999\nline 3000\n");
	expect_tail_of_both(b, whole);
	bundle_destroy(b);
}

E2E(logs, have_no_limit_with_0)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "say", "out", NULL);
	run_logged(b, "--log-file-size", "0");
	bundle_call(b, &got, "wait", b->id, NULL);
	bundle_call(b, &got, "logs", b->id, NULL);
	cr_expect_str_eq(got.out, "out\n");
	bundle_destroy(b);
}

/* A fifo held up the caller, /dev/full was read for ever, and /dev/null was renamed. */
E2E(logs, go_to_files_and_to_null)
{
	struct bundle *b = bundle_new();
	const char *null = in_dir(b, "log"), *fifo = in_dir(b, "fifo");
	const char *const wrong[] = { fifo, "/dev/full", "/dev/tty" };
	struct output got;
	struct stat st;

	e2e_need_kist();
	e2e_need_root();
	bundle_probe_args(b, "say", "longer than that", NULL);
	cr_assert_eq(mkfifo(fifo, 0600), 0);
	cr_assert_eq(mknod(null, S_IFCHR | 0600, makedev(1, 3)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		bundle_call(b, &got, "run", "-d", "--log-file", wrong[i], "-b", b->path, b->id,
			    NULL);
		cr_expect_eq(got.status, 1, "%s", wrong[i]);
		cr_expect_not_null(strstr(got.err, "log file"), "%s", got.err);
	}
	run_logged(b, "--log-file-size", "1");
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_expect_eq(got.status, 0);
	cr_expect(stat(null, &st) == 0 && S_ISCHR(st.st_mode), "was renamed");
	cr_expect_eq(faccessat(AT_FDCWD, in_dir(b, "log.1"), F_OK, 0), -1);
	bundle_destroy(b);
}

/* What lives on in the host's pid namespace kept the log, and who waited for the status. */
E2E(logs, end_with_the_program_though_others_print)
{
	struct bundle *b = script_new("(i=0; while [ $i -lt 90 ]; do i=$((i+1)); echo $i; "
				      "sleep 0.1; done) & exit 3");
	struct output got;

	bundle_unset(b, "/linux/namespaces/0");
	run_logged(b, NULL, NULL);
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_expect_eq(got.status, 3, "%d %s", got.status, got.err);
	bundle_destroy(b);
}

E2E(logs, whose_keeper_died_have_no_status_of_0)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "say", "out", NULL);
	run_logged(b, NULL, NULL);
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_expect_eq(unlink(arena_printf(&e2e_arena, "%s/%s/exit", b->state, b->id)), 0);
	bundle_call(b, &got, "wait", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "nobody knows its status"), "%s", got.err);
	bundle_destroy(b);
}

/* The files change between two blocks, and what comes next is the rest of a line. */
E2E(logs, count_a_line_of_both_files_once)
{
	struct bundle *b = script_new("printf '%9000d\\nbefore\\nha' 1; sleep 0.4; "
				      "printf 'lf\\n%9000d\\nlast\\n' 2");
	struct output got;

	run_logged(b, "--log-file-size", "16k");
	bundle_call(b, &got, "wait", b->id, NULL);
	bundle_call(b, &got, "logs", "--tail", "3", b->id, NULL);
	cr_expect_eq(strncmp(got.out, "half\n  ", 7), 0, "%.20s: %s", got.out, got.err);
	bundle_call(b, &got, "logs", "--tail", "4", b->id, NULL);
	cr_expect_eq(strncmp(got.out, "before\nhalf\n  ", 14), 0, "%.20s", got.out);
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
