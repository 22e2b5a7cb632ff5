/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor ROOT PROGRAM: the least that makes a container.  One clone3 with the
 * namespaces of runc's default bundle, a bind of the root, /proc, pivot_root,
 * execve, wait; nothing else is done, checked or cleaned up.  A runtime's time
 * is given as a multiple of this program's.
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP	0x02000000
#endif

/* <linux/sched.h> is not there for musl-gcc. */
struct clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
	uint64_t stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static int fail(const char *what)
{
	perror(what);
	_exit(1);
}

static void inside(const char *root, char *program)
{
	char *args[] = { program, NULL }, *env[] = { NULL };

	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		fail("make / slave");
	if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(root) < 0)
		fail(root);
	if (mount("proc", "proc", "proc", 0, NULL) < 0)
		fail("mount proc");
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		fail("pivot_root");
	execve(program, args, env);
	fail(program);
}

int main(int argc, char **argv)
{
	struct clone_args clone;
	int status;
	pid_t pid;

	if (argc != 3)
		return 2;
	memset(&clone, 0, sizeof(clone));
	clone.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
		      CLONE_NEWCGROUP;
	clone.exit_signal = SIGCHLD;
	pid = (pid_t)syscall(SYS_clone3, &clone, sizeof(clone));
	if (pid == 0)
		inside(argv[1], argv[2]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		fail("clone3");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
