/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/json_write.h"
#include "config/names.h"
#include "config/plan.h"

/* Parts of a dump: names for bits, and the larger objects. */

/* The names of all bits of value that the table has, and the rest as one "0x..." word. */
void dump_bits(struct json_writer *w, const char *key, const struct name *table, uint64_t value);
/* The name of the value, or the number when it has none. */
void dump_named(struct json_writer *w, const char *key, const struct name *table, uint64_t value);
/* The names of all capabilities in set: an array, as config.json has it. */
void dump_capabilities(struct json_writer *w, const char *key, uint64_t set);
void dump_mount(struct json_writer *w, const struct mount_plan *mount);
void dump_maps(struct json_writer *w, const char *key, const id_map_list *maps);
/* The members of a process that take effect in "set limits" and "set credentials". */
void dump_limits(struct json_writer *w, const struct process_plan *process);
void dump_credentials(struct json_writer *w, const struct process_plan *process);
void dump_cgroup_writes(struct json_writer *w, const cgroup_write_list *list);
void dump_device_rules(struct json_writer *w, const struct resources_plan *resources);
