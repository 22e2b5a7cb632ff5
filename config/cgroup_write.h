/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/* Adds a write behind the list and returns it, for its flags. */
struct cgroup_write *cgroup_write_add(struct arena *arena, cgroup_write_list *list,
				      const char *controller, const char *file, const char *text);
