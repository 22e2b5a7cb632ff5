/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "config/cgroup_write.h"
#include "config/resource_limits.h"

static struct cgroup_write *add_u64(struct arena *arena, cgroup_write_list *list,
				    const char *controller, const char *file, struct opt_u64 value)
{
	static struct cgroup_write nowhere;

	if (!value.set)
		return &nowhere;
	return cgroup_write_add(arena, list, controller, file,
				arena_printf(arena, "%" PRIu64, value.value));
}

/* Without the controller there is no limit that -1 had to take away. */
static struct cgroup_write *add_i64(struct arena *arena, cgroup_write_list *list,
				    const char *controller, const char *file, struct opt_i64 value)
{
	static struct cgroup_write nowhere;
	struct cgroup_write *write;

	if (!value.set)
		return &nowhere;
	write = cgroup_write_add(arena, list, controller, file,
				 arena_printf(arena, "%" PRId64, value.value));
	write->optional = value.value < 0;
	return write;
}

static void write_memory(struct arena *arena, const struct limits *limits, cgroup_write_list *list)
{
	struct opt_i64 swap = limits->swap;

	/* Before there are children, and always on since Linux 5.11: then false cannot be had. */
	if (limits->use_hierarchy.set && limits->use_hierarchy.value)
		add_u64(arena, list, "memory", "memory.use_hierarchy", limits->use_hierarchy)
			->optional = true;
	/* Whichever is written first must not cross the other's old value: hence the retry. */
	add_i64(arena, list, "memory", "memory.limit_in_bytes", limits->memory)->retry = true;
	if (limits->memory.set && limits->memory.value == -1 && !swap.set)
		swap = limits->memory;
	/* The file is missing where the kernel does not account for swap: -1 is true anyway. */
	add_i64(arena, list, "memory", "memory.memsw.limit_in_bytes", swap);
	add_i64(arena, list, "memory", "memory.soft_limit_in_bytes", limits->reservation);
	add_i64(arena, list, "memory", "memory.kmem.tcp.limit_in_bytes", limits->kernel_tcp);
	add_u64(arena, list, "memory", "memory.swappiness", limits->swappiness);
	add_u64(arena, list, "memory", "memory.oom_control", limits->disable_oom_killer);
}

static void write_cpu(struct arena *arena, const struct limits *limits, cgroup_write_list *list)
{
	add_i64(arena, list, "cpu", "cpu.idle", limits->idle);
	/* The kernel refuses a weight for a group that only runs when all others are idle. */
	if (!limits->idle.set || limits->idle.value == 0)
		add_u64(arena, list, "cpu", "cpu.shares", limits->shares);
	add_u64(arena, list, "cpu", "cpu.cfs_period_us", limits->period)->retry = true;
	add_u64(arena, list, "cpu", "cpu.cfs_burst_us", limits->burst)->retry = true;
	add_i64(arena, list, "cpu", "cpu.cfs_quota_us", limits->quota);
	add_u64(arena, list, "cpu", "cpu.rt_period_us", limits->realtime_period)->retry = true;
	add_i64(arena, list, "cpu", "cpu.rt_runtime_us", limits->realtime_runtime);
	if (limits->cpus != NULL)
		cgroup_write_add(arena, list, "cpuset", "cpuset.cpus", limits->cpus);
	if (limits->mems != NULL)
		cgroup_write_add(arena, list, "cpuset", "cpuset.mems", limits->mems);
}

static const char *device_value(struct arena *arena, const struct device_number *device,
				uint64_t value)
{
	return arena_printf(arena, "%u:%u %" PRIu64, device->major, device->minor, value);
}

/* The one that the kernel's scheduler of block devices has: plain for CFQ's heirs, or bfq's. */
static void write_weight(struct arena *arena, cgroup_write_list *list, const char *file,
			 const char *bfq_file, const char *text)
{
	cgroup_write_add(arena, list, "blkio", file, text)->optional = true;
	cgroup_write_add(arena, list, "blkio", bfq_file, text)->alternative = true;
}

static void write_throttles(struct arena *arena, const throttle_list *throttles, const char *file,
			    cgroup_write_list *list)
{
	LIST_EACH(throttle, *throttles)
		cgroup_write_add(arena, list, "blkio", file,
				 device_value(arena, &throttle->device, throttle->rate));
}

static void write_blkio(struct arena *arena, const struct limits *limits, cgroup_write_list *list)
{
	if (limits->weight.set)
		write_weight(arena, list, "blkio.weight", "blkio.bfq.weight",
			     arena_printf(arena, "%" PRIu64, limits->weight.value));
	add_u64(arena, list, "blkio", "blkio.leaf_weight", limits->leaf_weight);
	LIST_EACH(device, limits->weight_devices) {
		if (device->weight.set)
			write_weight(arena, list, "blkio.weight_device", "blkio.bfq.weight_device",
				     device_value(arena, &device->device, device->weight.value));
		if (device->leaf_weight.set)
			cgroup_write_add(arena, list, "blkio", "blkio.leaf_weight_device",
					 device_value(arena, &device->device,
						      device->leaf_weight.value));
	}
	write_throttles(arena, &limits->read_bps, "blkio.throttle.read_bps_device", list);
	write_throttles(arena, &limits->write_bps, "blkio.throttle.write_bps_device", list);
	write_throttles(arena, &limits->read_iops, "blkio.throttle.read_iops_device", list);
	write_throttles(arena, &limits->write_iops, "blkio.throttle.write_iops_device", list);
}

static void write_rest(struct arena *arena, const struct limits *limits, cgroup_write_list *list)
{
	LIST_EACH(pages, limits->huge_pages) {
		const char *text = arena_printf(arena, "%" PRIu64, pages->limit);

		cgroup_write_add(arena, list, "hugetlb",
				 arena_printf(arena, "hugetlb.%s.limit_in_bytes", pages->page_size),
				 text);
		cgroup_write_add(arena, list, "hugetlb",
				 arena_printf(arena, "hugetlb.%s.rsvd.limit_in_bytes",
					      pages->page_size), text)->optional = true;
	}
	add_u64(arena, list, "net_cls", "net_cls.classid", limits->class_id);
	LIST_EACH(priority, limits->priorities)
		cgroup_write_add(arena, list, "net_prio", "net_prio.ifpriomap",
				 arena_printf(arena, "%s %u", priority->name, priority->priority));
	if (limits->pids.set && limits->pids.value < 0)
		cgroup_write_add(arena, list, "pids", "pids.max", "max")->optional = true;
	else
		add_i64(arena, list, "pids", "pids.max", limits->pids);
	LIST_EACH(rdma, limits->rdma)
		cgroup_write_add(arena, list, "rdma", "rdma.max", rdma_text(arena, rdma));
}

void limits_write_v1(struct arena *arena, const struct limits *limits,
		     struct resources_plan *resources)
{
	write_memory(arena, limits, &resources->v1);
	write_cpu(arena, limits, &resources->v1);
	write_blkio(arena, limits, &resources->v1);
	write_rest(arena, limits, &resources->v1);
	if (limits->unified.count > 0)
		resources->v1_error = arena_printf(arena,
						   "/linux/resources/unified/%s: needs cgroup "
						   "v2, and this host has v1",
						   limits->unified.items[0].key);
}
