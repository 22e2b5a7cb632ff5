/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "runtime/clone.h"
#include "tests/kernel/child.h"

static struct error err;

static int give(void *context)
{
	return *(int *)context;
}

/* Until its end of the pipe is closed. */
static int linger(void *context)
{
	int *ends = context;
	char byte;

	close(ends[1]);
	return read(ends[0], &byte, 1) == 0 ? 0 : 1;
}

static const struct {
	const char *name, *file;
	int flag;
	enum namespace_type type;
} rows[] = {
	{ "network", "net", CLONE_NEWNET, NAMESPACE_NETWORK },
	{ "ipc", "ipc", CLONE_NEWIPC, NAMESPACE_IPC },
	{ "uts", "uts", CLONE_NEWUTS, NAMESPACE_UTS },
	{ "mount", "mnt", CLONE_NEWNS, NAMESPACE_MOUNT },
	{ "cgroup", "cgroup", CLONE_NEWCGROUP, NAMESPACE_CGROUP },
	{ "pid", "pid", CLONE_NEWPID, NAMESPACE_PID },
	{ "time", "time", CLONE_NEWTIME, NAMESPACE_TIME },
	{ "user", "user", CLONE_NEWUSER, NAMESPACE_USER },
};

/* User-mode Linux has no time namespace before 6.16. */
static bool kernel_has(size_t i)
{
	return child_namespace(0, rows[i].file) != 0;
}

Test(clone, gives_a_child_of_ours_with_its_status)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result child;
	int status = 42;

	cr_assert_eq(clone_process(&request, give, &status, &child, &err), 0, "%s", err.text);
	cr_expect_eq(fcntl(child.pidfd, F_GETFD), FD_CLOEXEC);
	cr_expect_eq(child_wait(child.pid), 42);
	close(child.pidfd);
}

Test(clone, makes_each_namespace)
{
	child_need_root();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct clone_request request = CLONE_REQUEST_INIT;
		struct clone_result child;
		int ends[2];

		if (!kernel_has(i))
			continue;
		cr_assert_eq(pipe(ends), 0);
		request.flags = (uint64_t)rows[i].flag;
		cr_assert_eq(clone_process(&request, linger, ends, &child, &err), 0, "%s: %s",
			     rows[i].name, err.text);
		cr_expect_neq(child_namespace(child.pid, rows[i].file),
			      child_namespace(0, rows[i].file), "%s", rows[i].name);
		close(ends[0]);
		close(ends[1]);
		cr_expect_eq(child_wait(child.pid), 0, "%s", rows[i].name);
		close(child.pidfd);
	}
}

/* By an fd of each namespace, and by the pidfd of who is in them. */
static void expect_joined(size_t i, bool by_pidfd)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result first, second;
	_cleanup_fd int fd = -EBADF;
	unsigned long own = child_namespace(0, rows[i].file);
	int ends[2];
	char path[64];

	cr_assert_eq(pipe(ends), 0);
	request.flags = (uint64_t)rows[i].flag;
	cr_assert_eq(clone_process(&request, linger, ends, &first, &err), 0, "%s", err.text);
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", first.pid, rows[i].file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0);
	request = CLONE_REQUEST_INIT;
	if (by_pidfd) {
		request.join_pidfd = first.pidfd;
		request.join_flags = (uint64_t)rows[i].flag;
	} else {
		request.join_fds[rows[i].type] = fd;
	}
	cr_assert_eq(clone_process(&request, linger, ends, &second, &err), 0, "%s: %s",
		     rows[i].name, err.text);
	/* The time namespace is entered by the child: after a while. */
	for (int tries = 0; tries < 60000 && child_namespace(second.pid, rows[i].file) == own;
	     tries++)
		usleep(1000);
	cr_expect_eq(child_namespace(second.pid, rows[i].file),
		     child_namespace(first.pid, rows[i].file), "%s", rows[i].name);
	cr_expect_eq(child_namespace(0, rows[i].file), own, "our own %s changed", rows[i].name);
	close(ends[0]);
	close(ends[1]);
	clone_kill(&second);
	clone_kill(&first);
}

Test(clone, joins_each_namespace_and_leaves_ours_alone)
{
	child_need_root();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (kernel_has(i))
			expect_joined(i, false);
}

Test(clone, joins_namespaces_of_a_pidfd)
{
	child_need_root();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (kernel_has(i))
			expect_joined(i, true);
}

