/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command/newcomer.h"

#include <string.h>

#include "base/compiler.h"
#include "base/sys.h"

/* The first two are our own affair, ignored or not. */
enum { OWN = 2 };
static const int signals[NEWCOMER_SIGNALS] = { SIGCHLD, SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM };

static volatile sig_atomic_t newcomer_fd, ended_by;

static void newcomer_signal(int signal)
{
	if (newcomer_fd >= 0)
		sys_pidfd_send_signal(newcomer_fd, signal);
}

/* SIGCHLD: it was stopped, or nothing happened that a SIGCONT changes. */
static void take(int signal)
{
	int number = errno;

	if (signal != SIGCHLD)
		ended_by = signal;
	newcomer_signal(signal == SIGCHLD ? SIGCONT : SIGKILL);
	errno = number;
}

void newcomer_begin(struct newcomer *ret, int seconds)
{
	struct sigaction action = { .sa_handler = take, .sa_flags = SA_RESTART };
	sigset_t set;

	newcomer_fd = -EBADF;
	ended_by = 0;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaction(signals[i], NULL, &ret->actions[i]);
		if (i < OWN || ret->actions[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, &ret->mask);
	alarm((unsigned int)seconds);
}

void newcomer_born(int pidfd)
{
	newcomer_fd = pidfd;
	/* What came before it was known. */
	newcomer_signal(ended_by != 0 ? SIGKILL : SIGCONT);
}

int newcomer_end(const struct newcomer *newcomer)
{
	unsigned int left = alarm(0);

	newcomer_fd = -EBADF;
	sigprocmask(SIG_SETMASK, &newcomer->mask, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &newcomer->actions[i], NULL);
	return (int)left;
}

int newcomer_explain(struct error *err)
{
	if (ended_by == SIGALRM)
		return error_set(err, "its process did not come to start it in time");
	return ended_by == 0 ? -1 : error_set(err, "ended by signal %d (%s)", (int)ended_by,
					      strsignal((int)ended_by));
}
