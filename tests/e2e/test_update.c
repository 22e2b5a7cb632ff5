/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/e2e/matrix.h"

/*
 * What "update", "exec" and "kill" take from callers of runc, beyond the tables of flags; what is
 * frozen in cgroup v1.
 */

static const struct {
	const char *flag, *value, *controller;
	const char *file_v1, *set_v1, *none_v1;	/* what the file has with it, and after -1 */
	const char *file_v2, *set_v2, *none_v2;
} limits[] = {
	{ "--pids-limit", "44", "pids", "pids.max", "44", "max", "pids.max", "44", "max" },
	{ "--cpu-quota", "50000", "cpu", "cpu.cfs_quota_us", "50000", "-1", "cpu.max",
	  "50000 100000", "max 100000" },
	{ "--memory", "64m", "memory", "memory.limit_in_bytes", "67108864",
	  "9223372036854771712", "memory.max", "67108864", "max" },
};

static void expect_limit(pid_t pid, size_t i, bool set)
{
	bool v1 = matrix_has_v1(limits[i].controller);
	const char *wanted = v1 ? set ? limits[i].set_v1 : limits[i].none_v1 :
			     set ? limits[i].set_v2 : limits[i].none_v2;
	const char *directory = matrix_cgroup(pid, v1 ? limits[i].controller : "");

	cr_expect_str_eq(matrix_file(arena_printf(&e2e_arena, "%s/%s", directory,
						  v1 ? limits[i].file_v1 : limits[i].file_v2)),
			 wanted, "%s", limits[i].flag);
}

static void update(struct bundle *b, const char *flag, const char *value)
{
	struct output got;

	bundle_call(b, &got, "update", flag, value, b->id, NULL);
	cr_expect_eq(got.status, 0, "%s %s: %s", flag, value, got.err);
}

static pid_t unlimited_start(struct bundle *b)
{
	e2e_need_root();
	bundle_set(b, "/linux/resources", "{}");
	return matrix_start(b);
}

/* "docker update --pids-limit -1": there is nothing else in the request. */
E2E(update, takes_a_limit_away_by_minus_one)
{
	struct bundle *b = bundle_new();
	pid_t pid = unlimited_start(b);
	size_t seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (!matrix_has_v1(limits[i].controller) && !matrix_has_v2(limits[i].controller))
			continue;
		update(b, limits[i].flag, limits[i].value);
		expect_limit(pid, i, true);
		update(b, limits[i].flag, "-1");
		expect_limit(pid, i, false);
		if (strcmp(limits[i].flag, "--memory") == 0) {
			/* As runc reads it. */
			update(b, limits[i].flag, "64MiB");
			expect_limit(pid, i, true);
		}
		seen++;
	}
	matrix_stop(b);
	if (seen == 0)
		e2e_skip("this host has no cgroup controller to limit with");
}

E2E(update, takes_a_limit_away_that_no_controller_here_can_set)
{
	struct bundle *b = bundle_new();
	size_t seen = 0;

	e2e_need_kist();
	unlimited_start(b);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct output got;

		if (matrix_has_v1(limits[i].controller) || matrix_has_v2(limits[i].controller))
			continue;
		update(b, limits[i].flag, "-1");
		bundle_call(b, &got, "update", limits[i].flag, limits[i].value, b->id, NULL);
		cr_expect_neq(got.status, 0, "%s", limits[i].flag);
		cr_expect(strstr(got.err, limits[i].controller), "%s", got.err);
		seen++;
	}
	matrix_stop(b);
	if (seen == 0)
		e2e_skip("this host has all cgroup controllers");
}

