/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/cgroup/internal.h"

/*
 * The kernel counts the processes that make a container, too, and on v2 it lets
 * none be born in a cgroup whose pids.max is 0, which the spec wants honoured:
 * a limit below what making takes is written once the container is made.
 */
#define TASKS_OF_CREATE	8

static bool is_small(const struct resources_plan *resources)
{
	return resources->pids_limit.set && resources->pids_limit.value >= 0 &&
	       resources->pids_limit.value < TASKS_OF_CREATE;
}

static bool is_tasks(const struct cgroup_write *write)
{
	return strcmp(write->file, "pids.max") == 0;
}

/* Those of a list that limit tasks, or all others. */
static void pick(struct arena *arena, cgroup_write_list *ret, const cgroup_write_list *from,
		 bool tasks)
{
	ret->items = ARENA_NEWS(arena, from->count + 1, struct cgroup_write);
	ret->count = 0;
	LIST_EACH(write, *from)
		if (is_tasks(write) == tasks)
			ret->items[ret->count++] = *write;
}

const struct plan *cgroup_plan_of_create(struct arena *arena, const struct plan *plan)
{
	struct plan *other;

	if (!is_small(&plan->resources))
		return plan;
	other = ARENA_NEW(arena, struct plan);
	*other = *plan;
	pick(arena, &other->resources.v1, &plan->resources.v1, false);
	pick(arena, &other->resources.v2, &plan->resources.v2, false);
	return other;
}

bool cgroup_limits_tasks_late(const struct plan *plan)
{
	return is_small(&plan->resources);
}

int cgroup_limit_tasks(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		       struct error *err)
{
	struct resources_plan tasks = { .listed = true };

	if (!is_small(&plan->resources) || !cgroup_is_used(cgroup))
		return 0;
	pick(arena, &tasks.v1, &plan->resources.v1, true);
	pick(arena, &tasks.v2, &plan->resources.v2, true);
	return cgroup_update(cgroup, arena, &tasks, err);
}
