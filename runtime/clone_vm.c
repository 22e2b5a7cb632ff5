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
 * clone3(2), which alone knows cgroups.  The child returns to a stack with nothing on it, and so to
 * nothing that a compiler made: what it runs is in registers.  CLONE3_ON_STACK (runtime/clone.h)
 * tells where that has been seen to run; elsewhere ENOSYS.
 */
static long clone3_on_stack(struct clone_args *args, int (*function)(void *), void *argument)
{
#if defined(__x86_64__)
	register int (*run)(void *) __asm__("r8") = function;
	register void *with __asm__("r9") = argument;
	long result = SYS_clone3;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r8\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "+a"(result)
			 : "D"(args), "S"(sizeof(*args)), "r"(run), "r"(with), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory", "cc");
	if (result >= 0)
		return result;
	errno = (int)-result;
#elif defined(__aarch64__)
	register long call __asm__("x8") = SYS_clone3;
	register long result __asm__("x0") = (long)(uintptr_t)args;
	register size_t size __asm__("x1") = sizeof(*args);
	register int (*run)(void *) __asm__("x9") = function;
	register void *with __asm__("x10") = argument;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x10\n\t"
			 "blr x9\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc #0\n"
			 "1:"
			 : "+r"(result)
			 : "r"(call), "r"(size), "r"(run), "r"(with), [exit] "i"(SYS_exit)
			 : "memory", "cc");
	if (result >= 0)
		return result;
	errno = (int)-result;
#else
	(void)args;
	(void)function;
	(void)argument;
	errno = ENOSYS;
#endif
	return -1;
}

static int clone_vm_into(const struct clone_request *request, struct vm_start *start,
			 struct clone_result *ret)
{
	bool thread = request->flags & CLONE_THREAD;
	bool single = request->flags & (CLONE_THREAD | CLONE_PARENT);
	struct clone_args args = {
		.flags = request->flags | CLONE_INTO_CGROUP | (thread ? 0 : CLONE_PIDFD),
		.pidfd = (uint64_t)(uintptr_t)&ret->pidfd,
		.exit_signal = single ? 0 : (uint64_t)request->exit_signal,
		.stack = (uint64_t)(uintptr_t)request->stack,
		.stack_size = (uint64_t)((unsigned char *)start - (unsigned char *)request->stack),
		.tls = (uint64_t)(uintptr_t)request->tls,
		.parent_tid = (uint64_t)(uintptr_t)request->parent_tid,
		.child_tid = (uint64_t)(uintptr_t)request->child_tid,
		.cgroup = (uint64_t)request->cgroup_fd,
	};
	long pid;

	/* The kernel's to do, here. */
	start->flags &= ~(uint64_t)CLONE_CLEAR_SIGHAND;
	pid = clone3_on_stack(&args, vm_main, start);
	if (pid < 0)
		return -1;
	ret->pid = (pid_t)pid;
	return 0;
}

/*
 * clone(2) by libc, which can put a new process on another stack on every machine.
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
	if (request->cgroup_fd >= 0)
		return clone_vm_into(request, start, ret);
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
