/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"
#include "base/error.h"

/*
 * The directory of a run on the host: /run/kist-smoke/NAME, $XDG_RUNTIME_DIR/kist-smoke/NAME
 * without privileges.  In it the state of the run's containers (kist's --root), and a directory
 * that the box mounts its tmpfs on.  The keeper holds a lock on it: a directory without one
 * is of a run that was killed, and is taken away with all that its containers left.
 */
struct place {
	const char *name;	/* "kist-smoke-3f9c01d2a4b56e78" */
	const char *path, *state, *inside;
	const char *libexec;	/* the folder of the runtime's program, on the host */
	int lock_fd;		/* owned */
};

int place_make(struct arena *arena, struct place *ret, struct error *err);
/* The containers' remains, then the directory. */
void place_clean(const struct place *place);
/* Leaves the lock to the keeper, which inherited it. */
void place_release(struct place *place);
