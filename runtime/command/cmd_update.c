/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "config/make_value.h"
#include "config/section.h"
#include "runtime/command/command.h"
#include "runtime/container.h"

/*
 * New limits for a container that runs: a linux.resources object from a file,
 * or one made here from the flags, so that both go through the same decoder.
 */
struct update_options {
	const char *resources;
	const char *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_share;
	const char *cpu_rt_period, *cpu_rt_runtime, *cpu_idle, *cpuset_cpus, *cpuset_mems;
	const char *memory, *memory_reservation, *memory_swap, *pids_limit;
	const char *kernel_memory, *kernel_memory_tcp, *l3_cache_schema, *mem_bw_schema;
};

#define ROW(name, member, value, help) \
	OPTION_ROW_WORD(name, 0, struct update_options, member, value, help)

static const struct option options[] = {
	OPTION_ROW_WORD("resources", 'r', struct update_options, resources, "FILE",
			"a JSON object as linux.resources of config.json; \"-\": stdin"),
	ROW("blkio-weight", blkio_weight, "N", "weight of block IO, 10 to 1000"),
	ROW("cpu-period", cpu_period, "USEC", "period of --cpu-quota"),
	ROW("cpu-quota", cpu_quota, "USEC", "CPU time in a period; -1: no limit"),
	ROW("cpu-burst", cpu_burst, "USEC", "what may be saved up of it"),
	ROW("cpu-share", cpu_share, "N", "weight of CPU time, 2 to 262144"),
	ROW("cpu-rt-period", cpu_rt_period, "USEC", "period of --cpu-rt-runtime"),
	ROW("cpu-rt-runtime", cpu_rt_runtime, "USEC", "real-time CPU time in a period"),
	ROW("cpu-idle", cpu_idle, "0|1", "run only when nothing else does"),
	ROW("cpuset-cpus", cpuset_cpus, "LIST", "CPUs to use, \"0-3,7\""),
	ROW("cpuset-mems", cpuset_mems, "LIST", "memory nodes to use"),
	ROW("memory", memory, "BYTES", "memory limit; -1: none"),
	ROW("memory-reservation", memory_reservation, "BYTES", "memory below which none is taken"),
	ROW("memory-swap", memory_swap, "BYTES", "memory and swap together; -1: no limit"),
	ROW("pids-limit", pids_limit, "N", "processes and threads; -1: no limit"),
	ROW("kernel-memory", kernel_memory, "BYTES", NULL),
	ROW("kernel-memory-tcp", kernel_memory_tcp, "BYTES", NULL),
	ROW("l3-cache-schema", l3_cache_schema, "TEXT", "share of cache, for intelRdt: L3:0=f"),
	ROW("mem-bw-schema", mem_bw_schema, "TEXT", "memory bandwidth, for intelRdt: MB:0=20"),
	{ 0 },
};

/* Which member of which object a flag is, in the order of the objects. */
static const struct {
	const char *object, *key;
	size_t offset;
	bool string;
} members[] = {
	{ "blockIO", "weight", offsetof(struct update_options, blkio_weight), false },
	{ "cpu", "period", offsetof(struct update_options, cpu_period), false },
	{ "cpu", "quota", offsetof(struct update_options, cpu_quota), false },
	{ "cpu", "burst", offsetof(struct update_options, cpu_burst), false },
	{ "cpu", "shares", offsetof(struct update_options, cpu_share), false },
	{ "cpu", "realtimePeriod", offsetof(struct update_options, cpu_rt_period), false },
	{ "cpu", "realtimeRuntime", offsetof(struct update_options, cpu_rt_runtime), false },
	{ "cpu", "idle", offsetof(struct update_options, cpu_idle), false },
	{ "cpu", "cpus", offsetof(struct update_options, cpuset_cpus), true },
	{ "cpu", "mems", offsetof(struct update_options, cpuset_mems), true },
	{ "memory", "limit", offsetof(struct update_options, memory), false },
	{ "memory", "reservation", offsetof(struct update_options, memory_reservation), false },
	{ "memory", "swap", offsetof(struct update_options, memory_swap), false },
	{ "pids", "limit", offsetof(struct update_options, pids_limit), false },
};

/* "512M" as bytes; anything else stays, for the decoder to judge. */
static const char *bytes_text(struct arena *arena, const char *value)
{
	int64_t bytes;

	return size_parse(value, &bytes) ? arena_printf(arena, "%lld", (long long)bytes) : value;
}

static const char *flag_of(size_t offset)
{
	const struct option *row = options;

	while (row->offset != offset)
		row++;
	return row->name;
}

/* The value of members[i] as JSON has it. */
static int member_add(struct text *out, size_t i, const char *value, struct error *err)
{
	bool size = strcmp(members[i].object, "memory") == 0;
	const char *number = size ? bytes_text(out->arena, value) : value;
	int64_t ignored;

	if (members[i].string) {
		text_add_json(out, value);
		return 0;
	}
	/* runc's words. */
	if (!text_to_i64(number, INT64_MIN, INT64_MAX, &ignored))
		return error_set(err, "invalid value for %s: invalid %s: '%s'",
				 flag_of(members[i].offset), size ? "size" : "number", value);
	text_add(out, number);
	return 0;
}

