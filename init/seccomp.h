/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "init/step.h"

/*
 * The system call filter.  It goes in last, so that a profile need not allow
 * what set-up does.  Without no_new_privs the kernel wants CAP_SYS_ADMIN for
 * it, and then it has to go in before the capabilities go: hence two places.
 */
int seccomp_install(const struct plan *plan, struct init *in, struct error *err);
static inline bool seccomp_is_late(const struct plan *plan, const struct init *in)
{
	return plan->seccomp != NULL && in->process->no_new_privileges;
}
static inline bool seccomp_is_early(const struct plan *plan, const struct init *in)
{
	return plan->seccomp != NULL && !in->process->no_new_privileges;
}
