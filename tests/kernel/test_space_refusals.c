/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/kernel/child.h"
#include "tests/kernel/space.h"

static struct kist_error err;

/* kernel: it says EINVAL as well (5.15 to 6.8, where newer ones differ). */
static const struct {
	uint64_t flags;
	const char *says;
	int kernel;
} rows[] = {
	{ CLONE_SIGHAND, "CLONE_SIGHAND needs CLONE_VM", 1 },
	{ CLONE_THREAD, "CLONE_THREAD needs CLONE_SIGHAND", 1 },
	{ CLONE_THREAD | CLONE_VM, "CLONE_THREAD needs CLONE_SIGHAND", 1 },
	{ CLONE_VM | CLONE_SIGHAND | CLONE_CLEAR_SIGHAND, "CLONE_CLEAR_SIGHAND would", 1 },
	{ CLONE_FS | CLONE_NEWNS, "CLONE_FS shares root", 1 },
	{ CLONE_FS | CLONE_NEWUSER, "CLONE_FS would let", 1 },
	{ CLONE_SYSVSEM | CLONE_NEWIPC, "CLONE_SYSVSEM shares undo values", 1 },
	{ CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWUSER, "one user namespace", 1 },
	{ CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWPID, "one pid namespace", 1 },
	{ CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_PIDFD, "before Linux 6.9", 0 },
	{ CLONE_VM | CLONE_NEWTIME, "CLONE_NEWTIME goes by memory of its own", 0 },
	{ UINT64_C(1) << 40, "a flag that clone(2) does not know", 1 },
	{ CLONE_NEWUTS | 17, "it belongs in exit_signal", 1 },
};

Test(space_refusals, name_what_the_kernel_calls_invalid)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kist_options options = KIST_OPTIONS_INIT;
		struct kist_space *space;

		options.flags = rows[i].flags;
		options.function = nothing;
		cr_expect_eq(kist_space_start(&options, &space, &err), -1, "row %zu", i);
		cr_expect_eq(err.code, EINVAL);
		cr_expect(strstr(err.text, rows[i].says), "%s: %s", rows[i].says, err.text);
		if (rows[i].kernel) {
			struct clone_args args = { .flags = rows[i].flags };

			cr_expect_lt(sys_clone3(&args), 0, "row %zu: the kernel takes it", i);
			cr_expect_eq(errno, EINVAL);
		}
	}
}

/* A change of the options, one each. */
static const char *const program[] = { "true", NULL };
static void bad_both(struct kist_options *o) { o->args = program; }
static void bad_none(struct kist_options *o) { o->function = NULL; }
static void bad_tls(struct kist_options *o) { o->flags = CLONE_SETTLS; }
static void bad_parent(struct kist_options *o) { o->flags = CLONE_PARENT_SETTID; }
static void bad_child(struct kist_options *o) { o->flags = CLONE_CHILD_SETTID; }
static void bad_cgroup(struct kist_options *o)
{
	o->flags = CLONE_INTO_CGROUP;
	o->cgroup_fd = -1;
}
static void bad_signal(struct kist_options *o) { o->exit_signal = 65; }
static void bad_parent_signal(struct kist_options *o)
{
	o->flags = CLONE_PARENT;
	o->exit_signal = SIGUSR1;
}
static void bad_on(struct kist_options *o) { o->on = CLONE_VM; }
static void bad_size(struct kist_options *o) { o->size = 8; }
static void bad_stdio(struct kist_options *o)
{
	o->flags = CLONE_FILES;
	o->stdout_fd = KIST_FD_NULL;
}
static void bad_root(struct kist_options *o)
{
	o->flags = CLONE_FS;
	o->root_dir = "/";
}
static void bad_daemon(struct kist_options *o)
{
	o->flags = CLONE_VM;
	o->daemonize = 1;
}
static void bad_map(struct kist_options *o) { o->map_zero = 1; }
static void bad_map_text(struct kist_options *o)
{
	o->flags = CLONE_NEWUSER;
	o->uid_map = "0 1000";
}

