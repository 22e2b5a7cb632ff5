/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/run.h"

/* What a container used, from its cgroup, while it runs or when it has ended. */

/* The peak of its memory into the trace; then the container, which was kept for it, is deleted. */
void measure_memory(struct run *run);
/* Processes and threads in it now; 0: not known. */
uint64_t measure_processes(const struct run *run);
/* Whether the kernel killed one of it for want of memory. */
bool measure_out_of_memory(const struct run *run);
