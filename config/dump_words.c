/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dump_words.h"

#include <inttypes.h>

#include "base/sys.h"
#include "config/device_filter.h"
#include "config/mount_option.h"

void dump_named(struct json_writer *w, const char *key, const struct name *table, uint64_t value)
{
	const char *name = name_of(table, value);

	if (name != NULL)
		json_write_string(w, key, name);
	else
		json_write_u64(w, key, value);
}

void dump_bits(struct json_writer *w, const char *key, const struct name *table, uint64_t value)
{
	json_write_array(w, key);
	for (const struct name *row = table; row->name != NULL; row++) {
		if (row->value == 0 || (value & row->value) != row->value)
			continue;
		json_write_string(w, NULL, row->name);
		value &= ~row->value;
	}
	if (value != 0)
		json_write_string(w, NULL,
				  arena_printf(w->text.arena, "%#" PRIx64, value));
	json_write_end(w);
}

/* --- mounts ---------------------------------------------------------------------- */

/* MOUNT_ATTR_* back to the words of the spec; the access time is a number among the bits. */
static void dump_attributes(struct json_writer *w, enum mount_option_kind kind, uint64_t set,
			    uint64_t clear)
{
	bool times = clear & MOUNT_ATTR__ATIME;

	for (const struct mount_option *row = mount_options; row->name != NULL; row++) {
		bool read_only = row->kind == OPTION_READ_ONLY && kind == OPTION_ATTR;
		bool time = row->value == MOUNT_ATTR_RELATIME ||
			    (row->value & MOUNT_ATTR__ATIME) != 0;

		if (row->kind != kind && !read_only)
			continue;
		if (time ? times && !row->clear && (set & MOUNT_ATTR__ATIME) == row->value :
		    ((row->clear ? clear : set) & row->value) != 0)
			json_write_string(w, NULL, row->name);
	}
}

static void dump_rows(struct json_writer *w, enum mount_option_kind kind, uint64_t set,
		      uint64_t clear)
{
	uint64_t seen[2] = { 0, 0 };

	for (const struct mount_option *row = mount_options; row->name != NULL; row++) {
		if (row->kind != kind || !((row->clear ? clear : set) & row->value) ||
		    (seen[row->clear] & row->value))
			continue;
		json_write_string(w, NULL, row->name);
		seen[row->clear] |= row->value;
	}
}

static void dump_mount_flags(struct json_writer *w, unsigned int flags)
{
	static const struct name names[] = {
		{ "rbind", MOUNT_BIND | MOUNT_RECURSIVE },
		{ "bind", MOUNT_BIND },
		{ "remount", MOUNT_REMOUNT },
		{ "tmpcopyup", MOUNT_TMPCOPYUP },
		{ "ridmap", MOUNT_IDMAP | MOUNT_IDMAP_RECURSIVE },
		{ "idmap", MOUNT_IDMAP },
		{ "copy-symlink", MOUNT_COPY_SYMLINK },
		{ "src-nofollow", MOUNT_SOURCE_NOFOLLOW },
		{ "dest-nofollow", MOUNT_DESTINATION_NOFOLLOW },
		{ NULL, 0 },
	};

	for (const struct name *row = names; row->name != NULL; row++) {
		if ((flags & row->value) != row->value)
			continue;
		json_write_string(w, NULL, row->name);
		flags &= ~(unsigned int)row->value;
	}
}

void dump_mount(struct json_writer *w, const struct mount_plan *mount)
{
	json_write_string(w, "on", mount->destination);
	if (mount->type != NULL)
		json_write_string(w, "type", mount->type);
	if (mount->source != NULL)
		json_write_string(w, "source", mount->source);
	if (mount->data != NULL)
		json_write_string(w, "data", mount->data);
	json_write_array(w, "options");
	dump_mount_flags(w, mount->flags);
	dump_attributes(w, OPTION_ATTR, mount->attr_set, mount->attr_clear);
	dump_attributes(w, OPTION_ATTR_RECURSIVE, mount->recursive_set, mount->recursive_clear);
	dump_rows(w, OPTION_SUPER, mount->super_set, mount->super_clear);
	for (size_t i = 0; i < ARRAY_SIZE(mount->propagation); i++)
		for (const struct mount_option *row = mount_options; row->name != NULL; row++)
			if (row->kind == OPTION_PROPAGATION && row->value == mount->propagation[i])
				json_write_string(w, NULL, row->name);
	json_write_end(w);
	dump_maps(w, "uid maps", &mount->uid_maps);
	dump_maps(w, "gid maps", &mount->gid_maps);
}

/* --- ids, limits ------------------------------------------------------------------- */

