/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/clone.h"

#include <sched.h>
#include <stdbool.h>

#include "base/fd.h"
#include "base/namespace.h"
#include "base/process.h"
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
	for (size_t i = 0; i < NAMESPACE_COUNT; i++) {
		char path[64];

		if (!(flags & (uint64_t)namespaces[i].flag))
			continue;
		snprintf(path, sizeof(path), "/proc/sys/user/%s", namespaces[i].limit);
		if (sysctl_number(path) == 0)
			return error_hint(err, "%s namespaces are forbidden here: sysctl -w "
					  "user.%s=N with N above 0 allows them",
					  namespaces[i].name, namespaces[i].limit);
	}
	return error_hint(err, "a limit on namespaces is reached: sysctl user.max_*_namespaces, "
			  "or 32 nested user or pid namespaces");
}

static int explain_not_permitted(uint64_t flags, struct error *err)
{
	if (!(flags & CLONE_NEWUSER) && geteuid() == 0)
		return error_hint(err,
				  "this needs CAP_SYS_ADMIN, which root of a container lacks, or "
				  "a user namespace of its own");
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
			error_hint(err, "the pid namespace to join may have lost its first "
					"process") :
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
		return error_hint(err, "the cgroup hands controllers down to its children, or is "
				  "in an invalid domain, and so may not hold processes");
	case EINVAL:
		return error_hint(err, "these clone flags do not go together, or the kernel lacks "
				  "one of the namespaces");
	default:
		return -1;
	}
}

/*
 * Entered by the child.  The time namespace, because the kernel (timens_install)
 * wants a process that shares its memory with nobody, which the helper does.
 * The cgroup namespace, because where cgroup2 is mounted with nsdelegate, as
 * systemd does it, a process in one may not be born or moved across its border:
 * clone3 with CLONE_INTO_CGROUP says ENOENT to the helper, which is outside.
 */
int clone_enter_rest(const struct clone_request *request)
{
	static const struct {
		enum namespace_type type;
		int flag;
	} entered[] = { { NAMESPACE_TIME, CLONE_NEWTIME }, { NAMESPACE_CGROUP, CLONE_NEWCGROUP } };
	int flags = (int)(request->join_flags & CLONE_CHILD_ENTERS);

	for (size_t i = 0; i < ARRAY_SIZE(entered); i++)
		if (request->join_fds[entered[i].type] >= 0 &&
		    setns(request->join_fds[entered[i].type], entered[i].flag) < 0)
			return -1;
	return flags != 0 ? setns(request->join_pidfd, flags) : 0;
}

static _noreturn void child_main(const struct call *call)
{
	if (clone_enter_rest(call->request) < 0)
		_exit(126);
	pthread_sigmask(SIG_SETMASK, call->mask, NULL);
	_exit(call->function(call->context));
}

/*
 * Where clone3 is hidden, by a seccomp filter that does not look into its
 * arguments (Docker's default one) or by valgrind 3.19: clone(2), as far as it goes.
 */
static long clone_without_clone3(const struct clone_args *args)
{
	const uint64_t beyond = CLONE_NEWTIME | CLONE_SETTLS | CLONE_PARENT_SETTID |
				CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

	if ((args->flags & (beyond | ~(uint64_t)UINT32_MAX)) != 0) {
		errno = ENOSYS;
		return -1;
	}
#if defined(__s390__)
	return syscall(__NR_clone, 0, args->flags | args->exit_signal, args->pidfd, 0, 0);
#else
	return syscall(__NR_clone, args->flags | args->exit_signal, 0, args->pidfd, 0, 0);
#endif
}

/* The one clone3.  extra is CLONE_PARENT when the helper makes it. */
static int clone_once(struct call *call, uint64_t extra)
{
	const struct clone_request *request = call->request;
	struct clone_args args = {
		.flags = request->flags | extra | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&call->result.pidfd,
		/* With CLONE_PARENT the signal is the helper's own, and the kernel wants 0 here. */
		.exit_signal = (request->flags | extra) & CLONE_PARENT ? 0 :
			       (uint64_t)request->exit_signal,
		.tls = (uint64_t)(uintptr_t)request->tls,
		.parent_tid = (uint64_t)(uintptr_t)request->parent_tid,
		.child_tid = (uint64_t)(uintptr_t)request->child_tid,
	};
	long pid;

	if (request->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)request->cgroup_fd;
	}
	pid = sys_clone3(&args);
	if (pid < 0 && errno == ENOSYS)
		pid = clone_without_clone3(&args);
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

