/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <signal.h>
#include <stdbool.h>

#include "base/compiler.h"

/*
 * From the making of something that is a container's until there is the container: what asks us
 * to end (SIGINT, SIGTERM, SIGHUP, where they are not ignored) waits, so that it is not left
 * behind.  Then the container is told, or we end of it.
 */
struct hold {
	bool held;
	sigset_t signals, mask;		/* what waits, and what was blocked before */
};
#define HOLD_NONE	((struct hold){ .held = false })

void hold_begin(struct hold *hold);
/* Puts the mask back: what has come ends us here. */
void hold_end(struct hold *hold);
#define _cleanup_hold _cleanup(hold_end)
/* One that waits, or 0. */
int hold_pending(const struct hold *hold);
