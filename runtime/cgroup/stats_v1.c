/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"

static int dir_of(const struct cgroup_v1 *dirs, const char *controller)
{
	const struct cgroup_hierarchy *dir = cgroup_v1_find(dirs, controller);

	return dir != NULL ? dir->fd : -EBADF;
}

/* A header line, then one a CPU: "0 user system". */
static void per_cpu_parse(struct arena *arena, const char *text, struct cgroup_stats *stats)
{
	cgroup_number_list all;
	size_t count;

	text += strcspn(text, "\n");
	stats_parse_numbers(arena, text, &all);
	count = all.count / 3;
	stats->per_cpu_user.items = ARENA_NEWS(arena, count + 1, uint64_t);
	stats->per_cpu_kernel.items = ARENA_NEWS(arena, count + 1, uint64_t);
	for (size_t i = 0; i < count; i++) {
		stats->per_cpu_user.items[i] = all.items[3 * i + 1];
		stats->per_cpu_kernel.items[i] = all.items[3 * i + 2];
	}
	stats->per_cpu_user.count = stats->per_cpu_kernel.count = count;
}

static void cpu_read(const struct cgroup_v1 *dirs, struct arena *arena,
		     struct cgroup_stats *stats)
{
	int fd = dir_of(dirs, "cpuacct");
	uint64_t tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	const char *text;

	if (fd >= 0) {
		stats->cpu_total = stats_number(fd, "cpuacct.usage");
		stats_parse_numbers(arena, stats_text(fd, "cpuacct.usage_percpu", arena),
				    &stats->per_cpu);
		text = stats_text(fd, "cpuacct.usage_all", arena);
		if (text != NULL)
			per_cpu_parse(arena, text, stats);
		text = stats_text(fd, "cpuacct.stat", arena);
		if (stats_find(text, "user", &stats->cpu_user))
			stats->cpu_user *= tick;
		if (stats_find(text, "system", &stats->cpu_kernel))
			stats->cpu_kernel *= tick;
	}
	fd = dir_of(dirs, "cpu");
	text = fd >= 0 ? stats_text(fd, "cpu.stat", arena) : NULL;
	stats_find(text, "nr_periods", &stats->periods);
	stats_find(text, "nr_throttled", &stats->throttled_periods);
	stats_find(text, "throttled_time", &stats->throttled_time);
}

static void cpuset_read(int fd, struct arena *arena, struct cgroup_stats *stats)
{
	const struct { const char *file; uint64_t *to; } rows[] = {
		{ "cpuset.cpu_exclusive",	&stats->cpu_exclusive },
		{ "cpuset.mem_exclusive",	&stats->mem_exclusive },
		{ "cpuset.mem_hardwall",	&stats->mem_hardwall },
		{ "cpuset.memory_migrate",	&stats->memory_migrate },
		{ "cpuset.memory_spread_page",	&stats->memory_spread_page },
		{ "cpuset.memory_spread_slab",	&stats->memory_spread_slab },
		{ "cpuset.memory_pressure",	&stats->memory_pressure },
		{ "cpuset.sched_load_balance",	&stats->sched_load_balance },
	};
	char text[32];

	stats_parse_list(arena, stats_text(fd, "cpuset.cpus", arena), &stats->cpus);
	stats_parse_list(arena, stats_text(fd, "cpuset.mems", arena), &stats->mems);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		*rows[i].to = stats_number(fd, rows[i].file);
	if (cgroup_file_read(fd, "cpuset.sched_relax_domain_level", text, sizeof(text)) == 0)
		stats->sched_relax_domain_level = strtol(text, NULL, 10);
}

static void usage_read(int fd, struct arena *arena, const char *kind, struct cgroup_usage *usage)
{
	const char *prefix = arena_printf(arena, "memory%s", kind);

	usage->limit = stats_number(fd, arena_printf(arena, "%s.limit_in_bytes", prefix));
	usage->usage = stats_number(fd, arena_printf(arena, "%s.usage_in_bytes", prefix));
	usage->max = stats_number(fd, arena_printf(arena, "%s.max_usage_in_bytes", prefix));
	usage->fail_count = stats_number(fd, arena_printf(arena, "%s.failcnt", prefix));
}

