/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "init/step.h"

/*
 * Masked and read-only paths.  They are looked for from the mount that they lie in, whatever
 * has become of the path that this was attached to.
 */

/* Whether some of them lie in the mount of that index: then step_mounts leaves it open. */
bool hide_in_mount(const struct plan *plan, size_t i);
