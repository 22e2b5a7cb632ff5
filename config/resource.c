/* SPDX-License-Identifier: Apache-2.0 */
#include "config/resource.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "config/device_filter.h"
#include "config/resource_limits.h"
#include "config/section.h"

/* --- values ---------------------------------------------------------------------- */

/*
 * Docker and containerd write 0 for every number that the user did not give,
 * so 0 is as good as absent wherever it would be no sensible limit.
 */
static int nonzero_u64_up_to(struct decoder *d, const struct json *v, uint64_t max,
			     struct opt_u64 *ret)
{
	if (decode_opt_u64_up_to(d, v, max, ret) < 0)
		return -1;
	ret->set = ret->value != 0;
	return 0;
}

static int nonzero_i64_from(struct decoder *d, const struct json *v, int64_t min,
			    struct opt_i64 *ret)
{
	if (decode_opt_i64_between(d, v, min, INT64_MAX, ret) < 0)
		return -1;
	ret->set = ret->value != 0;
	return 0;
}

static int decode_nonzero_u64(struct decoder *d, const struct json *v, void *out)
{
	return nonzero_u64_up_to(d, v, UINT64_MAX, out);
}

static int decode_nonzero_i64(struct decoder *d, const struct json *v, void *out)
{
	return nonzero_i64_from(d, v, INT64_MIN, out);
}

static int decode_memory_limit(struct decoder *d, const struct json *v, void *out)
{
	return nonzero_i64_from(d, v, -1, out);
}

static int decode_class_id(struct decoder *d, const struct json *v, void *out)
{
	return nonzero_u64_up_to(d, v, UINT32_MAX, out);
}

static int decode_swappiness(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_u64_up_to(d, v, 100, out);
}

static int decode_flag(struct decoder *d, const struct json *v, void *out)
{
	struct opt_u64 *flag = out;
	bool truth = false;

	if (decode_bool(d, v, &truth) < 0)
		return -1;
	*flag = (struct opt_u64){ true, truth };
	return 0;
}

static int decode_kernel_memory(struct decoder *d, const struct json *v, void *out _unused)
{
	struct opt_i64 limit = { 0 };

	if (decode_memory_limit(d, v, &limit) < 0)
		return -1;
	/* Gone from v1 in Linux 5.16, and never in v2: kernel memory counts as memory. */
	if (limit.set && limit.value != -1)
		warn_value(d, v, "has no effect: kernel memory counts as memory");
	return 0;
}

static int decode_idle(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_i64_between(d, v, 0, 1, out);
}

/* The BPF verifier gives up between 4,096 and 20,000, and v1's list is searched for each. */
enum { MAX_DEVICE_RULES = 4096 };

static int decode_device_rules(struct decoder *d, const struct json *v, void *out)
{
	if (v->type == JSON_ARRAY && v->count > MAX_DEVICE_RULES)
		return bad_value(d, v, "has %u entries, and at most %d are taken", v->count,
				 MAX_DEVICE_RULES);
	return decode_list(d, v, decode_device_rule, sizeof(struct device_rule), out);
}

/* --- the whole ------------------------------------------------------------------------ */

static const struct field memory_fields[] = {
	FIELD("limit", decode_memory_limit, struct limits, memory),
	FIELD("reservation", decode_memory_limit, struct limits, reservation),
	FIELD("swap", decode_memory_limit, struct limits, swap),
	{ "kernel", decode_kernel_memory, 0 },	/* read for its warning alone */
	FIELD("kernelTCP", decode_memory_limit, struct limits, kernel_tcp),
	FIELD("swappiness", decode_swappiness, struct limits, swappiness),
	FIELD("disableOOMKiller", decode_flag, struct limits, disable_oom_killer),
	FIELD("useHierarchy", decode_flag, struct limits, use_hierarchy),
	FIELD_BOOL("checkBeforeUpdate", struct limits, check_before_update),
	{ NULL },
};

static const struct field cpu_fields[] = {
	FIELD("shares", decode_nonzero_u64, struct limits, shares),
	FIELD("quota", decode_nonzero_i64, struct limits, quota),
	FIELD_OPT_U64("burst", struct limits, burst),
	FIELD("period", decode_nonzero_u64, struct limits, period),
	FIELD("realtimeRuntime", decode_nonzero_i64, struct limits, realtime_runtime),
	FIELD("realtimePeriod", decode_nonzero_u64, struct limits, realtime_period),
	FIELD("cpus", decode_number_list, struct limits, cpus),
	FIELD("mems", decode_number_list, struct limits, mems),
	FIELD("idle", decode_idle, struct limits, idle),
	{ NULL },
};

