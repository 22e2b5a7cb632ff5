/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup/stats.h"

#include <inttypes.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/sys.h"
#include "runtime/cgroup/internal.h"

static int v2_read(const struct cgroup *cgroup, struct arena *arena, struct cgroup_stats *stats,
		   struct error *err)
{
	_cleanup_fd int fd = cgroup_v2_open(cgroup, err);

	if (fd < 0)
		return -1;
	cgroup_stats_v2(fd, arena, stats);
	return 0;
}

static int v1_read(const struct cgroup *cgroup, struct arena *arena, struct cgroup_stats *stats,
		   struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 }, dirs = { .count = 0 };

	if (cgroup_v1_open(&v1, err) < 0 || cgroup_v1_dirs(&v1, cgroup->path, &dirs, err) < 0)
		return -1;
	cgroup_stats_v1(&dirs, arena, stats);
	return 0;
}

int cgroup_stats_read(const struct cgroup *cgroup, struct arena *arena, struct cgroup_stats *ret,
		      struct error *err)
{
	struct cgroup_stats stats = { .cpu_total = 0 };
	pid_list pids;

	if (!cgroup_is_used(cgroup))
		return error_set(err, "read statistics: the container has no cgroup");
	if (cgroup->host != CGROUP_LEGACY && v2_read(cgroup, arena, &stats, err) < 0)
		return error_wrap(err, "read statistics");
	/* On a hybrid host what v1 counts stands in the place of what cgroup2 does. */
	if (cgroup->host != CGROUP_UNIFIED && v1_read(cgroup, arena, &stats, err) < 0)
		return error_wrap(err, "read statistics");
	if (stats.pids_limit == UINT64_MAX)
		stats.pids_limit = 0;
	if (stats.pids == 0) {
		if (cgroup_pids(cgroup, arena, &pids, err) < 0)
			return error_wrap(err, "read statistics");
		stats.pids = pids.count;
	}
	*ret = stats;
	return 0;
}

/* --- as JSON ---------------------------------------------------------------------- */

/* "key":, behind a comma where it is not the first of its object. */
static void add_key(struct text *out, const char *key)
{
	bool first = out->size == 0 || out->data[out->size - 1] == '{';

	text_printf(out, "%s\"%s\":", first ? "" : ",", key);
}

static void add_number(struct text *out, const char *key, uint64_t value, bool always)
{
	if (value == 0 && !always)
		return;
	add_key(out, key);
	text_printf(out, "%" PRIu64, value);
}

static void add_numbers(struct text *out, const char *key, const cgroup_number_list *list)
{
	if (list->count == 0)
		return;
	add_key(out, key);
	text_add(out, "[");
	LIST_EACH(number, *list)
		text_printf(out, "%s%" PRIu64, number > list->items ? "," : "", *number);
	text_add(out, "]");
}

static void add_object(struct text *out, const char *key)
{
	add_key(out, key);
	text_add(out, "{");
}

static void add_pressure(struct text *out, const char *key, const struct cgroup_pressure *line)
{
	add_object(out, key);
	text_printf(out, "\"avg10\":%u.%02u,\"avg60\":%u.%02u,\"avg300\":%u.%02u,\"total\":%" PRIu64
		    "}", line->avg10 / 100, line->avg10 % 100, line->avg60 / 100,
		    line->avg60 % 100, line->avg300 / 100, line->avg300 % 100, line->total);
}

static void add_psi(struct text *out, const struct cgroup_psi *psi)
{
	if (!psi->set)
		return;
	add_object(out, "psi");
	add_pressure(out, "some", &psi->some);
	add_pressure(out, "full", &psi->full);
	text_add(out, "}");
}