static const struct {
	void (*change)(struct kist_options *);
	const char *says;
} changes[] = {
	{ bad_both, "a program or a function" },
	{ bad_none, "a program or a function" },
	{ bad_tls, "CLONE_SETTLS without tls" },
	{ bad_parent, "CLONE_PARENT_SETTID without parent_tid" },
	{ bad_child, "without child_tid" },
	{ bad_cgroup, "CLONE_INTO_CGROUP without cgroup_fd" },
	{ bad_signal, "exit_signal is no signal" },
	{ bad_parent_signal, "exit_signal with CLONE_THREAD or CLONE_PARENT" },
	{ bad_on, "on and off are for namespaces" },
	{ bad_size, "size is 8" },
	{ bad_stdio, "stdin, stdout or stderr with CLONE_FILES" },
	{ bad_root, "with CLONE_FS" },
	{ bad_daemon, "daemonize with CLONE_VM" },
	{ bad_map, "there is no new user namespace" },
	{ bad_map_text, "uid map: read id map \"0 1000\"" },
};

Test(space_refusals, name_what_is_wrong_with_the_options)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct kist_options options = KIST_OPTIONS_INIT;
		const char *says;

		options.function = nothing;
		changes[i].change(&options);
		says = space_refusal(&options);
		cr_expect(strstr(says, changes[i].says), "%s: %s", changes[i].says, says);
	}
}

Test(space_refusals, name_the_stream_that_cannot_be_had)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };

	for (size_t i = 0; i < 6; i++) {
		struct kist_options options = KIST_OPTIONS_INIT;
		const char **paths[] = { &options.stdin_path, &options.stdout_path,
					 &options.stderr_path };
		int *fds[] = { &options.stdin_fd, &options.stdout_fd, &options.stderr_fd };
		struct kist_space *space;

		options.function = nothing;
		if (i < 3)
			*paths[i] = "/proc/no/such";
		else
			*fds[i - 3] = 999;
		cr_expect_eq(kist_space_start(&options, &space, &err), -1, "%zu", i);
		cr_expect(strstr(err.text, i < 3 ? "open /proc/no/such: " : "take as "), "%s",
			  err.text);
		cr_expect(i < 3 || strstr(err.text, names[i - 3]), "%s", err.text);
	}
}

Test(space_refusals, let_a_newer_caller_use_what_this_version_knows)
{
	struct {
		struct kist_options options;
		uint64_t more;
	} newer = { KIST_OPTIONS_INIT, 0 };

	newer.options.size = sizeof(newer);
	newer.options.function = nothing;
	cr_expect_str_eq(space_refusal(&newer.options), "");
	newer.more = 1;
	cr_expect(strstr(space_refusal(&newer.options), "newer libkist"));
}

/* In pid 1 of a new pid namespace; the exit status says what happened. */
static int sibling_of_pid_1(void *context)
{
	struct kist_options options = KIST_OPTIONS_INIT;

	options.flags = CLONE_PARENT;
	options.function = nothing;
	options.context = context;
	return strstr(space_refusal(&options), "CLONE_PARENT in pid 1") != NULL ? 0 : 1;
}

Test(space_refusals, parent_in_pid_1)
{
	cr_expect_eq(space_run(CLONE_NEWUSER | CLONE_NEWPID, sibling_of_pid_1, NULL), 0);
}

/* Each leaves 0 where the error and its explanation are there. */
static int fails_with(uint64_t flags, int code, const char *says)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;

	options.flags = flags;
	options.function = nothing;
	if (kist_space_start(&options, &space, &err) == 0)
		return 2;
	return err.code == code && strstr(err.text, says) != NULL ? 0 : 3;
}

static int no_rights(void *context)
{
	(void)context;
	return fails_with(CLONE_NEWNET, EPERM, "this needs root, or a user namespace");
}

/* Root of a container: uid 0, and few capabilities. */
static int no_capabilities(void *context)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	(void)context;
	if (syscall(SYS_capset, &header, none) < 0)
		return 1;
	return fails_with(CLONE_NEWNET, EPERM, "this needs CAP_SYS_ADMIN");
}

static int no_processes(void *context)
{
	struct rlimit none = { 0, 0 };

	(void)context;
	return setrlimit(RLIMIT_NPROC, &none) < 0 ? 1 :
	       fails_with(0, EAGAIN, "the limit of processes is reached");
}

