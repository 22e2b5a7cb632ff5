/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/newcomer.h"

#include <poll.h>
#include <string.h>

#include "base/compiler.h"
#include "base/sys.h"
#include "init/channel.h"

/* The first two are our own affair, ignored or not. */
enum { OWN = 2 };
/* How long what was killed may take to end; then how often the wait for it is broken off. */
enum { END_SECONDS = 2, AGAIN_SECONDS = 1 };
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

	if (signal == SIGCHLD) {
		newcomer_signal(SIGCONT);
	} else {
		newcomer_signal(SIGKILL);
		if (signal == SIGALRM && ended_by != 0)
			channel_given_up = 1;
		else
			ended_by = signal;
		alarm(channel_given_up ? AGAIN_SECONDS : END_SECONDS);
	}
	errno = number;
}

void newcomer_begin(struct newcomer *ret, int seconds)
{
	sigset_t set;

	newcomer_fd = -EBADF;
	ended_by = 0;
	channel_given_up = 0;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		/* A wait that SIGALRM has not broken off would go on. */
		struct sigaction action = {
			.sa_handler = take,
			.sa_flags = signals[i] == SIGALRM ? 0 : SA_RESTART,
		};

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

bool newcomer_ended(int pidfd)
{
	struct pollfd end = { pidfd, POLLIN, 0 };
	int n;

	do {
		n = pidfd >= 0 ? poll(&end, 1, -1) : -1;
	} while (pidfd >= 0 && n < 0 && errno == EINTR && !channel_given_up);
	return n == 1;
}

int newcomer_explain(struct error *err)
{
	if (ended_by == SIGALRM)
		error_set(err, "its process did not come to start it in time");
	else if (ended_by != 0)
		error_set(err, "ended by signal %d (%s)", (int)ended_by, strsignal((int)ended_by));
	if (!channel_given_up)
		return -1;
	return error_hint(err, "its process does not end though it was killed: a file system of "
			       "the container's may not answer");
}
