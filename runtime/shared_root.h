/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sched.h>

#include "config/plan.h"

/*
 * A container in a mount namespace that is not its own: the caller's, where the
 * configuration has none, or one joined by path.  Its root is mounted there on
 * its own directory, in sight of all others, and nothing but the container's
 * end takes it away.  Before it is made the journal notes what is mounted at
 * that place by then; what covers that later is ours.
 */
static inline bool root_is_shared(const struct plan *plan)
{
	return !(plan->clone_flags & CLONE_NEWNS);
}

/* Before the process is made. */
int shared_root_note(int journal_fd, struct arena *arena, const struct plan *plan,
		     struct error *err);
/* Once it has ended; a namespace that is gone took its mounts with it. */
int shared_root_remove(int journal_fd, struct arena *arena, struct error *err);
