/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * Devices for a container with a new user namespace, where the kernel lets
 * nobody make one.  The host's own node is bound wherever it will do; one that is
 * configured with another mode or owner, or that the host does not have at
 * this path, is made here, by root in the initial user namespace, on a tmpfs
 * that nobody else sees, and goes with its last mount.
 *
 * trees: one per plan->devices, -EBADF each; those that are made are filled
 * in, as detached trees.  What may not be made (no CAP_MKNOD, or a device
 * cgroup of the caller's) is left to init/device.c, which binds and warns.
 */
int device_nodes_make(const struct plan *plan, int *trees, struct error *err);