/* One after the other: of two values that go together one may be changed alone. */
static const struct {
	const char *flag, *value, *controller, *file_v1, *has_v1, *file_v2, *has_v2;
} halves[] = {
	{ "--cpu-quota", "50000", "cpu", "cpu.cfs_period_us", "100000", "cpu.max", "50000 100000" },
	{ "--cpu-period", "200000", "cpu", "cpu.cfs_quota_us", "50000", "cpu.max", "50000 200000" },
	{ "--cpu-quota", "60000", "cpu", "cpu.cfs_period_us", "200000", "cpu.max", "60000 200000" },
	{ "--cpu-quota", "-1", "cpu", "cpu.cfs_period_us", "200000", "cpu.max", "max 200000" },
	{ "--memory", "64m", "memory", "memory.limit_in_bytes", "67108864", "memory.max",
	  "67108864" },
	{ "--memory-swap", "80m", "memory", "memory.memsw.limit_in_bytes", "83886080",
	  "memory.swap.max", "16777216" },
};

E2E(update, keeps_what_goes_with_the_value_that_it_changes)
{
	struct bundle *b = bundle_new();
	pid_t pid = unlimited_start(b);
	size_t seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
		const char *controller = halves[i].controller;
		bool v1 = matrix_has_v1(controller);
		const char *file;

		if (!v1 && !matrix_has_v2(controller))
			continue;
		file = arena_printf(&e2e_arena, "%s/%s", matrix_cgroup(pid, v1 ? controller : ""),
				    v1 ? halves[i].file_v1 : halves[i].file_v2);
		/* A kernel without swap. */
		if (strstr(halves[i].flag, "swap") != NULL && access(file, F_OK) != 0)
			continue;
		update(b, halves[i].flag, halves[i].value);
		cr_expect_str_eq(matrix_file(file), v1 ? halves[i].has_v1 : halves[i].has_v2,
				 "%s %s", halves[i].flag, halves[i].value);
		seen++;
	}
	matrix_stop(b);
	if (seen == 0)
		e2e_skip("this host has no cgroup controller to limit with");
}

static void expect_exec(struct bundle *b, int status, const char *says, const char *first,
			const char *second)
{
	struct output got;

	bundle_call(b, &got, "exec", "--cgroup", first, second != NULL ? "--cgroup" : b->id,
		    second != NULL ? second : "/probe", second != NULL ? b->id : "read",
		    second != NULL ? "/probe" : "/proc/self/cgroup",
		    second != NULL ? "read" : NULL, "/proc/self/cgroup", NULL);
	cr_expect_eq(got.status, status, "%s: %s", first, got.err);
	cr_expect_not_null(strstr(status == 0 ? got.out : got.err, says), "%s: %s%s", first,
			   got.out, got.err);
}

/* "pids:/", "cpu,memory:one": cgroup v1 has a tree for each controller. */
E2E(update, exec_joins_a_cgroup_of_each_controller)
{
	struct bundle *b = bundle_new();
	const char *directory;
	pid_t pid;

	e2e_need_root();
	if (!matrix_has_v1("pids"))
		e2e_skip("needs cgroup v1");
	bundle_set(b, "/linux/resources/pids", "{'limit': 50}");
	pid = matrix_start(b);
	directory = arena_printf(&e2e_arena, "%s/below", matrix_cgroup(pid, "pids"));
	cr_assert_eq(mkdir(directory, 0755), 0);
	expect_exec(b, 0, "/below", "pids:below", NULL);
	expect_exec(b, 0, "/below", "cpu:/", "pids:/below");
	expect_exec(b, 255, "invalid --cgroup argument: :/ (empty <controller> prefix)", ":/",
		    NULL);
	expect_exec(b, 255, "invalid --cgroup argument: / (missing <controller>: prefix)", "cpu:/",
		    "/");
	expect_exec(b, 255, "unknown controller nosuch", "nosuch:/", NULL);
	expect_exec(b, 255, "no such file or directory", "pids:nosuch", NULL);
	expect_exec(b, 255, "must be a path below the container's cgroup", "pids:../..", NULL);
	matrix_stop(b);
}

/* Scripts pass what they have, also where that is nothing. */
static const char *const empty[] = { "--process=", "--cwd=", "--user=", "--process-label=",
				     "--apparmor=", "--pid-file=", "--console-socket=", "--cgroup=",
				     "--pidfd-socket=" };

