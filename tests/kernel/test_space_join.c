/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/kernel/child.h"
#include "tests/kernel/space.h"

static struct kist_error err;

static const struct {
	uint64_t flag;
	const char *file;
} rows[] = {
	{ CLONE_NEWUSER, "user" }, { CLONE_NEWNS, "mnt" }, { CLONE_NEWPID, "pid" },
	{ CLONE_NEWNET, "net" }, { CLONE_NEWIPC, "ipc" }, { CLONE_NEWUTS, "uts" },
	{ CLONE_NEWCGROUP, "cgroup" }, { CLONE_NEWTIME, "time" },
};
#define ROWS	(sizeof(rows) / sizeof(rows[0]))

static int for_ever(void *context)
{
	for (;;)
		pause();
	return context != NULL;
}

/* A process in all namespaces but the caller's, to be joined. */
static struct kist_space *host(uint64_t off)
{
	struct kist_options options = KIST_OPTIONS_INIT;

	options.on = space_all();
	options.off = off;
	options.map_zero = !(off & CLONE_NEWUSER);
	options.function = for_ever;
	return space_begin(&options);
}

static void host_end(struct kist_space *space)
{
	kist_space_kill(space, NULL);
	cr_expect_eq(space_end(space), -SIGKILL);
}

/* The caller's namespaces, as the rows have them. */
static int look(void *context)
{
	unsigned long *seen = context;

	for (size_t i = 0; i < ROWS; i++)
		seen[i] = child_namespace(0, rows[i].file);
	return getuid() == 0 || getuid() == 65534 ? 0 : 1;
}

/* Where a child ended up that was to join these of host's. */
static void expect_joined(struct kist_space *space, const struct kist_target *target,
			  uint64_t joined, const char *what)
{
	unsigned long *seen = shared_memory(ROWS * sizeof(*seen)), before[ROWS], after[ROWS];
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *child;

	look(before);
	options.function = look;
	options.context = seen;
	cr_assert_eq(kist_space_inject(target, &options, &child, &err), 0, "%s: %s", what,
		     err.text);
	space_end(child);
	look(after);
	for (size_t i = 0; i < ROWS; i++) {
		pid_t from = joined & rows[i].flag ? kist_space_pid(space) : 0;

		/* A procfs of another pid namespace shows nobody "self". */
		if (seen[0] != 0)
			cr_expect_eq(seen[i], child_namespace(from, rows[i].file), "%s: %s", what,
				     rows[i].file);
		cr_expect_eq(before[i], after[i], "%s: our own %s changed", what, rows[i].file);
	}
}

Test(space_join, enters_one_by_pid_pidfd_and_path)
{
	struct kist_space *space;

	child_need_root();
	space = host(CLONE_NEWUSER | CLONE_NEWPID);
	for (size_t i = 3; i < ROWS; i++) {
		struct kist_target target = KIST_TARGET_INIT;
		char path[64];

		if ((space_all() & rows[i].flag) == 0)
			continue;
		target.which = rows[i].flag;
		target.pid = kist_space_pid(space);
		expect_joined(space, &target, rows[i].flag, "pid");
		target.pid = 0;
		target.pidfd = kist_space_pidfd(space);
		expect_joined(space, &target, rows[i].flag, "pidfd");
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", kist_space_pid(space), rows[i].file);
		target = (struct kist_target)KIST_TARGET_INIT;
		*(const char **[]){ NULL, NULL, NULL, &target.network, &target.ipc, &target.uts,
				    &target.cgroup, &target.time }[i] = path;
		expect_joined(space, &target, rows[i].flag, "path");
	}
	host_end(space);
}

static int join_all(void *context)
{
	uint64_t off = *(uint64_t *)context;
	struct kist_space *space = host(off);
	struct kist_target target = KIST_TARGET_INIT;

	target.pid = kist_space_pid(space);
	expect_joined(space, &target, space_all() & ~off, "all");
	host_end(space);
	return 0;
}

Test(space_join, enters_all_that_differ)
{
	uint64_t rootful = CLONE_NEWUSER | CLONE_NEWPID, rootless = CLONE_NEWPID, none = 0;

	if (geteuid() == 0)
		cr_expect_eq(child_status(join_all, &rootful), 0);
	cr_expect_eq(as_nobody(join_all, &rootless), 0);
	cr_expect_eq(as_nobody(join_all, &none), 0);
}

/* 21 where it is right.  With a pipe for context: when it is told to. */
static int second_pid(void *context)
{
	char byte;

	return 22 - ((context == NULL || read(*(int *)context, &byte, 1) == 1) && getpid() > 1 &&
		     getpid() < 10);
}

