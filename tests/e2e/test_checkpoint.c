/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/e2e/counter.h"

/* checkpoint and restore: a program that counts in memory and writes down how far it is. */

/* CRIU gives what it restores a time namespace of its own: exec takes part in it. */
static void expect_one_time(struct bundle *b)
{
	struct output got;
	const char *first, *own;

	bundle_call(b, &got, "exec", b->id, "/probe", "readlink", "/proc/1/ns/time", "readlink",
		    "/proc/self/ns/time", NULL);
	first = strstr(got.out, "time:[");
	own = first != NULL ? strstr(first + 1, "time:[") : NULL;
	cr_assert_not_null(own, "%s%s", got.out, got.err);
	cr_expect_eq(strtoul(first + 6, NULL, 10), strtoul(own + 6, NULL, 10), "%s", got.out);
}

/*
 * Zeroes in the place of the number: CRIU wants the file as it was, of that size, where the program
 * was just writing it.
 */
static void forget(struct bundle *b)
{
	_cleanup_fd int fd = open(counter_path(b, "bundle/rootfs/count"), O_RDWR | O_CLOEXEC);
	struct stat st;

	cr_assert(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = 0; at + 1 < st.st_size; at++)
		cr_assert_eq(pwrite(fd, "0", 1, at), 1);
}

static void goes_on(struct bundle *b)
{
	const char *image = arena_printf(&e2e_arena, "--image-path=%s", counter_path(b, "image"));
	const char *work = arena_printf(&e2e_arena, "--work-path=%s", counter_path(b, "work"));
	struct output got;
	uint64_t before;

	counter_call(b, "run", NULL, NULL, NULL);
	counter_await(b, 5);
	counter_call(b, "checkpoint", image, work, NULL);
	before = counter_value(b);
	/* As with runc, what it was is in the image alone. */
	bundle_call(b, &got, "state", b->id, NULL);
	cr_expect_not_null(strstr(got.err, "container does not exist"), "%s", got.err);
	/* The log may have another name, in /etc/criu/runc.conf. */
	cr_expect_eq(access(counter_path(b, "work/stats-dump"), F_OK), 0);
	forget(b);
	counter_call(b, "restore", image, work, NULL);
	counter_expect_status(b, "running");
	/* Not from 1 again. */
	cr_expect_geq(counter_await(b, 0), before);
	counter_await(b, before + 3);
	bundle_call(b, &got, "exec", b->id, "/probe", "say", "inside", NULL);
	cr_expect_not_null(strstr(got.out, "inside"), "%s", got.err);
	expect_one_time(b);
	counter_call(b, "delete", "--force", NULL, NULL);
}

E2E(checkpoint, restored_program_goes_on_under_kists_init)
{
	goes_on(counter_new("always"));
}

E2E(checkpoint, restored_program_goes_on_as_pid_1)
{
	goes_on(counter_new("never"));
}

/* On a hybrid host it is in cgroup2 alone then, which CRIU does not mount beside v1. */
E2E(checkpoint, restored_program_without_limits_has_its_cgroup_mounts)
{
	struct bundle *b = counter_new("always");

	bundle_unset(b, "/linux/resources");
	bundle_unset(b, "/linux/namespaces/5");
	bundle_set(b, "/mounts/-",
		   "{'destination': '/cgroup2', 'type': 'cgroup2', 'source': 'cgroup'}");
	goes_on(b);
}

E2E(checkpoint, leaves_running_what_is_to_run)
{
	struct bundle *b = counter_new("always");
	const char *image = arena_printf(&e2e_arena, "--image-path=%s", counter_path(b, "image"));

	counter_call(b, "run", NULL, NULL, NULL);
	counter_await(b, 2);
	counter_call(b, "checkpoint", image, "--leave-running", NULL);
	counter_expect_status(b, "running");
	counter_await(b, counter_value(b) + 2);
	counter_call(b, "delete", "--force", NULL, NULL);
}

