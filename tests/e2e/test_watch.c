/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/json.h"
#include "tests/e2e/matrix.h"

/* stats, top and events. */

static struct bundle *running(void)
{
	struct bundle *b = bundle_new();

	e2e_need_kist();
	bundle_run_sleeper(b);
	return b;
}

E2E(stats, are_a_table_once_into_a_pipe)
{
	struct bundle *b = running();
	struct output got;

	bundle_call(b, &got, "stats", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_eq(strncmp(got.out, "ID ", 3), 0, "%s", got.out);
	cr_expect_not_null(strstr(got.out, b->id), "%s", got.out);
	cr_expect_null(strchr(got.out, '\033'));
	bundle_destroy(b);
	bundle_call(b, &got, "stats", NULL);
	cr_expect_null(strstr(got.out, b->id), "%s", got.out);
	bundle_call(b, &got, "stats", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "container does not exist"), "%s", got.err);
}

E2E(stats, of_one_that_was_named_and_does_not_run_are_an_error)
{
	struct bundle *b = running();
	struct output got;

	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	bundle_call(b, &got, "wait", b->id, NULL);
	bundle_call(b, &got, "stats", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "container not running"), "%s", got.err);
	cr_expect_str_eq(got.out, "");
	bundle_destroy(b);
}

E2E(stats, as_json_have_numbers)
{
	struct json_source source = { .name = "stats" };
	struct bundle *b = running();
	const struct json *root;
	struct output got;
	struct error err;

	bundle_call(b, &got, "stats", "--json", "--once", b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	source.text = got.out;
	source.size = strlen(got.out);
	root = json_parse(&e2e_arena, &source, &err);
	cr_assert_not_null(root, "%s: %s", err.text, got.out);
	cr_expect_str_eq(json_member(root, "id")->text, b->id);
	cr_expect_eq(json_member(root, "cpu_percent")->type, JSON_NUMBER);
	/* The kernel counts pages of small processes late: 0 is possible. */
	cr_expect_eq(json_member(root, "memory")->type, JSON_NUMBER);
	cr_expect_str_neq(json_member(root, "pids")->text, "0");
	bundle_destroy(b);
}

E2E(stats, stream_ends_with_the_containers_that_were_named)
{
	struct bundle *b = running();
	struct output got;
	struct call call;

	bundle_begin(b, &call, "stats", "--json", b->id, NULL);
	bundle_await(&call, "cpu_percent");
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_destroy(b);
}

E2E(stats, stream_ends_when_they_are_deleted)
{
	struct bundle *b = running();
	struct output got;
	struct call call;

	bundle_begin(b, &call, "stats", "--json", b->id, NULL);
	bundle_await(&call, "cpu_percent");
	bundle_destroy(b);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
}

/* As of one that ends at this moment. */
E2E(stats, leave_out_whose_cgroup_is_gone)
{
	struct bundle *b = bundle_new();
	const char *directory, *procs, *own;
	struct output got;

	e2e_need_kist();
	e2e_need_root();
	own = matrix_cgroup(getpid(), "");
	if (own == NULL)
		e2e_skip("needs cgroup2");
	directory = matrix_cgroup(matrix_start(b), "");
	procs = arena_printf(&e2e_arena, "%s/cgroup.procs", directory);
	cr_assert_not_null(strstr(directory, b->id), "%s", directory);
	for (const char *pids; *(pids = matrix_file(procs)) != '\0';)
		matrix_write(arena_printf(&e2e_arena, "%s/cgroup.procs", own),
			     arena_printf(&e2e_arena, "%ld", strtol(pids, NULL, 10)));
	cr_expect_eq(rmdir(directory), 0, "%s: %s", directory, strerror(errno));
	bundle_call(b, &got, "stats", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_null(strstr(got.out, b->id), "%s", got.out);
	bundle_call(b, &got, "top", "--once", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "ps", "--format", "json", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out, "null\n");
	bundle_call(b, &got, "kill", b->id, "KILL", NULL);
	matrix_stop(b);
}

E2E(top, shows_each_process_with_both_pids)
{
	struct bundle *b = running();
	struct output got;

	bundle_call(b, &got, "top", "--once", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_eq(strncmp(got.out, "PID ", 4), 0, "%s", got.out);
	cr_expect_not_null(strstr(got.out, "/probe sleep 100000"), "%s", got.out);
	/* pid 1's credentials were wiped off the end of its words. */
	cr_expect_null(strstr(got.out, " \n"), "%s", got.out);
	bundle_destroy(b);
	bundle_call(b, &got, "top", b->id, NULL);
	cr_expect_eq(got.status, 1);
}

E2E(top, is_renewed_in_place_on_a_terminal)
{
	struct bundle *b = running();
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char seen[2048];	/* some frames; the command is the last column */
	size_t used = 0;
	struct output got;
	struct call call;

	cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	b->stdout_fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert_geq(b->stdout_fd, 0);
	bundle_begin(b, &call, "top", b->id, NULL);
	seen[0] = '\0';
	while (used < sizeof(seen) - 1 && strstr(seen, "/probe sleep") == NULL) {
		ssize_t n = read(master, seen + used, sizeof(seen) - 1 - used);

		cr_assert_gt(n, 0);
		used += (size_t)n;
		seen[used] = '\0';
	}
	cr_expect_not_null(strstr(seen, "\033[H"));
	cr_expect_not_null(strstr(seen, "/probe sleep"), "%s", seen);
	close(b->stdout_fd);
	b->stdout_fd = -EBADF;
	kill(call.pid, SIGTERM);
	bundle_finish(&call, &got);
	close(master);
	bundle_destroy(b);
}

E2E(events, tell_of_a_process_that_took_too_much_memory)
{
	struct bundle *b = bundle_new();
	struct output got;
	struct call call;

	e2e_need_root();
	e2e_need_kist();
	e2e_need_program("/bin/busybox");
	if (!matrix_has_v1("memory") && !matrix_has_v2("memory"))
		e2e_skip("no memory controller here");
	bundle_file(b, "/bin/empty", 0644, "");
	bundle_copy(b, "/bin/busybox", "/bin/sh");
	bundle_set(b, "/linux/resources/memory", "{'limit': 268435456}");
	bundle_run_sleeper(b);
	bundle_begin(b, &call, "events", "--interval=1s", b->id, NULL);
	bundle_await(&call, "\"type\":\"stats\"");
	bundle_call(b, &got, "exec", b->id, "/bin/sh", "-c", "x=1; while :; do x=$x$x; done", NULL);
	cr_expect_eq(got.status, 128 + SIGKILL, "%d: %s", got.status, got.err);
	bundle_await(&call, arena_printf(&e2e_arena, "{\"type\":\"oom\",\"id\":\"%s\"}", b->id));
	bundle_destroy(b);
	/* It ends with the container. */
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
}

/* Of a process, from its "stat": whose child it is, and the CPU time that it took. */
static int parent_and_ticks(int pid, unsigned long *ret_ticks)
{
	const char *text = e2e_file_text(arena_printf(&e2e_arena, "/proc/%d/stat", pid));
	const char *at = strrchr(text, ')');
	unsigned long user = 0, kernel = 0;
	int parent = 0;

	cr_assert(at != NULL && sscanf(at + 4, "%d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				       &parent, &user, &kernel) == 3,
		  "%s", text);
	*ret_ticks = user + kernel;
	return parent;
}

/* poll(2) says at once that it hung up, again and again. */
E2E(watch, terminal_that_nobody_has_open_costs_its_keeper_nothing)
{
	struct bundle *b = bundle_new();
	unsigned long ticks, before;
	struct output got;
	int keeper;

	e2e_need_kist();
	e2e_need_program("/bin/busybox");
	bundle_file(b, "/bin/empty", 0644, "");
	bundle_copy(b, "/bin/busybox", "/bin/sh");
	bundle_copy(b, "/bin/busybox", "/bin/sleep");
	bundle_args(b, "/bin/sh", "-c", "exec <&- >&- 2>&-; sleep 100000", NULL);
	bundle_set(b, "/process/terminal", "true");
	bundle_set(b, "/annotations", "{'org.kist.init': 'never'}");
	bundle_call(b, &got, "run", "--detach", "--log-file",
		    arena_printf(&e2e_arena, "%s/log", b->dir), "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	keeper = parent_and_ticks((int)strtol(bundle_pid(b), NULL, 10), &ticks);
	parent_and_ticks(keeper, &before);
	sleep(2);
	parent_and_ticks(keeper, &ticks);
	/* Of two hundred; its start is not counted, which takes as many where it is emulated. */
	cr_expect_lt(ticks - before, 10, "%lu", ticks - before);
	bundle_destroy(b);
}
