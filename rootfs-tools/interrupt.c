/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

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
