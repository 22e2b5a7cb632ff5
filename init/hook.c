/* SPDX-License-Identifier: Apache-2.0 */
#include "init/hook.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "config/names.h"

/* What the child shares with its parent, which stands still until the child's execve. */
struct start {
	const char *path, *directory;
	char **argv;
	char *const *envp;
	int stdin_fd, output_fd;
	int failure;		/* errno of the execve */
};

static int hook_child(void *context)
{
	struct start *start = context;
	bool inside = start->directory == NULL;
	sigset_t none;

	signals_default();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* It may be gone, behind a poststop hook at the latest. */
	if (!inside && chdir(start->directory) < 0)
		start->directory = NULL;
	/*
	 * In the container the program's filter may be in force, and few profiles of old know
	 * close_range.  There all is close-on-exec but what the program gets, as with runc.
	 */
	if (dup2(start->stdin_fd, STDIN_FILENO) < 0 || dup2(start->output_fd, STDOUT_FILENO) < 0 ||
	    dup2(start->output_fd, STDERR_FILENO) < 0 ||
	    (!inside && sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0))
		start->failure = errno;
	else if (execve(start->path, start->argv, start->envp) < 0)
		start->failure = errno;
	_exit(127);
}

/* The last of what the hook prints. */
struct output {
	char text[512];
	size_t size;
};

static void output_add(struct output *output, const char *data, size_t size)
{
	size_t room = sizeof(output->text) - 1;

	if (size > room) {
		data += size - room;
		size = room;
	}
	if (output->size + size > room) {
		size_t drop = output->size + size - room;

		memmove(output->text, output->text + drop, output->size - drop);
		output->size -= drop;
	}
	memcpy(output->text + output->size, data, size);
	output->size += size;
	output->text[output->size] = '\0';
}

struct running {
	int pidfd, stdin_fd, output_fd;	/* owned */
	const char *state;
	size_t left;			/* of the state, to be written */
	int64_t began; /* clock_us() */
	struct output output;
};

static void state_write(struct running *hook)
{
	ssize_t n = write(hook->stdin_fd, hook->state, hook->left);

	if (n < 0 && errno == EPIPE) {
		/* Ignored, but where it is blocked it would come when it is not ignored. */
		fd_broken_pipe_forget();
		errno = EPIPE;
	}
	if (n > 0) {
		hook->state += n;
		hook->left -= (size_t)n;
	}
	/* A hook need not read it. */
	if (hook->left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		fd_close(&hook->stdin_fd);
}

static void output_read(struct running *hook)
{
	char data[512];
	ssize_t n;

	while ((n = read(hook->output_fd, data, sizeof(data))) > 0)
		output_add(&hook->output, data, (size_t)n);
	if (n == 0)
		fd_close(&hook->output_fd);
}

/* Milliseconds for poll(2), of which one may not be over yet; -1: for ever. */
static int time_left(int64_t deadline)
{
	int64_t left = deadline - clock_ms();

	if (deadline == 0)
		return -1;
	return left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left + 1;
}

/* Until it ends: 1, or 0 when its time is over. */
static int hook_watch(struct running *hook, int64_t deadline, struct error *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{ hook->pidfd, POLLIN, 0 },
			{ hook->output_fd, POLLIN, 0 },
			{ hook->stdin_fd, POLLOUT, 0 },
		};
		int left = time_left(deadline);

		if (left == 0)
			return 0;
		if (poll(fds, ARRAY_SIZE(fds), left) < 0 && errno != EINTR)
			return error_errno(err, "wait for the hook");
		if (fds[2].revents != 0)
			state_write(hook);
		if (fds[1].revents != 0)
			output_read(hook);
		if (fds[0].revents != 0)
			return 1;
	}
}

static const char *output_text(struct running *hook)
{
	char *text = hook->output.text;

	if (hook->output_fd >= 0)
		output_read(hook);
	while (hook->output.size > 0 && text[hook->output.size - 1] == '\n')
		text[--hook->output.size] = '\0';
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20)
			*at = ' ';
	return text;
}

/* What it said on the way, behind *err.  Returns -1. */
static int output_hint(struct running *hook, struct error *err)
{
	return *output_text(hook) != '\0' ? error_hint(err, "%s", hook->output.text) : -1;
}

