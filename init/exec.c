/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"
#include "config/program.h"
#include "init/seccomp.h"
#include "init/step.h"

/*
 * The kernel's own word on where we are: a directory that leaked in from the
 * host has no path from this root (I9, CVE-2024-21626).
 */
static int directory_check(const char *path, struct error *err)
{
	char where[4096];

	if (syscall(__NR_getcwd, where, sizeof(where)) < 0)
		return error_errno(err, "working directory %s", path);
	if (*where != '/')
		return error_set(err, "working directory %s is outside the container", path);
	return 0;
}

int step_directory(const struct plan *plan, struct init *in, struct error *err)
{
	const char *path = in->process->cwd != NULL ? in->process->cwd : "/";
	_cleanup_fd int fd = path_open(in->root_fd, path, O_PATH | O_DIRECTORY, err);

	if (fd < 0 && err->code == ENOENT && in->process == &plan->process)
		fd = path_make_dir(in->root_fd, path, 0755, err);
	if (fd < 0)
		return error_wrap(err, "chdir");
	if (fchdir(fd) == 0)
		return directory_check(path, err);
	return error_errno(err, "chdir %s", path);
}

/*
 * All fds but those that the program gets go at execve, and not sooner, for the end of the channel
 * is the sign of success.  All later ones are made close-on-exec.
 */
static int fds_close_at_exec(const struct init *in, struct error *err)
{
	int first = 3 + in->preserve_fds;

	if (sys_close_range((unsigned int)first, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return error_errno(err, "close fds from %d on", first);
	return 0;
}

int step_filter_early(const struct plan *plan, struct init *in, struct error *err)
{
	if (!seccomp_is_early(plan, in))
		return 0;
	/* Few profiles of old know close_range. */
	if (fds_close_at_exec(in, err) < 0)
		return -1;
	return seccomp_install(plan, in, err);
}

/* The last of all: comes back only where it fails. */
static int program_exec(const struct plan *plan, struct init *in, struct error *err)
{
	if (seccomp_is_late(plan, in) && seccomp_install(plan, in, err) < 0)
		return -1;
	execve(in->program, in->argv, in->envp);
	return program_explain(in->root_fd, in->program, errno, err);
}

int execve_prepare(const struct plan *plan, struct init *in, struct error *err)
{
	if (seccomp_is_early(plan, in))
		return 0;
	/* The fifo: who hears the end of the other one at execve finds nobody waiting for START. */
	if (in->start.read_fd != in->start.write_fd) {
		fd_close(&in->start.read_fd);
		in->channel.read_fd = -EBADF;
	}
	return fds_close_at_exec(in, err);
}

/*
 * A program may look at /proc/1 at once, and what it finds there must be the
 * init, with the program's credentials, not kist, which it may not look into.
 */
static void init_wait(const struct init *in)
{
	char byte;

	if (in->init_end < 0)
		return;
	while (read(in->init_end, &byte, 1) < 0 && errno == EINTR)
		;
}

int step_exec(const struct plan *plan, struct init *in, struct error *err)
{
	const sigset_t none = { 0 };

	if (in->program == NULL)
		return error_set(err, "there is no process to start: /process is missing");
	/* Also where leave.c has done it for both: the last word on fds is said last. */
	if (execve_prepare(plan, in, err) < 0)
		return -1;
	/* In front of the wait, where there is one: it costs nothing there. */
	signals_default();
	init_wait(in);
	/* Whatever the caller had: who blocks SIGTERM would have a container that does not stop. */
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return error_errno(err, "clear the signal mask");
	return program_exec(plan, in, err);
}
