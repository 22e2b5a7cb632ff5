/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/wait.h"

#include <poll.h>
#include <sys/signalfd.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "runtime/notify.h"

/*
 * Behind nohup(1), or in the background of a shell: what the terminal sends to all that was started
 * from it is not for us, and so not for the program, which does not ignore it itself.
 */
static void leave_ignored(sigset_t *signals)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT };
	struct sigaction action;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			sigdelset(signals, numbers[i]);
}

int wait_open(struct wait *ret, struct error *err)
{
	sigset_t all;

	*ret = WAIT_NONE;
	/*
	 * Faults of our own still end us while blocked: the kernel forces those.
	 * SIGCHLD is ours: the pidfd says the same better.
	 */
	sigfillset(&all);
	sigdelset(&all, SIGCHLD);
	leave_ignored(&all);
	if (sigprocmask(SIG_BLOCK, &all, &ret->mask) < 0)
		return error_errno(err, "block signals");
	ret->blocked = true;
	ret->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (ret->signal_fd < 0) {
		error_errno(err, "make a signalfd");
		wait_close(ret);
		return -1;
	}
	return 0;
}

void wait_close(struct wait *wait)
{
	fd_close(&wait->signal_fd);
	if (wait->blocked)
		sigprocmask(SIG_SETMASK, &wait->mask, NULL);
	wait->blocked = false;
}

int wait_exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void forward(const struct wait *wait, int pidfd, struct console *console)
{
	struct signalfd_siginfo info;

	while (read(wait->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		int signal = (int)info.ssi_signo;

		/* Our own write to a reader that is gone. */
		if (signal == SIGPIPE && info.ssi_pid == (uint32_t)getpid())
			continue;
		if (signal == SIGWINCH && console != NULL) {
			console_resize(console);
			continue;
		}
		/* Gone already: its status comes next. */
		sys_pidfd_send_signal(pidfd, signal);
	}
}

static int reap(pid_t pid, int *ret_status, struct error *err)
{
	int status;

	if (process_reap(pid, &status) < 0)
		return error_errno(err, "wait for process %d", pid);
	*ret_status = wait_exit_status(status);
	return 0;
}

int wait_foreground(struct wait *wait, pid_t pid, int pidfd, struct console *console,
		    int *ret_status, struct error *err)
{
	struct pollfd fds[3 + CONSOLE_POLLS] = {
		{ pidfd, POLLIN, 0 },
		{ wait->signal_fd, POLLIN, 0 },
		{ wait->notify != NULL ? wait->notify->socket : -1, POLLIN, 0 },
	};
	nfds_t count = console != NULL ? ARRAY_SIZE(fds) : 3;

	for (;;) {
		if (console != NULL)
			console_poll(console, fds + 3);
		if (poll(fds, count, console != NULL ? console_poll_ms(console) : -1) < 0) {
			if (errno == EINTR)
				continue;
			return error_errno(err, "wait for process %d", pid);
		}
		if (fds[1].revents != 0)
			forward(wait, pidfd, console);
		if (fds[2].revents != 0)
			notify_pass(wait->notify);
		if (console != NULL)
			console_move(console, fds + 3);
		if (fds[0].revents != 0)
			break;
	}
	if (console != NULL)
		console_drain(console);
	return reap(pid, ret_status, err);
}
