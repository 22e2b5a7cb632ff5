/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup_internal.h"

int cgroup_systemd_start(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
			 struct error *err)
{
	(void)cgroup, (void)arena, (void)plan;
	return error_set(err, "start a scope: this build has no systemd driver");
}

int cgroup_systemd_update(const struct cgroup *cgroup, struct arena *arena,
			  const struct resources_plan *resources, struct error *err)
{
	(void)cgroup, (void)arena, (void)resources, (void)err;
	return 0;
}

int cgroup_systemd_stop(const struct cgroup *cgroup, struct error *err)
{
	(void)cgroup, (void)err;
	return 0;
}

void cgroup_keeper_end(const struct cgroup *cgroup)
{
	(void)cgroup;
}