/* As containerd does it; into a directory whose parents are missing, too. */
E2E(checkpoint, paused_container_stays_paused)
{
	struct bundle *b = counter_new("always");
	const char *image = arena_printf(&e2e_arena, "--image-path=%s", counter_path(b, "a/b/c"));

	counter_call(b, "run", NULL, NULL, NULL);
	counter_await(b, 2);
	counter_call(b, "pause", NULL, NULL, NULL);
	counter_call(b, "checkpoint", image, "--leave-running", NULL);
	counter_expect_status(b, "paused");
	counter_call(b, "resume", NULL, NULL, NULL);
	counter_await(b, counter_value(b) + 2);
	counter_call(b, "pause", NULL, NULL, NULL);
	counter_call(b, "checkpoint", image, NULL, NULL);
	forget(b);
	counter_call(b, "restore", image, NULL, NULL);
	counter_await(b, 3);
	counter_call(b, "delete", "--force", NULL, NULL);
}

E2E(checkpoint, restore_in_the_foreground_has_the_programs_status)
{
	struct bundle *b = counter_new("never");
	const char *image = arena_printf(&e2e_arena, "--image-path=%s", counter_path(b, "image"));
	struct output got;
	struct call call;

	counter_call(b, "run", NULL, NULL, NULL);
	counter_await(b, 2);
	counter_call(b, "checkpoint", image, NULL, NULL);
	forget(b);
	bundle_begin(b, &call, "restore", image, "-b", b->path, b->id, NULL);
	counter_await(b, 0);
	counter_call(b, "kill", "TERM", NULL, NULL);
	bundle_finish(&call, &got);
	cr_expect_eq(got.status, 7, "%d: %s", got.status, got.err);
}

/* Either it works, or the kernel's lack of it is named. */
E2E(checkpoint, memory_is_dumped_before_or_the_kernel_is_blamed)
{
	struct bundle *b = counter_new("always");
	const char *pre = arena_printf(&e2e_arena, "--image-path=%s", counter_path(b, "pre"));
	const char *image = arena_printf(&e2e_arena, "--image-path=%s", counter_path(b, "image"));
	struct output got;

	counter_call(b, "run", NULL, NULL, NULL);
	counter_await(b, 2);
	bundle_call(b, &got, "checkpoint", "--pre-dump", pre, b->id, NULL);
	counter_expect_status(b, "running");
	if (got.status == 0) {
		counter_call(b, "checkpoint", image, "--parent-path=../pre", NULL);
		counter_call(b, "restore", image, NULL, NULL);
		counter_await(b, counter_value(b));
	} else {
		cr_expect_not_null(strstr(got.err, "CONFIG_MEM_SOFT_DIRTY"), "%s", got.err);
	}
	counter_call(b, "delete", "--force", NULL, NULL);
}

/* What CRIU could not restore is not killed for it. */
E2E(checkpoint, terminal_behind_an_init_is_refused)
{
	struct bundle *b = counter_new("always");
	struct output got;
	struct call call;

	bundle_set(b, "/process/terminal", "true");
	bundle_begin(b, &call, "run", "--bundle", b->path, b->id, NULL);
	counter_await(b, 2);
	bundle_call(b, &got, "checkpoint", "--image-path", counter_path(b, "image"), b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "org.kist.init=never"), "%s", got.err);
	counter_expect_status(b, "running");
	counter_call(b, "kill", "KILL", NULL, NULL);
	bundle_finish(&call, &got);
}

E2E(checkpoint, missing_criu_is_named)
{
	struct bundle *b = bundle_new();
	struct output got;

	e2e_need_kist();
	bundle_env(b, "PATH=/nonexistent");
	bundle_probe_args(b, "sleep", "100000", NULL);
	bundle_call(b, &got, "run", "-d", "--bundle", b->path, b->id, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	bundle_call(b, &got, "checkpoint", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "criu is not in PATH"), "%s", got.err);
	cr_expect_eq(access(counter_path(b, "checkpoint"), F_OK), -1, "made for nothing");
	counter_expect_status(b, "running");
	bundle_call(b, &got, "delete", "-f", b->id, NULL);
}

E2E(checkpoint, only_what_runs_can_be_saved)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_call(b, &got, "create", "--bundle", b->path, b->id, NULL);
	bundle_call(b, &got, "checkpoint", b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "Container cannot be checkpointed in created state"),
			   "%s", got.err);
	bundle_call(b, &got, "delete", "-f", b->id, NULL);
	/* Podman asks so whether a runtime can put pods back together. */
	bundle_call(b, &got, "restore", "--lsm-mount-context", NULL);
	cr_expect_not_null(strstr(got.err, "flag needs an argument"), "%s", got.err);
	bundle_call(b, &got, "restore", "--bundle", b->path, "--image-path",
		    counter_path(b, "none"), b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "--image-path: open "), "%s", got.err);
}
