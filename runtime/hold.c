/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hold.h"

static const int enders[] = { SIGINT, SIGTERM, SIGHUP };

void hold_begin(struct hold *hold)
{
	struct sigaction action;

	sigemptyset(&hold->signals);
	for (size_t i = 0; i < ARRAY_SIZE(enders); i++)
		if (sigaction(enders[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&hold->signals, enders[i]);
	hold->held = sigprocmask(SIG_BLOCK, &hold->signals, &hold->mask) == 0;
}

void hold_end(struct hold *hold)
{
	if (hold->held)
		sigprocmask(SIG_SETMASK, &hold->mask, NULL);
	hold->held = false;
}

int hold_pending(const struct hold *hold)
{
	sigset_t pending;

	if (sigpending(&pending) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(enders); i++)
			if (sigismember(&hold->signals, enders[i]) == 1 &&
			    sigismember(&pending, enders[i]) == 1)
				return enders[i];
	return 0;
}
