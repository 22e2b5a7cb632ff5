/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"
#include "base/error.h"

/*
 * The directory of a run on the host: /run/kist-smoke/NAME, $XDG_RUNTIME_DIR/kist-smoke/NAME
 * without privileges.  In it the state of the run's containers (kist's --root), and a directory
 * that the box mounts its tmpfs on.  The keeper holds a lock on it: a directory without one
 * is of a run that was killed, and is taken away with all that its containers left.
 *
 * A second lock, on the state, goes to the box and every runtime that the run starts: killed ones
 * may still be making cgroups for a moment, and only when they are gone is it known what there is.
 */
struct place {
	const char *name;	/* "kist-smoke-3f9c01d2a4b56e78" */
	const char *path, *state, *inside;
	const char *libexec;	/* the folder of the runtime's program, on the host */
	int lock_fd, state_fd; /* owned */
};

int place_make(struct arena *arena, struct place *ret, struct error *err);
/* The containers' remains, then the directory; where one cannot be deleted, the next run tries. */
void place_clean(const struct place *place);
/* Leaves the locks to the keeper, which inherited it. */
void place_release(struct place *place);