void dump_maps(struct json_writer *w, const char *key, const id_map_list *maps)
{
	if (maps->count == 0)
		return;
	json_write_array(w, key);
	LIST_EACH(map, *maps) {
		json_write_object(w, NULL);
		json_write_u64(w, "inside", map->container);
		json_write_u64(w, "outside", map->host);
		json_write_u64(w, "size", map->size);
		json_write_end(w);
	}
	json_write_end(w);
}

static void dump_rlimit(struct json_writer *w, const char *key, uint64_t value)
{
	if (value == RLIM_INFINITY)
		json_write_string(w, key, "unlimited");
	else
		json_write_u64(w, key, value);
}

static void dump_scheduler(struct json_writer *w, const struct scheduler_plan *scheduler)
{
	json_write_object(w, "scheduler");
	dump_named(w, "policy", scheduler_names, scheduler->policy);
	json_write_i64(w, "nice", scheduler->nice);
	json_write_i64(w, "priority", scheduler->priority);
	if (scheduler->flags != 0)
		dump_bits(w, "flags", scheduler_flag_names, scheduler->flags);
	if (scheduler->runtime != 0 || scheduler->deadline != 0 || scheduler->period != 0) {
		json_write_u64(w, "runtime ns", scheduler->runtime);
		json_write_u64(w, "deadline ns", scheduler->deadline);
		json_write_u64(w, "period ns", scheduler->period);
	}
	json_write_end(w);
}

void dump_limits(struct json_writer *w, const struct process_plan *process)
{
	if (process->io_priority.set) {
		dump_named(w, "io class", io_class_names, process->io_priority.value >> 13);
		json_write_u64(w, "io priority", process->io_priority.value & 0x1fff);
	}
	if (process->cpu_affinity_initial != NULL)
		json_write_string(w, "cpus at first", process->cpu_affinity_initial);
	if (process->cpu_affinity_final != NULL)
		json_write_string(w, "cpus", process->cpu_affinity_final);
	if (process->scheduler.set)
		dump_scheduler(w, &process->scheduler);
	if (process->rlimits.count == 0)
		return;
	json_write_array(w, "rlimits");
	LIST_EACH(limit, process->rlimits) {
		json_write_object(w, NULL);
		dump_named(w, "type", rlimit_names, (uint64_t)limit->resource);
		dump_rlimit(w, "soft", limit->soft);
		dump_rlimit(w, "hard", limit->hard);
		json_write_end(w);
	}
	json_write_end(w);
}

void dump_capabilities(struct json_writer *w, const char *key, uint64_t set)
{
	json_write_array(w, key);
	for (const struct name *row = capability_names; row->name != NULL; row++)
		if (set >> row->value & 1)
			json_write_string(w, NULL, row->name);
	json_write_end(w);
}

void dump_credentials(struct json_writer *w, const struct process_plan *process)
{
	json_write_u64(w, "uid", process->uid);
	json_write_u64(w, "gid", process->gid);
	if (process->umask.set)
		json_write_string(w, "umask", arena_printf(w->text.arena, "%04" PRIo64,
							   process->umask.value));
	json_write_bool(w, "no new privileges", process->no_new_privileges);
	if (process->additional_gids.count > 0) {
		json_write_array(w, "groups");
		LIST_EACH(gid, process->additional_gids)
			json_write_u64(w, NULL, *gid);
		json_write_end(w);
	}
	if (!process->has_capabilities)
		return;
	for (const struct name *row = capability_set_names; row->name != NULL; row++)
		dump_capabilities(w, row->name, process->capabilities[row->value]);
}

/* --- cgroup -------------------------------------------------------------------------- */

void dump_cgroup_writes(struct json_writer *w, const cgroup_write_list *list)
{
	if (list->count == 0)
		return;
	json_write_array(w, "writes");
	LIST_EACH(write, *list) {
		json_write_object(w, NULL);
		json_write_string(w, "file", write->file);
		json_write_string(w, "text", write->text);
		if (write->alternative)
			json_write_bool(w, "only if the one before is missing", true);
		else if (write->optional)
			json_write_bool(w, "optional", true);
		json_write_end(w);
	}
	json_write_end(w);
}

void dump_device_rules(struct json_writer *w, const struct resources_plan *resources)
{
	if (resources->device_rules.count == 0)
		return;
	json_write_array(w, "device rules");
	LIST_EACH(rule, resources->device_rules)
		json_write_string(w, NULL,
				  arena_printf(w->text.arena, "%s %s",
					       rule->allow ? "allow" : "deny",
					       device_rule_text(w->text.arena, rule)));
	json_write_end(w);
}
