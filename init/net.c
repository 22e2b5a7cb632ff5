/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>

#include "init/net_link.h"
#include "init/step.h"

int step_loopback(const struct plan *plan, struct init *in, struct error *err)
{
	return (plan->clone_flags & CLONE_NEWNET) && !in->loopback_beside ? loopback_up(err) : 0;
}
