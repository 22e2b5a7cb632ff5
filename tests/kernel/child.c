/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kernel/child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"

int child_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_status(int (*function)(void *), void *context)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(function(context));
	cr_assert(pid > 0);
	return child_wait(pid);
}

void child_copy_program(const char *from, const char *to)
{
	int from_fd = open(from, O_RDONLY | O_CLOEXEC);
	int to_fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	char part[65536];
	ssize_t n;

	cr_assert(from_fd >= 0 && to_fd >= 0);
	while ((n = read(from_fd, part, sizeof(part))) > 0)
		cr_assert_eq(fd_write_all(to_fd, part, (size_t)n), 0);
	close(from_fd);
	close(to_fd);
}

unsigned long child_namespace(pid_t pid, const char *name)
{
	char path[64];
	struct stat st;

	if (pid == 0)
		snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	else
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

void child_deny(int call, int number)
{
	struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)number),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(lines) / sizeof(lines[0]), lines };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(254);
}

void child_need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
}

void child_expect(int (*function)(void *))
{
	child_need_root();
	cr_expect_eq(child_status(function, NULL), 0);
}