static int no_memory(void *context)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;

	(void)context;
	options.flags = CLONE_VM;
	options.function = nothing;
	options.stack_size = (size_t)1 << 46;
	return kist_space_start(&options, &space, &err) < 0 && err.code == ENOMEM ? 0 : 2;
}

/* In a user namespace of its own, whose limit it sets to 0. */
static int no_namespaces(void *context)
{
	int fd = open("/proc/sys/user/max_uts_namespaces", O_WRONLY);

	(void)context;
	if (fd < 0 || write(fd, "0", 1) != 1)
		return 1;
	close(fd);
	return fails_with(CLONE_NEWUTS, ENOSPC, "sysctl -w user.max_uts_namespaces");
}

/* Deeper and deeper, until the kernel has had enough: 32 levels below the first. */
static int nest(void *context)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;
	int status = 99;

	options.flags = CLONE_NEWUSER;
	options.map_zero = 1;
	options.function = nest;
	options.context = context;
	if (kist_space_start(&options, &space, &err) < 0)
		return (err.code == EUSERS || err.code == ENOSPC) &&
		       strstr(err.text, "32 nested") != NULL ? 0 : 3;
	return kist_space_wait(space, -1, &status, NULL) == 1 ? status : 98;
}

Test(space_refusals, explain_what_the_kernel_says)
{
	struct kist_options options = KIST_OPTIONS_INIT;

	cr_expect_eq(as_nobody(no_rights, NULL), 0);
	cr_expect_eq(as_nobody(no_processes, NULL), 0);
	cr_expect_eq(child_status(no_memory, NULL), 0);
	options.flags = CLONE_NEWUSER;
	options.map_zero = 1;
	options.function = no_namespaces;
	cr_expect_eq(space_end(space_begin(&options)), 0);
	options.function = no_capabilities;
	cr_expect_eq(space_end(space_begin(&options)), 0);
	options.function = nest;
	cr_expect_eq(space_end(space_begin(&options)), 0);
}

/* Of a target that was never filled, or with what a failed fork() gave. */
Test(space_refusals, run_nothing_here_for_want_of_a_target)
{
	static const struct {
		struct kist_target target;
		const char *says;
	} targets[] = {
		{ KIST_TARGET_INIT, "neither a process nor a file" },
		{ { .size = sizeof(struct kist_target), .pid = -1, .pidfd = -1 },
		  "open process -1" },
		{ { .size = sizeof(struct kist_target), .pidfd = -1, .which = CLONE_NEWNET },
		  "neither a process nor a file" },
		{ { .size = sizeof(struct kist_target),
		    .pidfd = -1,
		    .uts = "/proc/self/ns/uts",
		    .which = CLONE_NEWUTS | CLONE_NEWNET },
		  "neither a process nor a file" },
		{ { .size = sizeof(struct kist_target), .pidfd = -1, .use_root = 1 },
		  "there is none" },
	};
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *child;
	struct kist_visit *visit;

	options.function = nothing;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		cr_assert_eq(kist_space_inject(&targets[i].target, &options, &child, &err), -1,
			     "row %zu", i);
		cr_expect(err.code == EINVAL && strstr(err.text, targets[i].says), "row %zu: %s", i,
			  err.text);
		cr_expect_eq(kist_space_enter(&targets[i].target, &visit, &err), -1, "row %zu", i);
	}
}

Test(space_refusals, say_of_a_process_that_it_has_ended)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_target target = KIST_TARGET_INIT;
	struct kist_space *space, *child;
	siginfo_t info;

	options.function = nothing;
	space = space_begin(&options);
	target.pidfd = dup(kist_space_pidfd(space));
	/* Ended, and yet to be reaped; then reaped. */
	cr_assert_eq(waitid(P_PID, (id_t)kist_space_pid(space), &info, WEXITED | WNOWAIT), 0);
	cr_expect_eq(kist_space_inject(&target, &options, &child, &err), -1);
	cr_expect_eq(err.code, ESRCH, "%s", err.text);
	cr_expect_eq(space_end(space), 0);
	cr_expect_eq(kist_space_inject(&target, &options, &child, &err), -1);
	cr_expect_eq(err.code, ESRCH, "%s", err.text);
	close(target.pidfd);
}