static int clone_by_helper(struct call *call)
{
	_Alignas(16) char stack[HELPER_STACK];
	pid_t helper = clone(helper_main, stack + sizeof(stack),
			     CLONE_VM | CLONE_VFORK | CLONE_FILES | call->request->exit_signal,
			     call);

	if (helper < 0)
		return explain(&CLONE_REQUEST_INIT, errno, call->err);
	process_reap(helper, NULL);
	return call->status;
}

/* Entering a mount namespace changes root and working directory, too. */
struct place {
	int ns_fd, root_fd, cwd_fd;
};

static void place_close(struct place *place)
{
	fd_close(&place->ns_fd);
	fd_close(&place->root_fd);
	fd_close(&place->cwd_fd);
}

static int place_open(struct place *ret)
{
	int ns_fd = namespace_own_mounts();

	*ret = (struct place){
		.ns_fd = ns_fd >= 0 ? ns_fd : open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC),
		.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	if (ret->ns_fd >= 0 && ret->root_fd >= 0 && ret->cwd_fd >= 0)
		return 0;
	place_close(ret);
	return -1;
}

static int place_return(const struct place *place)
{
	return setns(place->ns_fd, CLONE_NEWNS) < 0 || fchdir(place->root_fd) < 0 ||
	       chroot(".") < 0 || fchdir(place->cwd_fd) < 0 ? -1 : 0;
}

/*
 * Where a mount namespace alone is joined, as every container's of the runtime
 * is, the helper is too dear.  It shares our memory from another CPU, so that
 * the kernel has to interrupt that CPU for each change of a page table while
 * clone3 copies them: in a virtual machine 0.1 to 0.7 ms a container.  So we go
 * there ourselves and come back.
 *
 * 1 when done, 0 when it cannot be done so (threads share our root and working
 * directory), -1 and *err.
 */
static int clone_from_mounts(struct call *call)
{
	struct place place;
	int status;

	if (place_open(&place) < 0)
		return 0;
	if (setns(call->request->join_fds[NAMESPACE_MOUNT], CLONE_NEWNS) < 0) {
		place_close(&place);
		return 0;
	}
	status = clone_once(call, 0);
	if (place_return(&place) < 0) {
		/* Nothing that a path leads to would be what the caller means. */
		clone_kill(&call->result);
		status = error_errno(call->err, "return to the own mount namespace");
	}
	place_close(&place);
	return status < 0 ? -1 : 1;
}

static int clone_joined(struct call *call, bool mounts_alone)
{
	int status = mounts_alone && !call->request->stay ? clone_from_mounts(call) : 0;

	return status == 0 ? clone_by_helper(call) : status < 0 ? -1 : 0;
}

/* What has to be joined before the clone. */
static unsigned int request_joins(const struct clone_request *request)
{
	unsigned int joins = 0;

	for (size_t i = 0; i < NAMESPACE_COUNT; i++)
		if (i != NAMESPACE_TIME && i != NAMESPACE_CGROUP && request->join_fds[i] >= 0)
			joins |= 1U << i;
	if (request->join_pidfd >= 0 && (request->join_flags & ~CLONE_CHILD_ENTERS) != 0)
		joins |= 1U << NAMESPACE_COUNT;
	return joins;
}

int clone_process(const struct clone_request *request, clone_function *function, void *context,
		  struct clone_result *ret, struct error *err)
{
	unsigned int joins = request_joins(request);
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
	call.status = error_set(err, "make the process: the helper that joins was killed");
	if (request->flags & CLONE_VM)
		call.status = clone_vm(request, function, context, &mask, &call.result) == 0 ? 0 :
			      explain(request, errno, err);
	else
		call.status = joins == 0 ? clone_once(&call, 0) :
				   clone_joined(&call, joins == 1U << NAMESPACE_MOUNT);
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
		process_reap(child->pid, NULL);
	}
	fd_close(&child->pidfd);
	child->pid = 0;
}