static void add_cpu(struct text *out, const struct cgroup_stats *stats)
{
	add_object(out, "cpu");
	add_object(out, "usage");
	add_number(out, "total", stats->cpu_total, false);
	add_numbers(out, "percpu", &stats->per_cpu);
	add_numbers(out, "percpu_kernel", &stats->per_cpu_kernel);
	add_numbers(out, "percpu_user", &stats->per_cpu_user);
	add_number(out, "kernel", stats->cpu_kernel, true);
	add_number(out, "user", stats->cpu_user, true);
	text_add(out, "}");
	add_object(out, "throttling");
	add_number(out, "periods", stats->periods, false);
	add_number(out, "throttledPeriods", stats->throttled_periods, false);
	add_number(out, "throttledTime", stats->throttled_time, false);
	text_add(out, "}");
	add_psi(out, &stats->cpu_psi);
	text_add(out, "}");
	add_object(out, "cpuset");
	add_numbers(out, "cpus", &stats->cpus);
	add_number(out, "cpu_exclusive", stats->cpu_exclusive, true);
	add_numbers(out, "mems", &stats->mems);
	add_number(out, "mem_hardwall", stats->mem_hardwall, true);
	add_number(out, "mem_exclusive", stats->mem_exclusive, true);
	add_number(out, "memory_migrate", stats->memory_migrate, true);
	add_number(out, "memory_spread_page", stats->memory_spread_page, true);
	add_number(out, "memory_spread_slab", stats->memory_spread_slab, true);
	add_number(out, "memory_pressure", stats->memory_pressure, true);
	add_number(out, "sched_load_balance", stats->sched_load_balance, true);
	text_printf(out, ",\"sched_relax_domain_level\":%" PRId64 "}",
		    stats->sched_relax_domain_level);
}

static void add_usage(struct text *out, const char *key, const struct cgroup_usage *usage)
{
	add_object(out, key);
	add_number(out, "limit", usage->limit, true);
	add_number(out, "usage", usage->usage, false);
	add_number(out, "max", usage->max, false);
	add_number(out, "failcnt", usage->fail_count, true);
	text_add(out, "}");
}

static void add_memory(struct text *out, const struct cgroup_stats *stats)
{
	add_object(out, "memory");
	add_number(out, "cache", stats->cache, false);
	add_usage(out, "usage", &stats->memory);
	add_usage(out, "swap", &stats->swap);
	add_usage(out, "kernel", &stats->kernel);
	add_usage(out, "kernelTCP", &stats->kernel_tcp);
	if (stats->memory_raw.count > 0) {
		add_object(out, "raw");
		LIST_EACH(number, stats->memory_raw)
			add_number(out, number->name, number->value, true);
		text_add(out, "}");
	}
	add_psi(out, &stats->memory_psi);
	text_add(out, "}");
}

static void add_io(struct text *out, const char *key, const cgroup_io_list *list)
{
	if (list->count == 0)
		return;
	add_key(out, key);
	text_add(out, "[");
	LIST_EACH(io, *list) {
		text_add(out, io > list->items ? ",{" : "{");
		add_number(out, "major", io->major, false);
		add_number(out, "minor", io->minor, false);
		if (io->op[0] != '\0') {
			add_key(out, "op");
			text_printf(out, "\"%s\"", io->op);
		}
		add_number(out, "value", io->value, false);
		text_add(out, "}");
	}
	text_add(out, "]");
}

static void add_block_io(struct text *out, const struct cgroup_stats *stats)
{
	add_object(out, "blkio");
	add_io(out, "ioServiceBytesRecursive", &stats->io_bytes);
	add_io(out, "ioServicedRecursive", &stats->io_count);
	add_io(out, "ioQueueRecursive", &stats->io_queued);
	add_io(out, "ioServiceTimeRecursive", &stats->io_service_time);
	add_io(out, "ioWaitTimeRecursive", &stats->io_wait_time);
	add_io(out, "ioMergedRecursive", &stats->io_merged);
	add_io(out, "ioTimeRecursive", &stats->io_time);
	add_io(out, "sectorsRecursive", &stats->io_sectors);
	add_psi(out, &stats->io_psi);
	text_add(out, "}");
}