Test(space_join, can_make_new_namespaces_inside)
{
	struct kist_space *space = host(0), *child;
	struct kist_target target = KIST_TARGET_INIT;
	struct kist_options options = KIST_OPTIONS_INIT;
	int told[2];

	target.pid = kist_space_pid(space);
	options.flags = CLONE_NEWUTS;
	options.function = second_pid;
	cr_assert_eq(kist_space_inject(&target, &options, &child, &err), 0, "%s", err.text);
	cr_expect_eq(space_end(child), 21);
	/* Whose maps somebody inside has to write. */
	options.flags = CLONE_NEWUSER;
	options.map_zero = 1;
	cr_assert_eq(kist_space_inject(&target, &options, &child, &err), 0, "%s", err.text);
	cr_expect_eq(space_end(child), 21);
	/* Nor does it matter what becomes of the status of who writes them; the child's is seen. */
	options.context = told;
	cr_assert(pipe2(told, O_CLOEXEC) == 0 && signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	cr_assert_eq(kist_space_inject(&target, &options, &child, &err), 0, "%s", err.text);
	signal(SIGCHLD, SIG_DFL);
	cr_expect(write(told[1], "", 1) == 1 && space_end(child) == 21);
	options.gid_map = "0 5 1";
	cr_expect_eq(kist_space_inject(&target, &options, &child, &err), -1);
	cr_expect(strstr(err.text, "write gid_map"), "%s", err.text);
	options.map_zero = 0;
	options.gid_map = NULL;
	options.flags = CLONE_VM;
	cr_expect_eq(kist_space_inject(&target, &options, &child, &err), -1);
	cr_expect(strstr(err.text, "a helper makes the process"), "%s", err.text);
	host_end(space);
}

static int leave(void *context)
{
	(void)context;
	return 0;
}

struct injector {
	pid_t pid;
	volatile bool done;
};

static void *inject_again_and_again(void *context)
{
	const struct injector *injector = context;
	struct kist_target target = KIST_TARGET_INIT;
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *child;

	target.pid = injector->pid;
	options.function = leave;
	while (!injector->done) {
		if (kist_space_inject(&target, &options, &child, NULL) < 0)
			return context;
		kist_space_wait(child, -1, NULL, NULL);
		kist_space_free(child);
	}
	return NULL;
}

/* Which nobody may trace, and so whose maps an ordinary user could not write. */
static int start_beside_injections(void *context)
{
	struct kist_space *space = host(CLONE_NEWPID);
	struct injector injector = { kist_space_pid(space), false };
	struct kist_options options = KIST_OPTIONS_INIT;
	int failures = 0;
	pthread_t thread;
	void *failed;

	(void)context;
	options.flags = CLONE_NEWUSER;
	options.map_zero = 1;
	options.function = leave;
	pthread_create(&thread, NULL, inject_again_and_again, &injector);
	for (int i = 0; i < 200; i++) {
		struct kist_space *child;

		options.flags ^= CLONE_VFORK;
		if (kist_space_start(&options, &child, NULL) < 0) {
			failures++;
			continue;
		}
		kist_space_wait(child, -1, NULL, NULL);
		kist_space_free(child);
	}
	injector.done = true;
	pthread_join(thread, &failed);
	host_end(space);
	return failures > 0 || failed != NULL;
}

Test(space_join, is_safe_beside_starts_in_other_threads, .timeout = 120)
{
	cr_expect_eq(as_nobody(start_beside_injections, NULL), 0);
}

static int root_of(void *context)
{
	return access(context, F_OK) == 0 ? 0 : 1;
}

Test(space_join, enters_the_root_of_a_process)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_target target = KIST_TARGET_INIT;
	struct kist_space *space, *child;

	child_need_root();
	options.root_dir = "/proc";
	options.function = for_ever;
	space = space_begin(&options);
	target.pid = kist_space_pid(space);
	options.root_dir = NULL;
	options.function = root_of;
	options.context = "/cpuinfo";
	cr_assert_eq(kist_space_inject(&target, &options, &child, &err), 0, "%s", err.text);
	cr_expect_eq(space_end(child), 1);
	target.use_root = 1;
	cr_assert_eq(kist_space_inject(&target, &options, &child, &err), 0, "%s", err.text);
	cr_expect_eq(space_end(child), 0);
	host_end(space);
}

