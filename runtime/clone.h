/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "config/plan.h"

/*
 * The primitive: one clone3(2), with a pidfd always, from inside namespaces
 * that the child is to share, while the caller's own never change.  The
 * runtime makes containers with it, exec enters them with it, and libkist
 * gives it to everybody.
 *
 * Where something is to be joined, the call is made by a short-lived process
 * that shares the caller's memory and fd table (runtime/borrow.c): it enters
 * the namespaces, clones with CLONE_PARENT, so that the child is the caller's,
 * and goes.  Nothing has to be undone, whatever fails.  Only a mount namespace
 * alone is entered by the caller itself, which comes back, where it has one thread.
 */
typedef int clone_function(void *context);

struct clone_request {
	uint64_t flags;			/* CLONE_*, namespaces and others; CLONE_PIDFD is added */
	int exit_signal;		/* what the caller gets when it ends; SIGCHLD, or 0: none */
	int cgroup_fd;			/* born in this cgroup2 directory, or -EBADF; borrowed */
	int join_pidfd;			/* shares namespaces of this process, or -EBADF; borrowed */
	uint64_t join_flags;		/* which of them: CLONE_NEW* */
	int join_fds[NAMESPACE_COUNT];	/* shares these (nsfs), or -EBADF; borrowed */

	/* libkist's: of CLONE_VM the stack, all of it; and what the flags of these names take. */
	void *stack, *tls;
	size_t stack_size;
	int *parent_tid, *child_tid;
	bool stay;			/* the caller itself enters nothing, at no time */
};
#define CLONE_REQUEST_INIT ((struct clone_request){ \
	.exit_signal = SIGCHLD, .cgroup_fd = -EBADF, .join_pidfd = -EBADF, \
	.join_fds = { -EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF, -EBADF } })

/* What of it the child enters itself, once it is born (runtime/clone.c says why). */
#define CLONE_CHILD_ENTERS	((uint64_t)(CLONE_NEWTIME | CLONE_NEWCGROUP))

/* Whether clone3(2) can make a child with CLONE_VM: runtime/clone_vm.c knows how, by machine. */
#if defined(__x86_64__) || defined(__aarch64__)
#define CLONE3_ON_STACK	1
#else
#define CLONE3_ON_STACK	0
#endif

struct clone_result {
	pid_t pid;			/* in the caller's pid namespace */
	int pidfd;			/* owned, close-on-exec; -EBADF: a thread */
};

/*
 * Runs function(context) in a new process, which ends with what it returns.
 * Says why the kernel refused: EAGAIN, EINVAL, ENOMEM, ENOSPC, EPERM, EUSERS, EBUSY.
 *
 * With CLONE_VM, which joins nothing, the request's stack is used until the child is gone or has
 * called execve; a thread (CLONE_THREAD) ends alone.  What joins must not have CLONE_PARENT.
 */
int clone_process(const struct clone_request *request, clone_function *function, void *context,
		  struct clone_result *ret, struct error *err);
/* Enters what borrow_enter() leaves to the child, for the calling process.  -1 and errno. */
int clone_enter_rest(const struct clone_request *request);
/* The part of it for CLONE_VM; all signals are blocked, mask is the child's.  -1 and errno. */
int clone_vm(const struct clone_request *request, clone_function *function, void *context,
	     const sigset_t *mask, struct clone_result *ret);
/* SIGKILL, and reaped.  A process that is gone is no error; the pidfd is closed. */
void clone_kill(struct clone_result *child);

/* Opens the namespaces that a plan joins by path, in ret_fds; checks the type of each. */
int borrow_open(const struct plan *plan, int ret_fds[NAMESPACE_COUNT], struct error *err);
void borrow_close(int fds[NAMESPACE_COUNT]);
/* Enters what the request joins, in the right order, for the calling process.  clone.c calls it. */
int borrow_enter(const struct clone_request *request, struct error *err);
