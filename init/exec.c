/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "config/program.h"
#include "init/pid1/pid1.h"
#include "init/seccomp.h"
#include "init/step.h"

/*
 * The kernel's own word on where we are: a directory that leaked in from the
 * host has no path from this root (I9, CVE-2024-21626).
 */
static int directory_check(const char *path, struct error *err)
{
	char where[4096];

	if (syscall(__NR_getcwd, where, sizeof(where)) < 0 && errno != ERANGE &&
	    errno != ENAMETOOLONG)
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

/* Its own fds are above those that the caller hands on, or the program would get them. */
static int fds_hand_on(const struct init *in, struct error *err)
{
	int first = 3 + in->preserve_fds;
	const int ours[] = { in->channel.read_fd, in->channel.write_fd, in->start.read_fd,
			     in->start.write_fd, in->init_image, in->root_fd, in->proc_fd };

	for (size_t i = 0; in->preserve_fds > 0 && i < ARRAY_SIZE(ours); i++)
		if (ours[i] >= 3 && ours[i] < first)
			return error_number(err, EBADF, "preserve fds: %d was not open", ours[i]);
	for (int fd = 3; fd < first; fd++)
		if (fcntl(fd, F_SETFD, 0) < 0)
			return error_errno(err, "preserve fd %d", fd);
	return 0;
}

int fds_close_at_exec(const struct init *in, struct error *err)
{
	int first = 3 + in->preserve_fds;

	if (sys_close_range((unsigned int)first, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return error_errno(err, "close fds from %d on", first);
	return 0;
}

/* The last of all: comes back only where it fails. */
static int program_exec(const struct plan *plan, struct init *in, struct error *err)
{
	if (seccomp_is_late(plan, in) && seccomp_install(plan, in, err) < 0)
		return -1;
	execve(in->program, in->argv, in->envp);
	return program_explain(in->root_fd, in->program, errno, err);
}

struct child {
	const struct plan *plan;
	struct init *in;
	int wait[2];		/* a pipe; its end: pid 1 is the init, by name too */
};

/* sd_listen_fds(3) compares it with the program's own pid, known only now. */
static void listen_pid_set(struct init *in, pid_t pid)
{
	for (char **env = (char **)(uintptr_t)in->envp; *env != NULL; env++)
		if (strncmp(*env, "LISTEN_PID=", 11) == 0)
			*env = arena_printf(in->arena, "LISTEN_PID=%d", (int)pid);
}

static int child_prepare(const struct init *in, struct error *err)
{
	if (setsid() < 0)
		return error_errno(err, "start a session");
	if (in->process->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return error_errno(err, "take the terminal");
	return 0;
}

/*
 * The program's process.  A program may look at /proc/1 at once, and what it
 * finds there must be the init, not kist, which it may not look into.
 *
 * Not sanitized: its stack is none that AddressSanitizer knows, and that says so on stderr.
 */
__attribute__((no_sanitize("address"))) static int child_run(void *context)
{
	const struct child *child = context;
	struct init *in = child->in;
	struct error err;
	char byte;
	int rc = child_prepare(in, &err);

	close(child->wait[1]);
	while (read(child->wait[0], &byte, 1) < 0 && errno == EINTR)
		;
	if (rc == 0 && in->start_comes)
		rc = channel_expect(&in->start, MESSAGE_START, &err);
	if (rc == 0 && sigprocmask(SIG_SETMASK, &in->signals, NULL) < 0)
		rc = error_errno(&err, "restore the signal mask");
	if (rc == 0)
		program_exec(child->plan, in, &err);
	error_wrap(&err, "start the program");
	channel_send_error(&in->channel, &err);
	_exit(1);
}

static char *const *init_argv(const struct plan *plan, const struct init *in, pid_t pid)
{
	size_t count = plan->init.options.count + in->process->args.count + 5, at = 0;
	char **argv = ARENA_NEWS(in->arena, count, char *);

	argv[at++] = (char *)(uintptr_t)PID1_NAME;
	for (size_t i = 0; i < plan->init.options.count; i++)
		argv[at++] = (char *)(uintptr_t)plan->init.options.items[i];
	argv[at++] = (char *)(uintptr_t)PID1_CHILD;
	argv[at++] = arena_printf(in->arena, "%d", (int)pid);
	argv[at++] = (char *)(uintptr_t)"--";
	for (size_t i = 0; i < in->process->args.count; i++)
		argv[at++] = (char *)(uintptr_t)in->process->args.items[i];
	return argv;
}

/*
 * The program becomes a child, and this process, pid 1, the init
 * (init/pid1/pid1.h).  The child shares our memory, so that nothing is copied;
 * until we are gone from it, it touches its own stack only.
 */
static int init_exec_image(const struct plan *plan, struct init *in, struct error *err)
{
	_Alignas(16) static char stack[65536];
	static struct child child;
	uint64_t all = UINT64_MAX;
	pid_t pid;

	child = (struct child){ .plan = plan, .in = in };
	/* The init closes its end, as all that it inherits, when it has taken its name. */
	if (pipe2(child.wait, O_CLOEXEC) < 0 || fcntl(child.wait[1], F_SETFD, 0) < 0)
		return error_errno(err, "make a pipe");
	if (syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all)) < 0)
		return error_errno(err, "block signals");
	pid = clone(child_run, stack + sizeof(stack), CLONE_VM | SIGCHLD, &child);
	if (pid < 0)
		return error_errno(err, "start the program's process");
	listen_pid_set(in, pid);
	sys_execveat(in->init_image, "", init_argv(plan, in, pid), in->envp, AT_EMPTY_PATH);
	error_errno(err, "exec the init");
	/* Before the pipe's end tells it to go on. */
	kill(pid, SIGKILL);
	return -1;
}

int step_exec(const struct plan *plan, struct init *in, struct error *err)
{
	if (in->program == NULL)
		return error_set(err, "there is no process to start: /process is missing");
	/* Ignored signals stay ignored over execve, and programs do not expect that of these. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	if ((!seccomp_is_early(plan, in) && fds_close_at_exec(in, err) < 0) ||
	    fds_hand_on(in, err) < 0)
		return -1;
	if (in->init_image >= 0)
		return init_exec_image(plan, in, err);
	if (sigprocmask(SIG_SETMASK, &in->signals, NULL) < 0)
		return error_errno(err, "restore the signal mask");
	return program_exec(plan, in, err);
}
