/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * The plan for people and programs: what will be done, in order, with names
 * for the kernel's numbers.  The same plan gives the same text, byte for byte.
 * The text is the JSON laid out in lines, so that both say the same.
 */
enum dump_cgroup { DUMP_CGROUP_NONE, DUMP_CGROUP_V1, DUMP_CGROUP_V2 };	/* whose writes to show */

const char *plan_dump_json(struct arena *arena, const struct plan *plan, enum dump_cgroup cgroup);
const char *plan_dump_text(struct arena *arena, const struct plan *plan, enum dump_cgroup cgroup);
