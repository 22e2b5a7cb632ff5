/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * linux.resources to two complete lists of {file, text}, one for cgroup v1 and
 * one for v2, the numbers converted.  The conversions are pure functions.
 */

/* What a container without linux.resources gets: the rules for the standard devices. */
void resources_default(struct arena *arena, struct resources_plan *resources);

/*
 * cpu.shares (2 to 262144, usually 1024) as cpu.weight (1 to 10000, usually
 * 100): the quadratic through these three points on a logarithmic scale.
 */
uint64_t cpu_weight_from_shares(uint64_t shares);
/* blkio.weight (10 to 1000) as io.weight (1 to 10000), linearly. */
uint64_t io_weight_from_blkio(uint64_t weight);
