/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/smoke.h"

/*
 * Where a run happens: a pid and a mount namespace of its own, without privileges a user
 * namespace too, in which it is root.  Nothing that is started inside outlives pid 1 there, the
 * kernel sees to that, whatever kills what:
 *
 *   kist-smoke     what the user sees, and Ctrl-C reaches
 *     keeper       in a session of its own; ends the box when kist-smoke is told to end or is
 *                  killed, then takes away what a killed run left: cgroups, its directory
 *       box        pid 1, killed when the keeper dies; starts kist for each container
 *
 * Should all three be killed at once, the next run collects the directory and its cgroups.
 */
typedef int box_function(struct smoke *smoke, struct error *err);

/*
 * Runs it inside, with smoke->kist, state, work, run_name and rootless set.  Returns its
 * result, an exit status; 128 + N where signal N ended the run before.  -1 and *err: there is
 * no box.  failed() is called in the box for a result of -1, and tells the user.
 */
int box_run(struct smoke *smoke, box_function *inside, void failed(const struct error *err),
	    struct error *err);