static const struct field block_io_fields[] = {
	FIELD("weight", decode_weight, struct limits, weight),
	FIELD("leafWeight", decode_weight, struct limits, leaf_weight),
	FIELD_LIST("weightDevice", decode_weight_device, struct limits, weight_devices),
	FIELD_LIST("throttleReadBpsDevice", decode_throttle, struct limits, read_bps),
	FIELD_LIST("throttleWriteBpsDevice", decode_throttle, struct limits, write_bps),
	FIELD_LIST("throttleReadIOPSDevice", decode_throttle, struct limits, read_iops),
	FIELD_LIST("throttleWriteIOPSDevice", decode_throttle, struct limits, write_iops),
	{ NULL },
};

static const struct field network_fields[] = {
	FIELD("classID", decode_class_id, struct limits, class_id),
	FIELD_LIST("priorities", decode_priority, struct limits, priorities),
	{ NULL },
};

static const struct field pids_fields[] = {
	FIELD_OPT_I64("limit", struct limits, pids),
	{ NULL },
};

/* What is decoded here, besides the limits, goes straight into the plan. */
struct section {
	struct limits limits;
	device_rule_list device_rules;
};

static const struct field fields[] = {
	FIELD("devices", decode_device_rules, struct section, device_rules),
	FIELD_OBJECT("memory", memory_fields),
	FIELD_OBJECT("cpu", cpu_fields),
	FIELD_OBJECT("pids", pids_fields),
	FIELD_OBJECT("blockIO", block_io_fields),
	FIELD_LIST("hugepageLimits", decode_huge_pages, struct section, limits.huge_pages),
	FIELD_OBJECT("network", network_fields),
	FIELD("rdma", decode_rdma, struct section, limits),
	FIELD("unified", decode_unified, struct section, limits),
	{ NULL },
};
static_assert(offsetof(struct section, limits) == 0, "tables of limits serve the section too");

/*
 * cgroup v2 has quota and period in one file, and counts swap without the memory: of two that
 * go together, the one that an update does not name stays what it is.
 */
static void limits_keep(struct limits *limits, const struct limits_now *now)
{
	if (limits->period.set && !limits->quota.set)
		limits->quota = now->quota;
	else if (limits->quota.set && !limits->period.set)
		limits->period = now->period;
	if (limits->swap.set && !limits->memory.set && now->memory.value > 0)
		limits->memory = now->memory;
}

static int check_limits(struct decoder *d, const struct json *v, const struct limits *limits)
{
	const struct json *cpu = json_member(v, "cpu"), *memory = json_member(v, "memory");

	if (limits->swap.set && limits->swap.value != -1 && limits->memory.set &&
	    limits->memory.value != -1 && limits->swap.value < limits->memory.value)
		return bad_value(d, json_member(memory, "swap"),
				 "is the sum of memory and swap, and "
				 "must not be below memory/limit, %" PRId64,
				 limits->memory.value);
	if (limits->burst.set && limits->quota.set && limits->quota.value > 0 &&
	    limits->burst.value > (uint64_t)limits->quota.value)
		return bad_value(d, json_member(cpu, "burst"),
				 "must not be above cpu/quota, %" PRId64, limits->quota.value);
	if (limits->burst.set && limits->burst.value > INT64_MAX)
		return bad_value(d, json_member(cpu, "burst"), "is out of range");
	return 0;
}

/* Whether something is asked for that needs a cgroup: taking a limit away does not. */
static bool limits_any(const cgroup_write_list *list)
{
	LIST_EACH(write, *list)
		if (strcmp(write->text, "max") != 0 && strcmp(write->text, "-1") != 0 &&
		    strcmp(write->file, "memory.oom_control") != 0)
			return true;
	return false;
}

static void compile_devices(struct arena *arena, struct resources_plan *resources)
{
	device_rules_add_standard(arena, resources);
	device_filter_compile(arena, resources);
	resources->v1_devices_error = device_writes_add(arena, resources, &resources->v1);
}

void resources_default(struct arena *arena, struct resources_plan *resources)
{
	if (resources->device_filter.count == 0)
		compile_devices(arena, resources);
}

int decode_resources(struct decoder *d, const struct json *v, void *out)
{
	struct resources_plan *resources = out;
	struct section section = { 0 };

	if (decode_object(d, v, fields, &section) < 0)
		return -1;
	if (d->now != NULL)
		limits_keep(&section.limits, d->now);
	if (check_limits(d, v, &section.limits) < 0)
		return -1;
	limits_write_v1(d->arena, &section.limits, resources);
	limits_write_v2(d->arena, &section.limits, resources);
	resources->listed = limits_any(&resources->v1) || limits_any(&resources->v2);
	resources->check_before_update = section.limits.check_before_update;
	resources->memory_limit = section.limits.memory;
	resources->memory_swap = section.limits.swap;
	resources->pids_limit = section.limits.pids;
	/* An update without rules leaves those that are in force. */
	if (section.device_rules.count > 0) {
		resources->device_rules = section.device_rules;
		compile_devices(d->arena, resources);
	}
	return 0;
}
