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
