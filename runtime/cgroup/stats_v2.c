/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"

/* cpu.stat is in every cgroup; what is with the controller alone is only there with it. */
static void cpu_read(int fd, struct arena *arena, struct cgroup_stats *stats)
{
	const struct { const char *key; uint64_t *to; uint64_t factor; } rows[] = {
		{ "usage_usec",		&stats->cpu_total,		1000 },
		{ "user_usec",		&stats->cpu_user,		1000 },
		{ "system_usec",	&stats->cpu_kernel,		1000 },
		{ "nr_periods",		&stats->periods,		1 },
		{ "nr_throttled",	&stats->throttled_periods,	1 },
		{ "throttled_usec",	&stats->throttled_time,		1000 },
	};
	const char *text = stats_text(fd, "cpu.stat", arena);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (stats_find(text, rows[i].key, rows[i].to))
			*rows[i].to *= rows[i].factor;
	stats_parse_psi(stats_text(fd, "cpu.pressure", arena), &stats->cpu_psi);
}

static void memory_read(int fd, struct arena *arena, struct cgroup_stats *stats)
{
	const char *text = stats_text(fd, "memory.stat", arena);
	const char *events = stats_text(fd, "memory.events", arena);
	struct cgroup_usage *memory = &stats->memory, *swap = &stats->swap;

	stats_parse_psi(stats_text(fd, "memory.pressure", arena), &stats->memory_psi);
	if (text == NULL)
		return;
	stats_parse_raw(arena, text, stats);
	stats_find(text, "file", &stats->cache);
	/* Linux 5.18. */
	stats_find(text, "kernel", &stats->kernel.usage);
	memory->usage = stats_number(fd, "memory.current");
	memory->limit = stats_number(fd, "memory.max");
	memory->max = stats_number(fd, "memory.peak");
	stats_find(events, "max", &memory->fail_count);
	stats->oom_kills.set = stats_find(events, "oom_kill", &stats->oom_kills.value);
	/*
	 * As v1 counts it, which is what readers expect: memory and swap together.  Of their peaks
	 * nobody knows whether they came together: there is none (runc has 0, too).
	 */
	swap->usage = stats_number(fd, "memory.swap.current") + memory->usage;
	swap->limit = stats_number(fd, "memory.swap.max");
	if (swap->limit != UINT64_MAX)
		swap->limit =
			memory->limit == UINT64_MAX ? UINT64_MAX : swap->limit + memory->limit;
	stats_find(stats_text(fd, "memory.swap.events", arena), "max", &swap->fail_count);
}

static void hugetlb_read(int fd, struct arena *arena, struct cgroup_stats *stats)
{
	stats_huge_pages(fd, arena, ".current", stats);
	LIST_EACH(pages, stats->huge_pages) {
		const char *prefix = arena_printf(arena, "hugetlb.%s", pages->size);

		pages->usage = stats_number(fd, arena_printf(arena, "%s.current", prefix));
		stats_find(stats_text(fd, arena_printf(arena, "%s.events", prefix), arena), "max",
			   &pages->fail_count);
	}
}

void cgroup_stats_v2(int dir_fd, struct arena *arena, struct cgroup_stats *stats)
{
	cpu_read(dir_fd, arena, stats);
	memory_read(dir_fd, arena, stats);
	stats_parse_list(arena, stats_text(dir_fd, "cpuset.cpus.effective", arena), &stats->cpus);
	stats_parse_list(arena, stats_text(dir_fd, "cpuset.mems.effective", arena), &stats->mems);
	stats->pids = stats_number(dir_fd, "pids.current");
	stats->pids_limit = stats_number(dir_fd, "pids.max");
	stats_parse_io(arena, stats_text(dir_fd, "io.stat", arena), stats);
	stats_parse_psi(stats_text(dir_fd, "io.pressure", arena), &stats->io_psi);
	hugetlb_read(dir_fd, arena, stats);
}