void cgroup_stats_print(struct text *out, const struct cgroup_stats *stats)
{
	add_cpu(out, stats);
	add_memory(out, stats);
	add_object(out, "pids");
	add_number(out, "current", stats->pids, false);
	add_number(out, "limit", stats->pids_limit, false);
	text_add(out, "}");
	add_block_io(out, stats);
	add_object(out, "hugetlb");
	LIST_EACH(pages, stats->huge_pages) {
		add_object(out, pages->size);
		add_number(out, "usage", pages->usage, false);
		add_number(out, "max", pages->max, false);
		add_number(out, "failcnt", pages->fail_count, true);
		text_add(out, "}");
	}
	text_add(out, "}");
}

/* --- out of memory ---------------------------------------------------------------- */

/* memory.events of v2, or memory.oom_control of v1; POLLIN tells v1. */
static uint64_t kills_read(const struct cgroup_oom *oom, bool *ret_gone)
{
	char text[512];
	uint64_t kills = 0;
	int file = oom->events == POLLPRI ? oom->fd : oom->dir_fd;
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);

	*ret_gone = n < 0;
	text[n > 0 ? n : 0] = '\0';
	stats_find(text, "oom_kill", &kills);
	return kills;
}

static int v1_oom_open(const struct cgroup *cgroup, struct cgroup_oom *oom, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	const struct cgroup_hierarchy *memory;
	_cleanup_fd int dir_fd = -EBADF;
	char text[32];

	if (cgroup_v1_open(&v1, err) < 0)
		return -1;
	memory = cgroup_v1_find(&v1, "memory");
	if (memory == NULL)
		return 0;
	dir_fd = cgroup_dir_open(memory->fd, cgroup->path, err);
	if (dir_fd < 0)
		return err->code == ENOENT ? 0 : -1;
	oom->dir_fd = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	oom->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	oom->events = POLLIN;
	snprintf(text, sizeof(text), "%d %d", oom->fd, oom->dir_fd);
	if (oom->dir_fd < 0 || oom->fd < 0 ||
	    cgroup_file_write(dir_fd, "cgroup.event_control", text) < 0)
		return error_errno(err, "watch memory.oom_control");
	return 0;
}

int cgroup_oom_open(const struct cgroup *cgroup, struct cgroup_oom *ret, struct error *err)
{
	struct cgroup_oom oom = CGROUP_OOM_NONE;
	bool gone;

	if (!cgroup_is_used(cgroup)) {
		*ret = oom;
		return 0;
	}
	/* On a hybrid host either of them may have the memory controller. */
	if (cgroup->fd >= 0)
		oom.fd = openat(cgroup->fd, "memory.events", O_RDONLY | O_CLOEXEC);
	if (oom.fd >= 0) {
		oom.events = POLLPRI;
	} else if (cgroup->host != CGROUP_UNIFIED && v1_oom_open(cgroup, &oom, err) < 0) {
		cgroup_oom_close(&oom);
		return -1;
	}
	if (oom.fd >= 0)
		oom.seen = kills_read(&oom, &gone);
	*ret = oom;
	return 0;
}

uint64_t cgroup_oom_take(struct cgroup_oom *oom)
{
	uint64_t now, count, ignored;
	bool gone;

	if (oom->fd < 0)
		return 0;
	if (oom->events == POLLIN && read(oom->fd, &ignored, sizeof(ignored)) < 0)
		return 0;
	now = kills_read(oom, &gone);
	/* v1 tells before it kills, and with its own killing disabled as well. */
	if (oom->events == POLLIN)
		now = oom->seen + 1;
	/* A removed cgroup is an event that never ends. */
	if (gone) {
		cgroup_oom_close(oom);
		return 0;
	}
	count = now > oom->seen ? now - oom->seen : 0;
	oom->seen = now;
	return count;
}

void cgroup_oom_close(struct cgroup_oom *oom)
{
	fd_close(&oom->fd);
	fd_close(&oom->dir_fd);
}
