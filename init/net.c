/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>

#include "init/net_link.h"
#include "init/step.h"

int step_loopback(const struct plan *plan, struct init *in, struct error *err)
{
	if (!(plan->clone_flags & CLONE_NEWNET) || in->loopback != LOOPBACK_BY_PROCESS)
		return 0;
	in->loopback = LOOPBACK_DONE;
	return loopback_up(err);
}
