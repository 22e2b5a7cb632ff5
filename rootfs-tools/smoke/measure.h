/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/run.h"

/*
 * What a container used, from its cgroup: the peak of its memory into the trace; then the
 * container, which was kept for it, is deleted.
 */
void measure_memory(struct run *run);
