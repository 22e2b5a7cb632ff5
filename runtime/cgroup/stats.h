/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/text.h"
#include "runtime/cgroup/cgroup.h"

/*
 * What a container uses, in the units and meanings of "events" (runc's): time
 * in nanoseconds, memory in bytes, on every kind of host.  What a host does
 * not count is 0, or has set == false or an empty list; what is without limit
 * has the largest number that its file could say.
 */

struct cgroup_pressure {		/* one line: shares of time in hundredths of a percent */
	uint32_t avg10, avg60, avg300;
	uint64_t total;			/* microseconds */
};
struct cgroup_psi {
	bool set;
	struct cgroup_pressure some, full;
};

struct cgroup_usage {			/* of memory, or a part or kind of it */
	uint64_t limit, usage, max, fail_count;
};

struct cgroup_named_number { const char *name; uint64_t value; };
struct cgroup_huge_pages { const char *size; uint64_t usage, max, fail_count; };
struct cgroup_io { uint64_t major, minor; const char *op; uint64_t value; };
typedef LIST(struct cgroup_io) cgroup_io_list;
typedef LIST(uint64_t) cgroup_number_list;

struct cgroup_stats {
	uint64_t cpu_total, cpu_user, cpu_kernel;
	cgroup_number_list per_cpu, per_cpu_user, per_cpu_kernel;
	uint64_t periods, throttled_periods, throttled_time;
	struct cgroup_psi cpu_psi;

	cgroup_number_list cpus, mems;	/* numbers of those that may be used */
	uint64_t cpu_exclusive, mem_exclusive, mem_hardwall, memory_migrate, memory_spread_page;
	uint64_t memory_spread_slab, memory_pressure, sched_load_balance;
	int64_t sched_relax_domain_level;

	uint64_t cache;
	struct cgroup_usage memory, swap, kernel, kernel_tcp;	/* swap: memory and swap together */
	LIST(struct cgroup_named_number) memory_raw;		/* memory.stat */
	struct cgroup_psi memory_psi;
	struct opt_u64 oom_kills;

	uint64_t pids, pids_limit;	/* limit 0: none */

	cgroup_io_list io_bytes, io_count, io_queued, io_service_time, io_wait_time, io_merged;
	cgroup_io_list io_time, io_sectors;
	struct cgroup_psi io_psi;

	LIST(struct cgroup_huge_pages) huge_pages;
};

int cgroup_stats_read(const struct cgroup *cgroup, struct arena *arena, struct cgroup_stats *ret,
		      struct error *err);
/* Members "cpu" to "hugetlb" of the data object of "events --stats", without its braces. */
void cgroup_stats_print(struct text *out, const struct cgroup_stats *stats);

/*
 * To be told when processes of a container are killed for want of memory: poll fd for events.
 * Where the memory controller is not used, fd is -EBADF.
 */
struct cgroup_oom {
	int fd, dir_fd;			/* owned */
	short events;			/* POLLIN or POLLPRI */
	uint64_t seen;
};
#define CGROUP_OOM_NONE	((struct cgroup_oom){ .fd = -EBADF, .dir_fd = -EBADF })
int cgroup_oom_open(const struct cgroup *cgroup, struct cgroup_oom *ret, struct error *err);
/* How many since the last time; takes the event away. */
uint64_t cgroup_oom_take(struct cgroup_oom *oom);
void cgroup_oom_close(struct cgroup_oom *oom);

/* --- parsing, and the two versions (stats_parse.c, stats_v1.c, stats_v2.c) --------------- */

/* The number behind "key " at the beginning of a line. */
bool stats_find(const char *text, const char *key, uint64_t *ret);
/* "0-2,7" */
void stats_parse_list(struct arena *arena, const char *text, cgroup_number_list *ret);
/* "1 2 3" */
void stats_parse_numbers(struct arena *arena, const char *text, cgroup_number_list *ret);
/* "key value" lines. */
void stats_parse_raw(struct arena *arena, const char *text, struct cgroup_stats *stats);
void stats_parse_psi(const char *text, struct cgroup_psi *ret);
/* v1: "8:0 Read 4096" lines; those without an operation ("8:0 7") get "". */
void stats_parse_blkio(struct arena *arena, const char *text, cgroup_io_list *ret);
/* v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..." lines. */
void stats_parse_io(struct arena *arena, const char *text, struct cgroup_stats *stats);

/* A file's text, or NULL where there is none. */
const char *stats_text(int dir_fd, const char *file, struct arena *arena);
/* A file with one number; "max" is UINT64_MAX, no file is 0. */
uint64_t stats_number(int dir_fd, const char *file);
/* Each "hugetlb.<size><suffix>" of the directory. */
void stats_huge_pages(int dir_fd, struct arena *arena, const char *suffix,
		      struct cgroup_stats *stats);

struct cgroup_v1;
/* dirs: the hierarchies at the container's directory. */
void cgroup_stats_v1(const struct cgroup_v1 *dirs, struct arena *arena,
		     struct cgroup_stats *stats);
void cgroup_stats_v2(int dir_fd, struct arena *arena, struct cgroup_stats *stats);