Test(clone, leaves_no_fd_and_no_process_behind)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result child;
	int status = 0, before, after;

	child_need_root();
	before = dup(0);
	close(before);
	request.join_fds[NAMESPACE_UTS] = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(clone_process(&request, give, &status, &child, &err), 0);
		clone_kill(&child);
		cr_expect_eq(child.pidfd, -EBADF);
	}
	close(request.join_fds[NAMESPACE_UTS]);
	after = dup(0);
	close(after);
	cr_expect_eq(before, after);
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a process is left");
}

static int mask_is_as_before(void *context)
{
	sigset_t now;

	(void)context;
	sigprocmask(SIG_SETMASK, NULL, &now);
	return sigismember(&now, SIGUSR1) == 1 && sigismember(&now, SIGUSR2) == 0 ? 0 : 1;
}

Test(clone, keeps_the_signal_mask_on_both_sides)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result child;
	sigset_t mask;

	child_need_root();
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	request.join_fds[NAMESPACE_UTS] = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(clone_process(&request, mask_is_as_before, NULL, &child, &err), 0);
	cr_expect_eq(child_wait(child.pid), 0);
	close(child.pidfd);
	close(request.join_fds[NAMESPACE_UTS]);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	cr_expect(sigismember(&mask, SIGUSR1) == 1 && sigismember(&mask, SIGUSR2) == 0);
}

Test(clone, says_which_namespace_could_not_be_joined)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result child;
	int status = 0;

	child_need_root();
	/* The kernel refuses the user namespace one is in. */
	request.join_fds[NAMESPACE_USER] = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	cr_expect_eq(clone_process(&request, give, &status, &child, &err), -1);
	cr_expect_str_eq(err.text, "join user namespace: invalid argument");
	close(request.join_fds[NAMESPACE_USER]);
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a process is left");
}

static int refused_without_rights(void *context)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result child;
	int status = 0;

	(void)context;
	if (setresuid(65534, 65534, 65534) < 0)
		return 2;
	request.flags = CLONE_NEWNET;
	return clone_process(&request, give, &status, &child, &err) == -1 && err.code == EPERM &&
	       strcmp(err.text, "make the process: operation not permitted: this needs root, or a "
				"user namespace of its own") == 0 ? 0 : 1;
}

Test(clone, explains_what_is_not_permitted)
{
	child_need_root();
	cr_expect_eq(child_status(refused_without_rights, NULL), 0);
}

static int refused_by_limit(void *context)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct clone_result child;
	struct error ignored;
	int status = 0;

	(void)context;
	/* The sysctl is per user namespace, so that the host's is not touched. */
	if (unshare(CLONE_NEWUSER) < 0 ||
	    file_write(AT_FDCWD, "/proc/sys/user/max_uts_namespaces", "0", &ignored) < 0)
		return 2;
	request.flags = CLONE_NEWUTS;
	return clone_process(&request, give, &status, &child, &err) == -1 && err.code == ENOSPC &&
	       strstr(err.text, "uts namespaces are forbidden here: sysctl -w "
				"user.max_uts_namespaces") != NULL ? 0 : 1;
}

Test(clone, names_the_limit_that_is_reached)
{
	child_need_root();
	cr_expect_eq(child_status(refused_by_limit, NULL), 0, "%s", err.text);
}

Test(borrow, opens_what_the_plan_names_and_checks_its_type)
{
	static const struct {
		enum namespace_type type;
		const char *path, *says;
	} refusals[] = {
		{ NAMESPACE_NETWORK, "/proc/self/ns/uts",
		  "open network namespace /proc/self/ns/uts: it is a uts namespace: "
		  "invalid argument" },
		{ NAMESPACE_IPC, "/dev/null",
		  "open ipc namespace /dev/null: not a namespace file: invalid argument" },
		{ NAMESPACE_PID, "/nowhere",
		  "open pid namespace /nowhere: no such file or directory" },
	};
	int fds[NAMESPACE_COUNT];

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct plan plan = { .oci_version = "1.3.0" };

		plan.namespaces[refusals[i].type] =
			(struct namespace_plan){ .listed = true, .path = refusals[i].path };
		cr_expect_eq(borrow_open(&plan, fds, &err), -1);
		cr_expect_str_eq(err.text, refusals[i].says);
	}
}

Test(borrow, does_not_join_what_we_are_in)
{
	struct plan plan = { .oci_version = "1.3.0" };
	int fds[NAMESPACE_COUNT];

	plan.namespaces[NAMESPACE_USER] =
		(struct namespace_plan){ .listed = true, .path = "/proc/self/ns/user" };
	cr_assert_eq(borrow_open(&plan, fds, &err), 0, "%s", err.text);
	cr_expect_eq(fds[NAMESPACE_USER], -EBADF);
}
