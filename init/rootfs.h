/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/* The root as a detached tree: root_path's, or where the plan has one the file system's. */
int root_tree_open(const struct plan *plan, struct error *err);
/* Gives a bind of a host's mount the propagation that rootfsPropagation means for all of them. */
int root_detach_from_host(const struct plan *plan, int tree_fd, struct error *err);
