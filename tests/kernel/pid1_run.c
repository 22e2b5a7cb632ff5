/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kernel/pid1_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/kernel/child.h"

static void run_child(const struct start *start, int out)
{
	const char *path = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
	const char *env[] = { path, NULL };
	const uint64_t none = 0;

	/* A failed assertion ends the test's process, and then all of this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
	if (start->terminal > 0) {
		setsid();
		ioctl(start->terminal, TIOCSCTTY, 0);
	} else {
		/* As a shell does: TSTP stops no group that nobody of its session has made. */
		setpgid(0, 0);
	}
	dup2(start->terminal > 0 ? start->terminal : open("/dev/null", O_RDONLY), 0);
	dup2(out, 1);
	dup2(out, 2);
	syscall(SYS_close_range, 3, ~0U, 0);
	if (start->denied > 0)
		child_deny(start->denied, EAGAIN);
	execve(start->file != NULL ? start->file : KIST_INIT, (char *const *)start->args,
	       (char *const *)(start->env != NULL ? start->env : env));
	_exit(255);
}

void run_start(struct run *run, const struct start *start)
{
	int out[2];

	memset(run, 0, sizeof(*run));
	cr_assert(pipe2(out, O_CLOEXEC) == 0);
	run->pid = (pid_t)syscall(SYS_clone, SIGCHLD | (start->pid_namespace ? CLONE_NEWPID : 0),
				  0, 0, 0, 0);
	if (run->pid == 0)
		run_child(start, out[1]);
	cr_assert(run->pid > 0, "clone: %s", strerror(errno));
	close(out[1]);
	run->out = out[0];
}

bool run_expect(struct run *run, const char *what)
{
	struct pollfd poll_fd = { .fd = run->out, .events = POLLIN };

	while (what == NULL || strstr(run->text, what) == NULL) {
		ssize_t size;

		if (poll(&poll_fd, 1, 60000) <= 0)
			return false;
		size = read(run->out, run->text + run->size, sizeof(run->text) - 1 - run->size);
		if (size <= 0)
			return what == NULL;
		run->size += (size_t)size;
	}
	return true;
}

int run_wait(struct run *run)
{
	int pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0), code = -1;
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	if (poll(&poll_fd, 1, 60000) <= 0)
		kill(run->pid, SIGKILL);
	else
		code = 0;
	if (code == 0)
		code = child_wait(run->pid);
	else
		child_wait(run->pid);
	close(pidfd);
	run_expect(run, NULL);
	close(run->out);
	return code;
}

int run_all(struct run *run, const struct start *start)
{
	run_start(run, start);
	return run_wait(run);
}

const char *proc_value(pid_t pid, const char *file, const char *key)
{
	static char line[4096];
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		fclose(f);
		line[strcspn(line, "\n")] = '\0';
		return line + strlen(key);
	}
	if (f != NULL)
		fclose(f);
	return "";
}

int children_of(pid_t pid, pid_t *ret, int room)
{
	char file[64];
	const char *at;
	int count = 0;

	snprintf(file, sizeof(file), "task/%d/children", pid);
	at = proc_value(pid, file, "");
	for (char *end; *at != '\0' && count < room; at = end) {
		pid_t child = (pid_t)strtol(at, &end, 10);

		if (end == at)
			break;
		ret[count++] = child;
	}
	return count;
}

bool state_becomes(pid_t pid, char state)
{
	for (int i = 0; i < 6000; i++) {
		const char *value = proc_value(pid, "status", "State:\t");

		if (value[0] == state)
			return true;
		usleep(10000);
	}
	return false;
}
