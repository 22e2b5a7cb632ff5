/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * The plan for people and programs: what will be done, in order, with names
 * for the kernel's numbers.  The same plan gives the same text, byte for byte.
 * The text is the JSON laid out in lines, so that both say the same.
 *
 * cgroup_version: whose writes to show, 1, 2, or 0 for none.
 */
const char *plan_dump_json(struct arena *arena, const struct plan *plan, int cgroup_version);
const char *plan_dump_text(struct arena *arena, const struct plan *plan, int cgroup_version);
