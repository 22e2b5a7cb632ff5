/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/clone.h"
#include "runtime/space/space.h"

#define SIGNAL_BITS	UINT64_C(0xff)

/* Every flag of clone(2) that there is. */
#define KNOWN \
	(NAMESPACES | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_PIDFD | \
	 CLONE_PTRACE | CLONE_VFORK | CLONE_PARENT | CLONE_THREAD | CLONE_SYSVSEM | \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | \
	 CLONE_UNTRACED | CLONE_CHILD_SETTID | CLONE_IO | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)

/* Flags that need another, or do not go with it.  Source: clone(2), and kernel/fork.c of 5.15. */
static const struct {
	uint64_t flags, missing;
	const char *why;
} rules[] = {
	{ CLONE_SIGHAND, CLONE_VM,
	  "CLONE_SIGHAND needs CLONE_VM: handlers are addresses in memory that is shared" },
	{ CLONE_THREAD, CLONE_SIGHAND,
	  "CLONE_THREAD needs CLONE_SIGHAND: the threads of a program share its handlers" },
	{ CLONE_SIGHAND | CLONE_CLEAR_SIGHAND, 0,
	  "CLONE_CLEAR_SIGHAND would clear the caller's handlers, which CLONE_SIGHAND shares" },
	{ CLONE_FS | CLONE_NEWNS, 0,
	  "CLONE_FS shares root and working directory, which lie in the mount namespace that "
	  "CLONE_NEWNS makes new" },
	{ CLONE_FS | CLONE_NEWUSER, 0,
	  "CLONE_FS would let who is root in the new user namespace chroot the caller" },
	{ CLONE_SYSVSEM | CLONE_NEWIPC, 0,
	  "CLONE_SYSVSEM shares undo values of semaphores, which CLONE_NEWIPC leaves behind" },
	{ CLONE_THREAD | CLONE_NEWUSER, 0,
	  "CLONE_THREAD: all threads of a program are in one user namespace" },
	{ CLONE_THREAD | CLONE_NEWPID, 0,
	  "CLONE_THREAD: all threads of a program are in one pid namespace" },
	{ CLONE_VM | CLONE_NEWTIME, 0,
	  "CLONE_NEWTIME goes by memory of its own (the vdso), which CLONE_VM shares" },
	{ CLONE_THREAD | CLONE_PIDFD, 0,
	  "CLONE_PIDFD: a pidfd of a thread is refused before Linux 6.9" },
#if !CLONE3_ON_STACK
	{ CLONE_VM | CLONE_INTO_CGROUP, 0,
	  "CLONE_INTO_CGROUP is clone3's, and on this machine a child with CLONE_VM is made by "
	  "clone(2)" },
#endif
};

static int refuse(const char *why, struct error *err)
{
	return error_number(err, EINVAL, "make the process: %s", why);
}

int sized_copy(void *ret, size_t ret_size, const void *from, size_t least, struct error *err)
{
	size_t size;

	memcpy(&size, from, sizeof(size));
	if (size < least)
		return error_number(err, EINVAL, "read the options: size is %zu, not sizeof "
				    "the struct", size);
	for (size_t i = ret_size; i < size; i++)
		if (((const unsigned char *)from)[i] != 0)
			return error_number(err, E2BIG, "read the options: they are of a newer "
					    "libkist than %s", KIST_VERSION);
	memset(ret, 0, ret_size);
	memcpy(ret, from, size < ret_size ? size : ret_size);
	return 0;
}

static int check_flags(const struct kist_options *options, struct error *err)
{
	const uint64_t flags = options->flags;

	if (flags & SIGNAL_BITS & ~(uint64_t)CLONE_NEWTIME)
		return refuse("a signal in the flags: it belongs in exit_signal", err);
	if (flags & ~KNOWN)
		return refuse("a flag that clone(2) does not know", err);
	if ((options->on | options->off) & ~NAMESPACES)
		return refuse("on and off are for namespaces (CLONE_NEW*)", err);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if ((flags & rules[i].flags) == rules[i].flags &&
		    (rules[i].missing == 0 || !(flags & rules[i].missing)))
			return refuse(rules[i].why, err);
	if (flags & CLONE_PARENT && getpid() == 1)
		return refuse("CLONE_PARENT in pid 1: its child would have no parent here", err);
	if (flags & (CLONE_THREAD | CLONE_PARENT) && options->exit_signal != 0)
		return refuse("exit_signal with CLONE_THREAD or CLONE_PARENT: nobody, or the "
			      "caller's own, is told", err);
	return 0;
}

/* What a flag takes is there. */
static int check_values(const struct kist_options *options, struct error *err)
{
	const uint64_t flags = options->flags;

	if (flags & CLONE_SETTLS && options->tls == NULL)
		return refuse("CLONE_SETTLS without tls", err);
	if (flags & CLONE_PARENT_SETTID && options->parent_tid == NULL)
		return refuse("CLONE_PARENT_SETTID without parent_tid", err);
	if (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) && options->child_tid == NULL)
		return refuse("CLONE_CHILD_SETTID or CLONE_CHILD_CLEARTID without child_tid", err);
	if (flags & CLONE_INTO_CGROUP && options->cgroup_fd < 0)
		return refuse("CLONE_INTO_CGROUP without cgroup_fd", err);
	if (options->exit_signal < -1 || options->exit_signal >= NSIG)
		return refuse("exit_signal is no signal", err);
	if ((options->args == NULL || options->args[0] == NULL) == (options->function == NULL))
		return refuse("a program or a function, one of them", err);
	return 0;
}

/* What is set up in the child must be its own, and somebody must be awake to do the rest. */
static int check_set_up(const struct kist_options *options, struct error *err)
{
	const uint64_t flags = options->flags;
	bool stdio = options->stdin_path || options->stdout_path || options->stderr_path ||
		     options->stdin_fd || options->stdout_fd || options->stderr_fd;

	if (flags & CLONE_FILES && stdio)
		return refuse("stdin, stdout or stderr with CLONE_FILES: they are the caller's too",
			      err);
	if (flags & CLONE_FS && (options->root_dir || options->work_dir || options->daemonize))
		return refuse("root_dir, work_dir or daemonize with CLONE_FS: root, working "
			      "directory and umask are the caller's too", err);
	if (flags & CLONE_THREAD && options->function == NULL)
		return refuse("a program with CLONE_THREAD: execve ends all other threads", err);
	if (options->daemonize && flags & (CLONE_VM | CLONE_VFORK | CLONE_FILES))
		return refuse("daemonize with CLONE_VM, CLONE_VFORK or CLONE_FILES: the process "
			      "that stays is another one",
			      err);
	return 0;
}

int space_check(struct kist_options *options, bool joins, struct error *err)
{
	const uint64_t shared = CLONE_VM | CLONE_VFORK | CLONE_FS | CLONE_SYSVSEM | CLONE_IO |
				CLONE_PARENT;

	options->flags = (options->flags | options->on) & ~options->off;
	if (check_flags(options, err) < 0 || check_values(options, err) < 0 ||
	    check_set_up(options, err) < 0)
		return -1;
	if (joins && options->flags & shared)
		return refuse("to join namespaces, a helper makes the process, and this flag would "
			      "share what is the helper's: CLONE_VM, CLONE_VFORK, CLONE_FS, "
			      "CLONE_SYSVSEM, CLONE_IO, CLONE_PARENT", err);
	options->flags &= ~(uint64_t)(CLONE_DETACHED | CLONE_PIDFD);
	if (options->proc_dir == NULL)
		options->proc_dir = "/proc";
	return 0;
}
