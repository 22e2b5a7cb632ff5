/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "init/step.h"

/*
 * A mount of type "cgroup": cgroup2 on a unified host; elsewhere a tmpfs with
 * a directory per v1 hierarchy, as the container sees them in its cgroup
 * namespace, or, without one, each from the container's own cgroup down.
 */
int cgroup_mount(const struct plan *plan, struct init *in, const struct mount_plan *mount,
		 int target_fd, struct error *err);
