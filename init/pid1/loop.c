/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "supervisor.h"

static void reap(struct supervisor *s)
{
	struct rusage usage;
	int status;
	long pid;

	while ((pid = sys(__NR_wait4, -1, &status, WNOHANG, &usage)) > 0) {
		if (pid == s->child && !s->ended) {
			s->ended = true;
			s->status = status;
			s->usage = usage;
		} else if (s->warn) {
			say_number(s, "reaped orphan", pid);
		}
	}
	s->alone = pid == -ECHILD;
}

/*
 * Our own children, which orphans become; their children follow as these end.
 * kill(-1) is for pid 1 only: elsewhere it means every process of the user.
 */
static void signal_children(const struct supervisor *s, int signal)
{
	char text[256];
	long size, offset = 0;
	pid_t pid = 0;

	if (s->children_fd < 0 && !s->ended)
		sys(__NR_kill, s->child, signal);
	while ((size = sys(__NR_pread64, s->children_fd, text, sizeof(text), offset)) > 0) {
		offset += size;
		for (long i = 0; i < size; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + text[i] - '0';
				continue;
			}
			if (pid > 1)
				sys(__NR_kill, pid, signal);
			pid = 0;
		}
	}
}

static void signal_everyone(const struct supervisor *s, int signal)
{
	if (s->self == 1)
		sys(__NR_kill, -1, signal);
	else
		signal_children(s, signal);
}

static void forward(const struct supervisor *s, int signal, siginfo_t *info)
{
	if (s->verbosity > 1)
		say_number(s, "forward signal", signal);
	/* With --wait-all: the program is gone, and its number may be another's. */
	if (s->ended || s->child == 0) {
		signal_everyone(s, signal);
		return;
	}
	/* No such group: the child has not come to setpgid() or setsid() yet. */
	if (s->group && sys(__NR_kill, -s->child, signal) == 0)
		return;
	/* What sigqueue() sent keeps its value; the kernel lets nobody repeat other infos. */
	if (!s->group && info->si_code == SI_QUEUE &&
	    sys(__NR_rt_sigqueueinfo, s->child, signal, info) == 0)
		return;
	sys(__NR_kill, s->child, signal);
}

/* True when it means the end of a pause. */
static bool take(struct supervisor *s, siginfo_t *info)
{
	int signal = info->si_signo;
	int to = s->rewrite[signal];

	/* Reaping is done on every turn; one that somebody sent is a message. */
	if (signal == SIGCHLD && info->si_code > 0)
		return false;
	/* From our own write(2) to a pipe that nobody reads. */
	if (signal == SIGPIPE && info->si_pid == s->self)
		return false;
	if (s->swallow & SIGNAL_BIT(signal)) {
		s->swallow &= ~SIGNAL_BIT(signal);
		return false;
	}
	if (s->pause)
		return signal == SIGINT || signal == SIGTERM;
	if (s->grace >= 0 && s->deadline == 0 && (s->stop_signals & SIGNAL_BIT(signal)))
		s->deadline = now_ms() + s->grace;
	if (to != 0)
		forward(s, to, info);
	/* So that the shell that started us sees its job stop (where we are not pid 1). */
	if (s->persona->isolation == ISOLATE_SESSION &&
	    (signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU))
		sys(__NR_kill, s->self, SIGSTOP);
	return false;
}

/* Waits for the next signal, or the end of the grace period.  The same as take(). */
static bool wait_signal(struct supervisor *s)
{
	const uint64_t all = ~UINT64_C(0);
	bool limited = s->deadline != 0 && !s->killing;
	int64_t left = limited ? s->deadline - now_ms() : 0;
	struct timespec timeout = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };
	siginfo_t info;

	/* Looked at first: signals that come without a pause must not put it off. */
	if (limited && left <= 0)
		s->killing = true;
	else if (sys(__NR_rt_sigtimedwait, &all, &info, limited ? &timeout : NULL,
		     sizeof(all)) > 0)
		return take(s, &info);
	return false;
}

static int exit_code(const struct supervisor *s)
{
	if (!s->ended && !s->pause) {
		say(s, "the program is not our child", NULL, 0);
		return 127;
	}
	return s->remap[WIFSIGNALED(s->status) ? (128 + WTERMSIG(s->status)) & 0xff :
						 WEXITSTATUS(s->status)];
}

int loop_run(struct supervisor *s)
{
	bool done = false;
	int code;

	while (!done) {
		reap(s);
		if (!s->pause && (s->alone || (s->ended && !s->wait_all)))
			break;
		/* Again on every turn: who was about to fork has a child now, or left us one. */
		if (s->killing)
			signal_everyone(s, SIGKILL);
		done = wait_signal(s);
	}
	code = exit_code(s);
	/* As one that came, rewritten. */
	if (s->isolation == ISOLATE_SESSION && s->ended && s->rewrite[SIGTERM] != 0)
		sys(__NR_kill, -s->child, s->rewrite[SIGTERM]);
	report_write(s, code);
	return code;
}
