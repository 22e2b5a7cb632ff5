/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "init/step.h"

/*
 * Binds in their place among the other mounts.
 *
 * A mount gets its number when it is made, not when it is attached, and since Linux 6.8
 * /proc/self/mountinfo is sorted by these.  So a bind that stands behind a mount of another kind
 * is only found by the runtime, as an O_PATH fd of its source, and cloned when its turn comes.
 * A clone can only be made in the mount namespace of its source: a process that was born in the
 * small one goes to the runtime's for it and comes back.  No path is walked there: what is
 * cloned is what the runtime has opened.  Binds that stand next to each other are cloned in one
 * visit of ten short system calls.
 *
 * Cloned by the runtime, all in front of the other mounts, are those with an id map, which wants
 * the runtime's /proc, and every bind where the kernel shows no way back (before Linux 6.11).
 * In a copy of the host's mounts they are cloned first, too: a clone that is made later would
 * show the container's own mounts.
 */

/* The plan's mount at index: a bind whose turn comes later. */
bool bind_is_late(const struct plan *plan, size_t index);
/* In init's mount_trees: clones in the place of what was found, from first to the last in a row. */
int bind_clone_late(const struct plan *plan, struct init *in, size_t first, struct error *err);
