/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "config/cgroup_write.h"
#include "config/resource.h"
#include "config/resource_limits.h"

/* --- conversions --------------------------------------------------------------- */

/* Binary logarithm for x >= 1, by squaring: libm would be one more library to load. */
static double log2_of(double x)
{
	double result = 0, bit = 0.5;

	while (x >= 2) {
		x /= 2;
		result += 1;
	}
	for (int i = 0; i < 52; i++, bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}
	return result;
}

/* e to the x for x >= 0, by its series after halving x until it converges fast. */
static double exp_of(double x)
{
	double sum = 1, term = 1;
	int halved = 0;

	for (; x > 0.5; x /= 2)
		halved++;
	for (int i = 1; i < 20; i++) {
		term *= x / i;
		sum += term;
	}
	while (halved-- > 0)
		sum *= sum;
	return sum;
}

uint64_t cpu_weight_from_shares(uint64_t shares)
{
	const double ln10 = 2.302585092994045684;
	double l, exact;
	uint64_t weight;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2_of((double)shares);
	exact = exp_of(((l * l + 125 * l) / 612 - 7.0 / 34) * ln10);
	/* Rounded up, but for what only the arithmetic adds: 1024 is to be 100, not 101. */
	weight = (uint64_t)(exact - 1e-7);
	return weight + 1;
}

