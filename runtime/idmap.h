/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "config/plan.h"

/*
 * The uid and gid maps of a process in a new user namespace.  Who has the
 * right writes them itself: root any, everybody one single line that maps its
 * own id (for the gid only after setgroups was denied).  For other maps an
 * ordinary user needs newuidmap(1) and newgidmap(1), which allow what
 * /etc/subuid and /etc/subgid give.
 *
 * pid is a child of ours that was not reaped, so that its number is still its own.
 */
int idmap_write(struct arena *arena, pid_t pid, const id_map_list *uid_maps,
		const id_map_list *gid_maps, struct error *err);
/* The same with a procfs elsewhere.  An empty list is not written. */
int idmap_write_in(struct arena *arena, const char *proc, pid_t pid, const id_map_list *uid_maps,
		   const id_map_list *gid_maps, struct error *err);