static int hook_result(struct running *hook, int status, struct error *err)
{
	long long took = clock_us() - hook->began;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		error_set(err, "killed by signal %d after %lld us", WTERMSIG(status), took);
	else
		error_set(err, "exit status %d after %lld us", WEXITSTATUS(status), took);
	return output_hint(hook, err);
}

static int hook_wait(const struct hook_plan *plan, struct running *hook, pid_t pid,
		     struct error *err)
{
	int64_t deadline = 0;
	int status, over;

	if (plan->timeout.set)
		deadline = clock_ms() + (int64_t)plan->timeout.value * 1000;
	over = hook_watch(hook, deadline, err);
	if (over <= 0)
		sys_pidfd_send_signal(hook->pidfd, SIGKILL);
	if (process_reap(pid, &status) < 0)
		return error_errno(err, "wait for the hook");
	if (over < 0)
		return -1;
	if (over == 0) {
		error_set(err, "no end after %llu seconds",
			  (unsigned long long)plan->timeout.value);
		return output_hint(hook, err);
	}
	return hook_result(hook, status, err);
}

static char **hook_argv(const struct hook_plan *plan, struct arena *arena)
{
	char **argv = ARENA_NEWS(arena, plan->args.count + 2, char *);

	argv[0] = (char *)(uintptr_t)plan->path;
	for (size_t i = 0; i < plan->args.count; i++)
		argv[i] = (char *)(uintptr_t)plan->args.items[i];
	return argv;
}

static int hook_start(const struct hook_plan *plan, const char *directory, struct running *hook,
		      struct error *err)
{
	_Alignas(16) static char stack[32768];
	_cleanup_arena struct arena arena = { 0 };
	char **envp = ARENA_NEWS(&arena, plan->env.count + 1, char *);
	_cleanup_fd int in = -EBADF, out = -EBADF;
	struct start start = { .path = plan->path, .directory = directory, .envp = environ };
	pid_t pid;

	for (size_t i = 0; i < plan->env.count; i++)
		envp[i] = (char *)(uintptr_t)plan->env.items[i];
	if (plan->env.count > 0)
		start.envp = envp;
	start.argv = hook_argv(plan, &arena);
	if (fd_pipe(&in, &hook->stdin_fd, err) < 0 || fd_pipe(&hook->output_fd, &out, err) < 0)
		return -1;
	start.stdin_fd = in;
	start.output_fd = out;
	/* Shared memory and a parent that waits: no page tables copied, and errno comes back. */
	pid = clone(hook_child, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &start, &hook->pidfd);
	if (pid < 0)
		return error_errno(err, "start a process");
	if (start.failure == 0)
		return pid;
	process_reap(pid, NULL);
	return error_number(err, start.failure, "exec");
}

int hook_run(const struct hook_plan *plan, const char *directory, const char *state_json,
	     struct error *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	struct running hook = { -EBADF,	  -EBADF,   -EBADF, state_json, strlen(state_json),
				clock_us(), { "", 0 } };
	int rc = -1;
	pid_t pid;

	/* A hook that ends without reading its stdin is no reason to die. */
	sigaction(SIGPIPE, &ignore, &before);
	pid = hook_start(plan, directory, &hook, err);
	if (pid > 0) {
		/* Ours of the two ends alone: the hook's block, as programs expect it. */
		fcntl(hook.stdin_fd, F_SETFL, O_NONBLOCK);
		fcntl(hook.output_fd, F_SETFL, O_NONBLOCK);
		rc = hook_wait(plan, &hook, pid, err);
	}
	sigaction(SIGPIPE, &before, NULL);
	fd_close(&hook.pidfd);
	fd_close(&hook.stdin_fd);
	note("hook %s took %lld us%s%s", plan->path, (long long)(clock_us() - hook.began),
	     *output_text(&hook) != '\0' ? " and said: " : "", hook.output.text);
	fd_close(&hook.output_fd);
	return rc < 0 ? error_wrap(err, "hook %s", plan->path) : 0;
}

int hooks_run(const struct plan *plan, enum hook_moment moment, const char *state_json,
	      struct error *err)
{
	const char *directory = moment == HOOK_START_CONTAINER ? NULL : plan->bundle;
	const hook_list *hooks = &plan->hooks[moment];

	for (size_t i = 0; i < hooks->count; i++)
		if (hook_run(&hooks->items[i], directory, state_json, err) < 0)
			return error_wrap(err, "/hooks/%s/%zu", name_of(hook_names, moment), i);
	return 0;
}
