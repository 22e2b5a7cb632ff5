/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdbool.h>

#include "base/sys.h"
#include "runtime/clone.h"

/* What a child in our own memory starts from; it stands at the top of the child's stack. */
struct vm_start {
	clone_function *function;
	void *context;
	sigset_t mask;
	uint64_t flags;
};

/* What CLONE_CLEAR_SIGHAND does, for clone(2), which does not know it. */
static void handlers_clear(void)
{
	for (int signal = 1; signal < NSIG; signal++) {
		struct sigaction action;

		if (sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_IGN &&
		    action.sa_handler != SIG_DFL) {
			action = (struct sigaction){ .sa_handler = SIG_DFL };
			sigaction(signal, &action, NULL);
		}
	}
}

static int vm_main(void *context)
{
	struct vm_start *start = context;
	int status;

	if (start->flags & CLONE_CLEAR_SIGHAND)
		handlers_clear();
	pthread_sigmask(SIG_SETMASK, &start->mask, NULL);
	status = start->function(start->context);
	/* libc's clone() ends the thread alone; a process has no other. */
	if (!(start->flags & CLONE_THREAD))
		_exit(status);
	return status;
}

/*
 * clone(2) by libc, because only that can put a new process on another stack.
 * Its CLONE_PIDFD writes where CLONE_PARENT_SETTID does, so there are no both:
 * the pidfd is then opened after, which is safe, as the child is not reaped.
 */
int clone_vm(const struct clone_request *request, clone_function *function, void *context,
	     const sigset_t *mask, struct clone_result *ret)
{
	unsigned char *top = (unsigned char *)request->stack + request->stack_size;
	struct vm_start *start = (struct vm_start *)(void *)
		((uintptr_t)(top - sizeof(*start)) & ~(uintptr_t)63);
	bool single = request->flags & (CLONE_THREAD | CLONE_PARENT);
	bool thread = request->flags & CLONE_THREAD;
	bool by_flag = !thread && !(request->flags & CLONE_PARENT_SETTID);
	unsigned int flags = (unsigned int)(request->flags & UINT32_MAX) |
			     (by_flag ? CLONE_PIDFD : 0) |
			     (single ? 0 : (unsigned int)request->exit_signal);
	pid_t pid;

	*start = (struct vm_start){ function, context, *mask, request->flags };
	pid = clone(vm_main, start, (int)flags, start,
		    by_flag ? &ret->pidfd : request->parent_tid, request->tls,
		    request->child_tid);
	if (pid < 0)
		return -1;
	ret->pid = pid;
	if (!by_flag && !thread)
		ret->pidfd = sys_pidfd_open(pid, 0);
	return 0;
}