static void memory_read(int fd, struct arena *arena, struct cgroup_stats *stats)
{
	const char *text = stats_text(fd, "memory.stat", arena);

	usage_read(fd, arena, "", &stats->memory);
	usage_read(fd, arena, ".memsw", &stats->swap);
	usage_read(fd, arena, ".kmem", &stats->kernel);
	usage_read(fd, arena, ".kmem.tcp", &stats->kernel_tcp);
	stats_parse_raw(arena, text, stats);
	if (!stats_find(text, "total_cache", &stats->cache))
		stats_find(text, "cache", &stats->cache);
	stats->oom_kills.set = stats_find(stats_text(fd, "memory.oom_control", arena), "oom_kill",
					  &stats->oom_kills.value);
}

/* The first of these that has something: the scheduler's own, then what every device counts. */
static void blkio_read(int fd, struct arena *arena, struct cgroup_stats *stats)
{
	const struct { const char *files[3]; cgroup_io_list *to; } rows[] = {
		{ { "blkio.bfq.io_service_bytes_recursive", "blkio.io_service_bytes_recursive",
		    "blkio.throttle.io_service_bytes_recursive" }, &stats->io_bytes },
		{ { "blkio.bfq.io_serviced_recursive", "blkio.io_serviced_recursive",
		    "blkio.throttle.io_serviced_recursive" }, &stats->io_count },
		{ { "blkio.bfq.io_queued_recursive", "blkio.io_queued_recursive" },
		  &stats->io_queued },
		{ { "blkio.bfq.io_service_time_recursive", "blkio.io_service_time_recursive" },
		  &stats->io_service_time },
		{ { "blkio.bfq.io_wait_time_recursive", "blkio.io_wait_time_recursive" },
		  &stats->io_wait_time },
		{ { "blkio.bfq.io_merged_recursive", "blkio.io_merged_recursive" },
		  &stats->io_merged },
		{ { "blkio.bfq.time_recursive", "blkio.time_recursive" }, &stats->io_time },
		{ { "blkio.bfq.sectors_recursive", "blkio.sectors_recursive" },
		  &stats->io_sectors },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t j = 0; j < ARRAY_SIZE(rows[i].files); j++)
			if (rows[i].files[j] != NULL && rows[i].to->count == 0)
				stats_parse_blkio(arena, stats_text(fd, rows[i].files[j], arena),
						  rows[i].to);
}

static void hugetlb_read(int fd, struct arena *arena, struct cgroup_stats *stats)
{
	stats_huge_pages(fd, arena, ".usage_in_bytes", stats);
	LIST_EACH(pages, stats->huge_pages) {
		const char *prefix = arena_printf(arena, "hugetlb.%s", pages->size);

		pages->usage = stats_number(fd, arena_printf(arena, "%s.usage_in_bytes", prefix));
		pages->max = stats_number(fd, arena_printf(arena, "%s.max_usage_in_bytes", prefix));
		pages->fail_count = stats_number(fd, arena_printf(arena, "%s.failcnt", prefix));
	}
}

void cgroup_stats_v1(const struct cgroup_v1 *dirs, struct arena *arena, struct cgroup_stats *stats)
{
	int fd;

	if (dir_of(dirs, "cpuacct") >= 0 || dir_of(dirs, "cpu") >= 0)
		cpu_read(dirs, arena, stats);
	fd = dir_of(dirs, "cpuset");
	if (fd >= 0)
		cpuset_read(fd, arena, stats);
	fd = dir_of(dirs, "memory");
	if (fd >= 0)
		memory_read(fd, arena, stats);
	fd = dir_of(dirs, "pids");
	if (fd >= 0) {
		stats->pids = stats_number(fd, "pids.current");
		stats->pids_limit = stats_number(fd, "pids.max");
	}
	fd = dir_of(dirs, "blkio");
	if (fd >= 0)
		blkio_read(fd, arena, stats);
	fd = dir_of(dirs, "hugetlb");
	if (fd >= 0)
		hugetlb_read(fd, arena, stats);
}
