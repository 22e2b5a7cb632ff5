/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * Id-mapped mounts: the ids of a detached tree are shown through a user
 * namespace, one made for this with the mount's own maps, or else with the
 * container's.  The caller needs CAP_SYS_ADMIN over the file system.
 */
int idmap_tree(const struct plan *plan, const struct mount_plan *mount, int tree_fd,
	       struct error *err);
/* A user namespace with these maps and no process in it.  Returns an fd. */
int idmap_namespace(id_map_list uid_maps, id_map_list gid_maps, struct error *err);
