/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/checks.h"

/* What a suite says of a container, as a container; and whether it did what the suite wants. */

/* Everything but root, network and what to run, which is config->args when command is not NULL. */
int suite_config(struct arena *arena, const struct smoke *smoke, const struct suite *suite,
		 const struct suite_container *container, struct container_config *ret,
		 struct error *err);
/* How long it may run: its own timeout, or that of all; nanoseconds. */
uint64_t suite_timeout(const struct smoke *smoke, const struct suite_container *container);
/*
 * How it ended, after run_end(): exit code (default: what it must be where the suite is silent;
 * -1: anything), signal, time, memory, output.
 */
void suite_judge(struct findings *f, struct check *check, const struct suite_container *container,
		 const struct run *run, int default_status);
