/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/matrix.h"

/*
 * Limits of an ordinary user: in a subtree that root gave away, in the slice of
 * the user's own systemd, and nowhere else.
 */

enum { NOBODY = 65534 };
#define SELF	"/sys/fs/cgroup/kist-given/self"
#define LIMITS	"{'memory': {'limit': 67108864}, 'pids': {'limit': 77}}"

E2E(matrix_rootless, limits_without_a_subtree_are_refused_and_none_are_needed)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_root();
	e2e_need_kist();
	bundle_as_user(b, NOBODY);
	bundle_probe_args(b, "say", "runs", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out, "runs\n");
	bundle_set(b, "/linux/resources", LIMITS);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 1);
	cr_expect_str_eq(got.out, "");
	cr_expect(strstr(got.err, "may not make cgroup"), "%s", got.err);
	cr_expect(strstr(got.err, "Delegate=yes"), "%s", got.err);
}

/* What a container with LIMITS is good for, whoever keeps its cgroup; global: --systemd-cgroup. */
static void expect_life(struct bundle *b, const char *global, const char *below)
{
	const char *directory;
	struct output got;
	pid_t pid = 0;

	bundle_set(b, "/linux/resources", LIMITS);
	bundle_probe_args(b, "sleep", "60000", NULL);
	bundle_call(b, &got, global, "run", "--detach", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	pid = matrix_pid(b);
	directory = matrix_cgroup(pid, "");
	cr_expect(strstr(directory, below), "%s", directory);
	cr_expect_str_eq(matrix_file(arena_printf(&e2e_arena, "%s/memory.max", directory)),
			 "67108864", "%s", directory);
	cr_expect_str_eq(matrix_file(arena_printf(&e2e_arena, "%s/pids.max", directory)), "77");
	/* Without the flag from here on: the state knows. */
	bundle_call(b, &got, "exec", b->id, "/probe", "read", "/proc/self/cgroup", NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_null(strstr(got.out, "/../"), "exec is elsewhere: %s", got.out);
	bundle_call(b, &got, "update", "--memory", "134217728", "--pids-limit", "78", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(matrix_file(arena_printf(&e2e_arena, "%s/memory.max", directory)),
			 "134217728");
	cr_expect_str_eq(matrix_file(arena_printf(&e2e_arena, "%s/pids.max", directory)), "78");
	bundle_call(b, &got, "pause", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(matrix_file(arena_printf(&e2e_arena, "%s/cgroup.freeze", directory)),
			 "1");
	bundle_call(b, &got, "resume", b->id, NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	matrix_stop(b);
	for (int tries = 0; tries < 3000 && access(directory, F_OK) == 0; tries++)
		usleep(20000);
	cr_expect_lt(access(directory, F_OK), 0, "%s is left", directory);
}

static void give(const char *directory)
{
	static const char *const files[] = {
		"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads",
	};

	mkdir(directory, 0755);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		cr_assert_eq(chown(arena_printf(&e2e_arena, "%s%s", directory, files[i]), NOBODY,
				   NOBODY), 0, "%s%s", directory, files[i]);
}

E2E(matrix_rootless, a_subtree_that_was_given_away_has_limits)
{
	struct bundle *b = bundle_new();
	const char *own;

	e2e_need_root();
	e2e_need_kist();
	e2e_need_cgroup2();
	if (!matrix_has_v2("memory") || !matrix_has_v2("pids"))
		e2e_skip("cgroup v2 has neither memory nor pids here");
	own = matrix_cgroup(getpid(), "");
	mkdir("/sys/fs/cgroup/kist-given", 0755);
	matrix_write("/sys/fs/cgroup/kist-given/cgroup.subtree_control", "+memory +pids");
	give("/sys/fs/cgroup/kist-given");
	give(SELF);
	matrix_write(SELF "/cgroup.procs", "0");
	bundle_as_user(b, NOBODY);
	expect_life(b, "--debug", "/kist-given/");
	matrix_write(arena_printf(&e2e_arena, "%s/cgroup.procs", own), "0");
	cr_expect_eq(rmdir(SELF), 0, "%s", strerror(errno));
	cr_expect_eq(rmdir("/sys/fs/cgroup/kist-given"), 0, "%s", strerror(errno));
}

static int run(const char *first, const char *second, const char *third)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execlp(first, first, second, third, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* Before the test has mounts of its own, which do not show what systemd mounts later. */
static void begin_with_manager(void)
{
	if (geteuid() == 0 && access("/run/systemd/system", F_OK) == 0)
		run("systemctl", "start", "user@65534.service");
	e2e_begin();
}

Test(matrix_rootless, the_users_own_systemd_has_limits, .init = begin_with_manager,
     .fini = e2e_clean, .timeout = 120)
{
	struct bundle *b = bundle_new();

	e2e_need_root();
	e2e_need_kist();
	if (access("/run/systemd/system", F_OK) < 0)
		e2e_skip("systemd is not pid 1");
	e2e_need_cgroup2();
	if (access("/run/user/65534/bus", F_OK) < 0)
		e2e_skip("no user manager with a bus to be had: dbus-user-session is missing");
	bundle_as_user(b, NOBODY);
	b->env[0] = "XDG_RUNTIME_DIR=/run/user/65534";
	expect_life(b, "--systemd-cgroup", "/user@65534.service/");
	e2e_check();
}