/* NULL: it makes no sense.  As with runc, nothing is said by a flag that is empty. */
static const char *resources_from_flags(struct arena *arena, const struct update_options *update,
					struct error *err)
{
	struct text out = { .arena = arena };
	const char *open = NULL;

	text_add(&out, "{");
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *value = *(const char *const *)((const char *)update +
							   members[i].offset);

		if (value == NULL || *value == '\0')
			continue;
		if (open == NULL || strcmp(open, members[i].object) != 0)
			text_printf(&out, "%s\"%s\":{", open != NULL ? "}," : "",
				    members[i].object);
		else
			text_add(&out, ",");
		open = members[i].object;
		text_printf(&out, "\"%s\":", members[i].key);
		if (member_add(&out, i, value, err) < 0)
			return NULL;
	}
	text_add(&out, open != NULL ? "}}" : "}");
	return out.data;
}

/* What is no property of resources: told, or an error where the file has nothing else. */
static int tell_unknown(const struct decoder *d, struct error *err)
{
	size_t unknown = 0;

	LIST_EACH(finding, d->diagnosis.findings)
		unknown += finding->value != NULL && finding->value->parent == d->root;
	if (d->root->count > 0 && unknown == d->root->count)
		return error_set(err, "%s: has no property of linux.resources, as memory, cpu and "
				 "pids: %s", d->source.name,
				 json_member(d->root, "linux") != NULL ?
				 "of a config.json it is what stands in /linux/resources" :
				 "nothing would change");
	LIST_EACH(finding, d->diagnosis.findings)
		warn("%s", finding->text);
	return 0;
}

static int resources_read(struct arena *arena, const char *path, struct json_source *ret,
			  struct error *err)
{
	char *text;

	if (strcmp(path, "-") == 0) {
		if (fd_read_all(STDIN_FILENO, JSON_MAX_SIZE, arena, &text, &ret->size, err) < 0)
			return -1;
	} else {
		ret->name = path;
		if (file_read(AT_FDCWD, path, JSON_MAX_SIZE, arena, &text, &ret->size, err) < 0)
			return -1;
	}
	ret->text = text;
	return 0;
}

static int resources_load(struct arena *arena, const struct update_options *update,
			  const struct limits_now *now, struct resources_plan *ret,
			  struct error *err)
{
	struct decoder d = {
		.arena = arena, .now = now, .err = err, .bundle = "/", .collect = true
	};

	d.source.name = "resources";
	if (update->resources != NULL) {
		if (resources_read(arena, update->resources, &d.source, err) < 0)
			return -1;
	} else {
		d.source.text = resources_from_flags(arena, update, err);
		if (d.source.text == NULL)
			return -1;
		d.source.size = strlen(d.source.text);
	}
	d.root = json_parse(arena, &d.source, err);
	if (d.root == NULL || decode_resources(&d, d.root, ret) < 0)
		return -1;
	return tell_unknown(&d, err);
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;
	const struct update_options *update = values;
	struct resources_plan resources = { 0 };
	struct limits_now now;
	struct error unheard; /* cgroup_update says it, where there is something to do */
	bool asked;

	/* Who makes it stands still for the hook that calls us, and has made its cgroup. */
	if (cli_container(cli, &c, err) < 0 ||
	    (container_lock(&c, err) < 0 && err->code != EDEADLK))
		return -1;
	if (container_status(&c) == CONTAINER_STOPPED)
		return error_set(err, "container not running");
	if (c.cgroup.fd < 0)
		cgroup_open(&c.cgroup, &unheard);
	cgroup_limits_now(&c.cgroup, &now);
	if (resources_load(cli->arena, values, &now, &resources, err) < 0)
		return error_wrap(err, "update %s", c.id);
	if ((update->l3_cache_schema != NULL || update->mem_bw_schema != NULL) &&
	    rdt_update(&c.rdt, update->l3_cache_schema, update->mem_bw_schema, err) < 0)
		return error_wrap(err, "update %s", c.id);
	/* Only what takes limits away is not "listed": nothing to do where there are none. */
	asked = resources.listed || resources.device_rules.count > 0;
	if (!asked && resources.v1.count == 0 && resources.v2.count == 0)
		return 0;
	if (!cgroup_is_used(&c.cgroup))
		return asked ? error_set(err, "update %s: it has no cgroup", c.id) : 0;
	if (cgroup_update(&c.cgroup, cli->arena, &resources, err) < 0)
		return error_wrap(err, "update %s", c.id);
	return 0;
}

const struct command command_update = {
	.name = "update", .arguments = "ID", .summary = "change the limits of a container",
	.options = options, .size = sizeof(struct update_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
