/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/finding.h"

/*
 * What "kist check" adds to plan_diagnose(): the plan held against this host
 * and the root file system.  Reads only.  Findings come in the order in which the
 * container would meet them.
 *
 * diagnosis: as plan_diagnose() has filled it, for the positions are those of its tree.
 * cgroup_version: what the host has, 1 (with a hybrid host), 2, or 0 for none.
 */
void plan_lint(struct arena *arena, const struct plan *plan, int cgroup_version,
	       struct diagnosis *diagnosis);
