/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <linux/seccomp.h>

#include "base/text.h"
#include "config/plan.h"

/*
 * Filters that ask a listener, so that somebody sees the calls: all of them,
 * to make a profile ("kist seccomp record"), or those that a profile refuses,
 * to name them ("kist run --seccomp-log").
 *
 * A process hands its listener over by a sendmsg(2) with FD_SEND_FLAGS, while
 * the filter is on already: that one is let through, and nothing else.
 */

/* Every call, on every architecture, waits for the listener. */
const struct seccomp_plan *seccomp_watch_all(struct arena *arena);
/*
 * The profile with a listener in the place of each error: it must answer with
 * what seccomp_answer() says.  NULL where the filter would be too long.
 */
const struct seccomp_plan *seccomp_watch_errors(struct arena *arena,
						const struct seccomp_plan *profile);
/* What a filter comes to for a call: SECCOMP_RET_* and its data, as the kernel finds it. */
uint32_t seccomp_answer(const struct seccomp_plan *profile, const struct seccomp_data *data);

struct seccomp_call { uint32_t arch, number; };		/* AUDIT_ARCH_*; x32 as the kernel has it */
typedef LIST(struct seccomp_call) seccomp_call_list;
/* Its name, or "system call 999 of x86_64". */
const char *seccomp_call_name(struct arena *arena, struct seccomp_call call);
/* linux.seccomp with what was seen allowed, and EPERM for all else. */
void seccomp_profile_print(struct text *out, const seccomp_call_list *calls);