uint64_t io_weight_from_blkio(uint64_t weight)
{
	return weight <= 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

/* --- writes -------------------------------------------------------------------- */

/* Without the controller there is no limit that "max" had to take away. */
static struct cgroup_write *add_limit(struct arena *arena, cgroup_write_list *list,
				      const char *controller, const char *file, int64_t value)
{
	const char *text = value < 0 ? "max" : arena_printf(arena, "%" PRId64, value);
	struct cgroup_write *write = cgroup_write_add(arena, list, controller, file, text);

	write->optional = value < 0;
	return write;
}

static void unable(struct arena *arena, struct resources_plan *resources, const char *property)
{
	if (resources->v2_error == NULL)
		resources->v2_error = arena_printf(arena,
						   "/linux/resources/%s: needs cgroup v1, and "
						   "this host has v2",
						   property);
}

/* The spec counts memory and swap together, as v1 does; v2 wants swap alone. */
static void write_swap(struct arena *arena, const struct limits *limits,
		       struct resources_plan *resources)
{
	int64_t swap = limits->swap.value;

	if (!limits->swap.set) {
		/* As on v1, where no limit on memory takes the one on the sum away. */
		if (!limits->memory.set || limits->memory.value != -1)
			return;
		swap = -1;
	} else if (swap != -1 && !limits->memory.set) {
		resources->v2_error =
			"/linux/resources/memory/swap: is the sum of memory and swap, "
			"and needs memory/limit beside it";
		return;
	} else if (swap != -1 && limits->memory.value != -1) {
		swap -= limits->memory.value;
	}
	/* Without swap in the kernel the file is missing, and both ends are true anyway. */
	add_limit(arena, &resources->v2, "memory", "memory.swap.max", swap)->optional = swap <= 0;
}

static void write_memory(struct arena *arena, const struct limits *limits,
			 struct resources_plan *resources)
{
	write_swap(arena, limits, resources);
	if (limits->memory.set)
		add_limit(arena, &resources->v2, "memory", "memory.max", limits->memory.value);
	if (limits->reservation.set)
		add_limit(arena, &resources->v2, "memory", "memory.low", limits->reservation.value);
	if (limits->kernel_tcp.set && limits->kernel_tcp.value != -1)
		unable(arena, resources, "memory/kernelTCP");
	if (limits->swappiness.set)
		unable(arena, resources, "memory/swappiness");
	if (limits->disable_oom_killer.set && limits->disable_oom_killer.value)
		unable(arena, resources, "memory/disableOOMKiller");
}

/* "max" and a number are the quota; the period behind it is kept where none is given. */
static const char *cpu_max(struct arena *arena, const struct limits *limits)
{
	const char *quota = "max";

	if (limits->quota.set && limits->quota.value > 0)
		quota = arena_printf(arena, "%" PRId64, limits->quota.value);
	if (!limits->period.set)
		return quota;
	return arena_printf(arena, "%s %" PRIu64, quota, limits->period.value);
}

static void write_cpu(struct arena *arena, const struct limits *limits,
		      struct resources_plan *resources)
{
	cgroup_write_list *list = &resources->v2;
	bool idle = limits->idle.set && limits->idle.value != 0;

	if (limits->idle.set)
		add_limit(arena, list, "cpu", "cpu.idle", limits->idle.value);
	/* The kernel refuses a weight for a group that only runs when all others are idle. */
	if (limits->shares.set && !idle)
		add_limit(arena, list, "cpu", "cpu.weight",
			  (int64_t)cpu_weight_from_shares(limits->shares.value));
	/* It may never be above the quota, neither the old one nor the new. */
	if (limits->burst.set)
		add_limit(arena, list, "cpu", "cpu.max.burst", (int64_t)limits->burst.value)
			->retry = true;
	if (limits->quota.set || limits->period.set)
		cgroup_write_add(arena, list, "cpu", "cpu.max", cpu_max(arena, limits))->optional =
			limits->quota.value < 0 && !limits->period.set;
	if (limits->cpus != NULL)
		cgroup_write_add(arena, list, "cpuset", "cpuset.cpus", limits->cpus);
	if (limits->mems != NULL)
		cgroup_write_add(arena, list, "cpuset", "cpuset.mems", limits->mems);
	if (limits->realtime_runtime.set)
		unable(arena, resources, "cpu/realtimeRuntime");
	if (limits->realtime_period.set)
		unable(arena, resources, "cpu/realtimePeriod");
}

static void write_throttles(struct arena *arena, const throttle_list *throttles, const char *key,
			    cgroup_write_list *list)
{
	LIST_EACH(throttle, *throttles) {
		const char *rate = throttle->rate == 0 ? "max" :
				   arena_printf(arena, "%" PRIu64, throttle->rate);

		cgroup_write_add(arena, list, "io", "io.max",
				 arena_printf(arena, "%u:%u %s=%s", throttle->device.major,
					      throttle->device.minor, key, rate));
	}
}

/* bfq takes the number as it is; io.weight, of the controller by cost, has another scale. */
static void write_weight(struct arena *arena, cgroup_write_list *list, const char *device,
			 uint64_t weight)
{
	cgroup_write_add(arena, list, "io", "io.bfq.weight",
			 arena_printf(arena, "%s%" PRIu64, device, weight))->optional = true;
	cgroup_write_add(arena, list, "io", "io.weight",
			 arena_printf(arena, "%s%" PRIu64, device, io_weight_from_blkio(weight)))
		->alternative = true;
}

static void write_io(struct arena *arena, const struct limits *limits,
		     struct resources_plan *resources)
{
	cgroup_write_list *list = &resources->v2;

	if (limits->weight.set)
		write_weight(arena, list, "", limits->weight.value);
	if (limits->leaf_weight.set)
		unable(arena, resources, "blockIO/leafWeight");
	LIST_EACH(device, limits->weight_devices) {
		if (device->weight.set)
			write_weight(arena, list,
				     arena_printf(arena, "%u:%u ", device->device.major,
						  device->device.minor), device->weight.value);
		if (device->leaf_weight.set)
			unable(arena, resources, "blockIO/weightDevice");
	}
	write_throttles(arena, &limits->read_bps, "rbps", list);
	write_throttles(arena, &limits->write_bps, "wbps", list);
	write_throttles(arena, &limits->read_iops, "riops", list);
	write_throttles(arena, &limits->write_iops, "wiops", list);
}

static void write_rest(struct arena *arena, const struct limits *limits,
		       struct resources_plan *resources)
{
	cgroup_write_list *list = &resources->v2;

	LIST_EACH(pages, limits->huge_pages) {
		const char *text = arena_printf(arena, "%" PRIu64, pages->limit);

		cgroup_write_add(arena, list, "hugetlb",
				 arena_printf(arena, "hugetlb.%s.max", pages->page_size), text);
		cgroup_write_add(arena, list, "hugetlb",
				 arena_printf(arena, "hugetlb.%s.rsvd.max", pages->page_size), text)
			->optional = true;
	}
	if (limits->class_id.set)
		unable(arena, resources, "network/classID");
	if (limits->priorities.count > 0)
		unable(arena, resources, "network/priorities");
	if (limits->pids.set)
		add_limit(arena, list, "pids", "pids.max", limits->pids.value);
	LIST_EACH(rdma, limits->rdma)
		cgroup_write_add(arena, list, "rdma", "rdma.max", rdma_text(arena, rdma));
}

/*
 * One write a line: the kernel's parsers of keyed files ("io.max") take a
 * single device each time.
 */
static void write_unified(struct arena *arena, const struct annotation *entry,
			  cgroup_write_list *list)
{
	size_t name = strcspn(entry->key, ".");
	const char *controller = arena_strndup(arena, entry->key, name);

	if (strcmp(controller, "cgroup") == 0)
		controller = NULL;
	for (const char *line = entry->value;;) {
		size_t length = strcspn(line, "\n");

		if (length > 0 || (line == entry->value && line[length] == '\0'))
			cgroup_write_add(arena, list, controller, entry->key,
					 arena_strndup(arena, line, length));
		if (line[length] == '\0')
			return;
		line += length + 1;
	}
}

void limits_write_v2(struct arena *arena, const struct limits *limits,
		     struct resources_plan *resources)
{
	write_memory(arena, limits, resources);
	write_cpu(arena, limits, resources);
	write_io(arena, limits, resources);
	write_rest(arena, limits, resources);
	/* Last: what is said in v2's own words overrides what was converted. */
	LIST_EACH(entry, limits->unified)
		write_unified(arena, entry, &resources->v2);
}
