/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "pid1.h"
#include "supervisor.h"

/*
 * kist-init: starts or adopts one program, and then is the init that a pid
 * namespace needs.  Read pid1.h first; then this file from the end, loop.c,
 * filter.c.
 */

/* Gives the program the terminal, if it was ours: in "kist-init vi &" it was not. */
static void terminal_give(long fd, pid_t from)
{
	pid_t group = 0, self = (pid_t)sys(__NR_getpid);

	if (fd >= 0 && sys(__NR_ioctl, fd, TIOCGPGRP, &group) == 0 && group == from)
		sys(__NR_ioctl, fd, TIOCSPGRP, &self);
}

static void program_isolate(const struct supervisor *s, pid_t group)
{
	if (s->isolation == ISOLATE_SESSION) {
		sys(__NR_setsid);
		sys(__NR_ioctl, STDIN_FILENO, TIOCSCTTY, 0);
	} else if (s->isolation == ISOLATE_GROUP) {
		sys(__NR_setpgid, 0, 0);
		/* SIGTTOU is still blocked, or this would stop us: we are in the background now. */
		terminal_give(STDIN_FILENO, group);
		terminal_give(sys(__NR_openat, AT_FDCWD, "/dev/tty", O_RDWR | O_CLOEXEC), group);
	}
}

/* Socket activation names the process that it is for; whoever named us meant the program. */
static void program_listen_pid(const struct supervisor *s, char room[32])
{
	struct line old = { 0 }, new = { 0 };

	line_add(&old, "LISTEN_PID=");
	line_number(&old, s->self);
	line_add(&new, "LISTEN_PID=");
	line_number(&new, sys(__NR_getpid));
	memcpy(room, new.text, 32);
	for (char **entry = s->env; *entry != NULL; entry++)
		if (text_equal(*entry, old.text))
			*entry = room;
}

static void program_exec(struct supervisor *s, const uint64_t *signals, pid_t group)
{
	const struct persona *persona = s->persona;
	char listen_pid[32];
	long error;

	program_isolate(s, group);
	program_listen_pid(s, listen_pid);
	sys(__NR_rt_sigprocmask, SIG_SETMASK, signals, NULL, sizeof(*signals));
	error = -exec_path(s->program, s->env);
	say(s, "exec", s->program[0], error);
	sys(__NR_exit_group, error == ENOENT ? persona->exec_missing :
	    error == EACCES ? persona->exec_denied : persona->exec_other);
}

/*
 * As session leader, letting the terminal go sends HUP and CONT to the
 * foreground group, so to us: they are not meant for the program.
 */
static void terminal_drop(struct supervisor *s)
{
	if (sys(__NR_ioctl, STDIN_FILENO, TIOCNOTTY) == 0 && sys(__NR_getsid, 0) == s->self)
		s->swallow = SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGCONT);
}

static int program_start(struct supervisor *s, const uint64_t *signals)
{
	pid_t group = (pid_t)sys(__NR_getpgid, 0);

	if (s->isolation == ISOLATE_SESSION)
		terminal_drop(s);
	s->child = (pid_t)fork_process();
	if (s->child < 0) {
		say(s, "fork", NULL, -s->child);
		return -1;
	}
	if (s->child == 0)
		program_exec(s, signals, group);
	/* The same in both, as shells do it: neither side need wait for the other. */
	if (s->isolation == ISOLATE_GROUP)
		sys(__NR_setpgid, s->child, s->child);
	return 0;
}

static void reaper_become(struct supervisor *s)
{
	if (s->self == 1)
		return;
	if (s->subreaper || s->persona->subreaper)
		sys(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1);
	else if (s->verbosity > 0 && s->isolation == ISOLATE_GROUP)
		say(s, "not pid 1 and no subreaper (-s): orphans go elsewhere", NULL, 0);
	/* Whom "all that is left" means here; only the program where /proc is missing. */
	if (s->grace < 0 && !s->wait_all)
		return;
	s->children_fd = (int)sys(__NR_openat, AT_FDCWD, "/proc/thread-self/children",
				  O_RDONLY | O_CLOEXEC);
}

/* The kernel sends it when the parent ends; the loop forwards it like any other. */
static void parent_watch(const struct supervisor *s, pid_t parent)
{
	if (s->parent_death == 0)
		return;
	sys(__NR_prctl, PR_SET_PDEATHSIG, s->parent_death);
	/* It may have ended before. */
	if (sys(__NR_getppid) != parent)
		sys(__NR_kill, s->self, s->parent_death);
}

/*
 * All 64 are blocked, by the raw call: a libc keeps two or three to itself.  A
 * blocked signal is never ignored, whatever its disposition, and not even
 * pid 1 is spared it: it stays pending until the loop takes it.
 */
static void signals_block(uint64_t *ret_old)
{
	const uint64_t all = ~UINT64_C(0);
	/* struct sigaction as the kernel has it: SIG_DFL, no flags, empty mask. */
	const unsigned long normal[8] = { 0 };

	sys(__NR_rt_sigprocmask, SIG_SETMASK, &all, ret_old, sizeof(all));
	/* Ignored, as we may have inherited it, it would make the kernel reap in our place. */
	sys(__NR_rt_sigaction, SIGCHLD, normal, NULL, sizeof(all));
}

int main(int argc, char **argv)
{
	struct supervisor s = {
		.env = argv + argc + 1,
		.self = (pid_t)sys(__NR_getpid),
		.report_fd = -1, .oom_fd = -1, .children_fd = -1,
	};
	pid_t parent = (pid_t)sys(__NR_getppid);
	uint64_t signals = 0;
	int code = options_parse(&s, argv);

	if (code != 0)
		return code - 1;
	signals_block(&signals);
	if (s.become && credentials_take(&s) < 0)
		return 1;
	reaper_become(&s);
	parent_watch(&s, parent);
	if (report_open(&s) < 0)
		return 1;
	/* The kernel names a program by its fd where it was executed by one (before 6.14). */
	if (s.child != 0)
		sys(__NR_prctl, PR_SET_NAME, PID1_NAME);
	else if (!s.pause && program_start(&s, &signals) < 0)
		return 1;
	privileges_drop(&s);
	return loop_run(&s);
}