/* Where only cgroup2 has that one, the limits of v1 are still the container's. */
E2E(update, exec_below_a_cgroup_stays_in_the_others)
{
	struct bundle *b = bundle_new();
	pid_t pid;

	e2e_need_root();
	e2e_need_kist();
	if (!matrix_has_v1("pids") || matrix_cgroup(getpid(), "") == NULL)
		e2e_skip("needs a hybrid host");
	bundle_set(b, "/linux/resources/pids", "{'limit': 50}");
	pid = matrix_start(b);
	cr_assert_eq(mkdir(arena_printf(&e2e_arena, "%s/below", matrix_cgroup(pid, "")), 0755), 0);
	/* As it is seen in the container's cgroup namespace. */
	expect_exec(b, 0, ":pids:/\\n", "below", NULL);
	expect_exec(b, 0, "::/below\\n", "below", NULL);
	matrix_stop(b);
}

E2E(update, empty_flags_of_exec_say_nothing)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	matrix_start(b);
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		bundle_call(b, &got, "exec", empty[i], b->id, "/probe", "say", "x", NULL);
		cr_expect_eq(got.status, 0, "%s: %s", empty[i], got.err);
	}
	bundle_call(b, &got, "--log=", "--log-format=", "--rootless=", "exec",
		    "--no-new-privs=false", "--cap=CAP_NOSUCH", b->id, "/probe", "read",
		    "/proc/self/status", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_not_null(strstr(got.out, "NoNewPrivs:\\x090"), "%s", got.out);
	cr_expect_not_null(strstr(got.err, "CAP_NOSUCH"), "%s", got.err);
	/* Whether it is there. */
	bundle_call(b, &got, "kill", b->id, "0", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "kill", b->id, "", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	matrix_stop(b);
}

/* Beside cgroup2, by which kist freezes, v1 has a freezer that keeps even SIGKILL waiting. */
static void freeze_by_hand(pid_t pid)
{
	const char *file =
		arena_printf(&e2e_arena, "%s/freezer.state", matrix_cgroup(pid, "freezer"));

	matrix_write(file, "FROZEN");
	for (int i = 0; i < 60000 && strcmp(matrix_file(file), "FROZEN") != 0; i++)
		usleep(1000);
	cr_assert_str_eq(matrix_file(file), "FROZEN");
}

static void expect_status(struct bundle *b, const char *status)
{
	const char *text = arena_printf(&e2e_arena, "\"status\": \"%s\"", status);
	struct output got;

	bundle_call(b, &got, "state", b->id, NULL);
	for (int i = 0; i < 3000 && strstr(got.out, text) == NULL; i++) {
		usleep(10000);
		bundle_call(b, &got, "state", b->id, NULL);
	}
	cr_expect_not_null(strstr(got.out, text), "%s: %s%s", status, got.out, got.err);
}

E2E(frozen, by_hand_in_v1_is_paused_and_can_be_ended)
{
	struct output got;
	pid_t pid;

	e2e_need_root();
	if (!matrix_has_v1("freezer"))
		e2e_skip("no cgroup v1 with a freezer");
	for (int i = 0; i < 3; i++) {
		struct bundle *b = bundle_new();

		bundle_set(b, "/linux/resources", "{'pids': {'limit': 100}}");
		pid = matrix_start(b);
		freeze_by_hand(pid);
		expect_status(b, "paused");
		bundle_call(b, &got, "resume", b->id, NULL);
		cr_expect_eq(got.status, 0, "%s", got.err);
		expect_status(b, "running");
		freeze_by_hand(pid);
		if (i < 2) {
			bundle_call(b, &got, "kill", b->id, "KILL", i == 1 ? "--all" : NULL, NULL);
			cr_expect_eq(got.status, 0, "%s", got.err);
			expect_status(b, "stopped");
		}
		bundle_destroy(b);
	}
}
