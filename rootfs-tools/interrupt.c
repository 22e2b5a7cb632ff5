/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"

/* How often it is seen whether we are to stop: a signal just before poll() does not end it. */
#define LOOK_MS		100

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

void interrupt_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	/* No SA_RESTART: what waits is to look again. */
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

int interrupt_check(struct error *err)
{
	int number = caught;

	if (number == 0)
		return 0;
	error_set(err, "stopped by SIG%s", sigabbrev_np(number));
	err->code = EINTR;
	return -1;
}

int interrupt_reap(pid_t pid, int signal, int *ret_status)
{
	_cleanup_fd int fd = sys_pidfd_open(pid, 0);
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	while (fd >= 0 && poll(&ended, 1, LOOK_MS) <= 0)
		if (caught != 0)
			kill(pid, signal);
	return process_reap(pid, ret_status);
}
