/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "runtime/hold.h"

/*
 * The programs that are installed beside the runtime, in libexec/kist: kist-rootfs, kist-smoke.
 *
 * The runtime may have been started from a detached mount of that folder
 * (launch.c), so /proc/self/exe does not say where it is.  It is looked for
 * where the launcher looks, from the place of the program that was called.
 */

/*
 * Becomes that program: arguments[0] is the name it is called by.  KIST_PROGRAM in its environment
 * is what it starts for containers.  Returns only with an error.
 */
int beside_become(struct arena *arena, const char *program, const char *const *arguments,
		  struct error *err);
/*
 * Runs it to its end, and takes what it prints; its messages go where ours go.  The result is
 * its exit status.  hold: what waits is passed on to it until it prints; or NULL.
 */
int beside_run(struct arena *arena, const char *program, const char *const *arguments,
	       struct hold *hold, char **ret_output, struct error *err);