Test(space_join, names_what_cannot_be_joined)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_target target = KIST_TARGET_INIT;
	struct kist_space *child;

	options.function = root_of;
	target.network = "/proc/self/ns/uts";
	cr_expect_eq(kist_space_inject(&target, &options, &child, &err), -1);
	cr_expect(strstr(err.text, "it is a uts namespace"), "%s", err.text);
	target = (struct kist_target)KIST_TARGET_INIT;
	target.pid = 0x7ffffff0;
	cr_expect_eq(kist_space_inject(&target, &options, &child, &err), -1);
	cr_expect_eq(err.code, ESRCH, "%s", err.text);
	target.pid = 0;
	target.pidfd = 0;
	cr_expect_eq(kist_space_inject(&target, &options, &child, &err), -1);
	cr_expect_eq(err.code, EINVAL, "%s", err.text);
}

/* One thread, as mount and time want it: so in a fork.  0, or the line that failed. */
#define MUST(x)	do { if (!(x)) return __LINE__ % 250; } while (0)
static int visit(void *context)
{
	struct kist_space *space = context;
	struct kist_target target = KIST_TARGET_INIT;
	unsigned long before[ROWS], inside[ROWS], after[ROWS];
	struct kist_visit *way;
	char at[64] = "";

	MUST(chdir("/tmp") == 0);
	look(before);
	target.pid = kist_space_pid(space);
	MUST(kist_space_enter(&target, &way, &err) == 0);
	look(inside);
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].flag != CLONE_NEWUSER && rows[i].flag != CLONE_NEWPID)
			MUST(inside[i] == child_namespace(target.pid, rows[i].file));
	MUST(kist_space_leave(way, &err) == 0);
	look(after);
	MUST(memcmp(before, after, sizeof(before)) == 0);
	MUST(strcmp(getcwd(at, sizeof(at)), "/tmp") == 0);
	return 0;
}

static int visit_root(void *context)
{
	struct kist_target target = KIST_TARGET_INIT;
	struct kist_visit *way;
	char at[64] = "";

	(void)context;
	MUST(chdir("/tmp") == 0);
	target.root_dir = "/proc";
	MUST(kist_space_enter(&target, &way, &err) == 0);
	MUST(access("/cpuinfo", F_OK) == 0);
	MUST(kist_space_leave(way, &err) == 0);
	MUST(access("/cpuinfo", F_OK) < 0);
	MUST(strcmp(getcwd(at, sizeof(at)), "/tmp") == 0);
	return 0;
}

Test(space_join, enters_and_leaves_for_the_caller_itself)
{
	struct kist_space *space;

	child_need_root();
	space = host(CLONE_NEWUSER | CLONE_NEWPID);
	cr_expect_eq(child_status(visit, space), 0);
	host_end(space);
	space = host(CLONE_NEWUSER);
	cr_expect_eq(child_status(visit, space), 0);
	host_end(space);
	cr_expect_eq(child_status(visit_root, NULL), 0);
}

/* The lowest free number, and how many are in use. */
static int look_at_fds(void *context)
{
	int *seen = context;

	seen[0] = open("/", O_PATH | O_DIRECTORY);
	seen[1] = 0;
	for (int fd = 0; fd < 64; fd++)
		seen[1] += fcntl(fd, F_GETFD) >= 0;
	return 0;
}

Test(space_join, hands_the_function_no_fd_of_its_own)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_target target = KIST_TARGET_INIT;
	int *joined = shared_memory(4 * sizeof(*joined)), *ours = joined + 2;
	struct kist_space *space, *child;
	char path[64];

	child_need_root();
	space = host(CLONE_NEWUSER | CLONE_NEWPID);
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", kist_space_pid(space));
	target.pid = kist_space_pid(space);
	target.uts = path;
	target.use_root = 1;
	cr_expect_eq(space_run(0, look_at_fds, ours), 0);
	options.function = look_at_fds;
	options.context = joined;
	cr_assert_eq(kist_space_inject(&target, &options, &child, &err), 0, "%s", err.text);
	cr_expect_eq(space_end(child), 0);
	cr_expect_eq(joined[0], ours[0]);
	cr_expect_eq(joined[1], ours[1]);
	host_end(space);
}

static int visit_user(void *context)
{
	struct kist_target target = KIST_TARGET_INIT;
	struct kist_visit *way;

	target.pid = kist_space_pid(context);
	MUST(kist_space_enter(&target, &way, &err) < 0);
	MUST(err.code == EINVAL && strstr(err.text, "there is no way back") != NULL);
	return 0;
}

Test(space_join, refuses_what_cannot_be_left)
{
	struct kist_space *space = host(0);

	cr_expect_eq(child_status(visit_user, space), 0);
	host_end(space);
}
