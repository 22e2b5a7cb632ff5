/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * Which devices a container may read, write and make, from a list of rules to
 * what the kernel takes.  Pure functions.
 *
 * A later rule overrides an earlier one, each kind of access by itself, and
 * what no rule names is denied.  Source: OCI runtime spec 1.3,
 * config-linux.md, "Allowed Device list".
 */

/* Those that every container gets, behind the configured ones, as with runc and crun. */
void device_rules_add_standard(struct arena *arena, struct resources_plan *resources);

/* device_rules as a BPF_PROG_TYPE_CGROUP_DEVICE program into device_filter, for cgroup v2. */
void device_filter_compile(struct arena *arena, struct resources_plan *resources);

/*
 * device_rules as writes to devices.deny and devices.allow, for cgroup v1, added to list.
 * That knows exact exceptions from one default only.  NULL, or what it cannot express.
 */
const char *device_writes_add(struct arena *arena, const struct resources_plan *resources,
			      cgroup_write_list *list);

/* "c 1:3 rwm", as the kernel and messages write it. */
const char *device_rule_text(struct arena *arena, const struct device_rule *rule);
