/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/clone.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"

/* Where the helper's stack starts below ours.  It may grow past that: we are asleep meanwhile. */
#define HELPER_STACK	(16 * 1024)

/* What the caller, the helper and, as a copy, the child have in common. */
struct call {
	const struct clone_request *request;
	clone_function *function;
	void *context;
	const sigset_t *mask;
	struct clone_result result;
	struct error *err;
	int status;
};

static const struct {
	uint64_t flag;
	const char *name, *limit;
} namespaces[] = {
	{ CLONE_NEWUSER,   "user",    "user.max_user_namespaces" },
	{ CLONE_NEWNS,     "mount",   "user.max_mnt_namespaces" },
	{ CLONE_NEWPID,    "pid",     "user.max_pid_namespaces" },
	{ CLONE_NEWNET,    "network", "user.max_net_namespaces" },
	{ CLONE_NEWIPC,    "ipc",     "user.max_ipc_namespaces" },
	{ CLONE_NEWUTS,    "uts",     "user.max_uts_namespaces" },
	{ CLONE_NEWCGROUP, "cgroup",  "user.max_cgroup_namespaces" },
	{ CLONE_NEWTIME,   "time",    "user.max_time_namespaces" },
};

/* A number from a file of /proc/sys, or -1. */
static long sysctl_number(const char *path)
{
	_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (n <= 0)
		return -1;
	text[n] = '\0';
	return strtol(text, NULL, 10);
}

static int explain_no_space(uint64_t flags, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		char path[64] = "/proc/sys/";
		size_t at = strlen(path);

		if (!(flags & namespaces[i].flag))
			continue;
		for (const char *c = namespaces[i].limit; *c != '\0'; c++)
			path[at++] = *c == '.' ? '/' : *c;
		path[at] = '\0';
		if (sysctl_number(path) == 0)
			return error_hint(err, "%s namespaces are forbidden here: sysctl -w %s=N with "
					  "N above 0 allows them", namespaces[i].name,
					  namespaces[i].limit);
	}
	return error_hint(err, "a limit on namespaces is reached: sysctl user.max_*_namespaces, "
			  "or 32 nested user or pid namespaces");
}

static int explain_not_permitted(uint64_t flags, struct error *err)
{
	if (!(flags & CLONE_NEWUSER))
		return error_hint(err, "this needs root, or a user namespace of its own");
	if (sysctl_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return error_hint(err, "user namespaces are for root only here: sysctl -w "
				  "kernel.unprivileged_userns_clone=1 allows them");
	return error_hint(err, "no new user namespace may be made here: the caller is in a chroot, "
			  "or its ids have no mapping, or a security module forbids it");
}

/* What errno alone does not say. */
static int explain(const struct clone_request *request, int number, struct error *err)
{
	error_number(err, number, "make the process");
	switch (number) {
	case EAGAIN:
		return error_hint(err, "the limit of processes is reached: pids.max of the cgroup, "
				  "RLIMIT_NPROC or kernel.pid_max");
	case ENOMEM:
		return request->join_fds[NAMESPACE_PID] >= 0 || request->join_pidfd >= 0 ?
			error_hint(err, "the pid namespace to join may have lost its first process") :
			-1;
	case ENOSPC:
	case EUSERS:
		return explain_no_space(request->flags, err);
	case EPERM:
		return explain_not_permitted(request->flags, err);
	case EACCES:
		return error_hint(err, "the cgroup does not admit processes of this caller");
	case EBUSY:
	case EOPNOTSUPP:
		return error_hint(err, "the cgroup hands controllers down to its children, or is in "
				  "an invalid domain, and so may not hold processes");
	case EINVAL:
		return error_hint(err, "these clone flags do not go together, or the kernel lacks one "
				  "of the namespaces");
	default:
		return -1;
	}
}

/*
 * The time namespace is entered by the child: the kernel (timens_install) wants
 * a process that shares its memory with nobody, which the helper does.
 */
static int child_enter_time(const struct clone_request *request)
{
	if (request->join_fds[NAMESPACE_TIME] >= 0)
		return setns(request->join_fds[NAMESPACE_TIME], CLONE_NEWTIME);
	if (request->join_flags & CLONE_NEWTIME)
		return setns(request->join_pidfd, CLONE_NEWTIME);
	return 0;
}

static _noreturn void child_main(const struct call *call)
{
	if (child_enter_time(call->request) < 0)
		_exit(126);
	pthread_sigmask(SIG_SETMASK, call->mask, NULL);
	_exit(call->function(call->context));
}

/* The one clone3.  extra is CLONE_PARENT when the helper makes it. */
static int clone_once(struct call *call, uint64_t extra)
{
	const struct clone_request *request = call->request;
	struct clone_args args = {
		.flags = request->flags | extra | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&call->result.pidfd,
		/* With CLONE_PARENT the signal is the helper's own, and the kernel wants 0 here. */
		.exit_signal = extra & CLONE_PARENT ? 0 : (uint64_t)request->exit_signal,
	};
	long pid;

	if (request->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)request->cgroup_fd;
	}
	pid = sys_clone3(&args);
	if (pid == 0)
		child_main(call);
	if (pid < 0)
		return explain(request, errno, call->err);
	call->result.pid = (pid_t)pid;
	return 0;
}

static int helper_main(void *context)
{
	struct call *call = context;

	call->status = borrow_enter(call->request, call->err);
	if (call->status == 0)
		call->status = clone_once(call, CLONE_PARENT);
	return 0;
}

/*
 * Measured, with a mount namespace to join (2 cores, Linux 6.18): clone3 from
 * a helper takes 0 to 50 us longer than entering, cloning and coming back by
 * setns, and the container is ready no later (340 against 350 us), as it runs
 * while the helper ends.  Coming back would also have to restore root and
 * working directory, and could fail half-way; so there is one road.
 */
static int clone_by_helper(struct call *call)
{
	_Alignas(16) char stack[HELPER_STACK];
	pid_t helper = clone(helper_main, stack + sizeof(stack),
			     CLONE_VM | CLONE_VFORK | CLONE_FILES | call->request->exit_signal,
			     call);
	int status;

	if (helper < 0)
		return explain(&(struct clone_request){ .join_pidfd = -EBADF }, errno, call->err);
	while (waitpid(helper, &status, __WALL) < 0)
		if (errno != EINTR)
			break;
	return call->status;
}

static bool request_joins(const struct clone_request *request)
{
	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		if (i != NAMESPACE_TIME && request->join_fds[i] >= 0)
			return true;
	return request->join_pidfd >= 0 && (request->join_flags & ~(uint64_t)CLONE_NEWTIME) != 0;
}

int clone_process(const struct clone_request *request, clone_function *function, void *context,
		  struct clone_result *ret, struct error *err)
{
	sigset_t all, mask;
	struct call call = {
		.request = request,
		.function = function,
		.context = context,
		.mask = &mask,
		.result = { .pidfd = -EBADF },
		.err = err,
	};

	/* A handler must not run in the helper, on memory that is ours. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	call.status = error_set(err, "make the process: the helper that joins namespaces was killed");
	call.status = request_joins(request) ? clone_by_helper(&call) : clone_once(&call, 0);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (call.status < 0)
		return -1;
	*ret = call.result;
	return 0;
}

void clone_kill(struct clone_result *child)
{
	if (child->pidfd >= 0) {
		sys_pidfd_send_signal(child->pidfd, SIGKILL);
		while (waitpid(child->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	fd_close(&child->pidfd);
	child->pid = 0;
}
