/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/namespace.h"
#include "base/sys.h"
#include "base/text.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/stats.h"

/* Rounds of listing and moving until a fork can no longer have been missed. */
#define ROUNDS_MAX	64

/* Moves all of a running container into its v1 cgroups, until no fork can have stayed behind. */
static int v1_enter(struct cgroup *cgroup, const struct cgroup_v1 *v1, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	pid_list done = { 0 };

	for (int round = 0; round < ROUNDS_MAX; round++) {
		pid_list pids;
		size_t moved = 0;

		if (cgroup_pids(cgroup, &arena, &pids, err) < 0)
			return -1;
		LIST_EACH(pid, pids) {
			if (pid_is_listed(&done, *pid))
				continue;
			moved++;
			if (cgroup_v1_join(v1, cgroup->path, *pid, err) < 0 && err->code != ESRCH)
				return -1;
		}
		if (moved == 0)
			return 0;
		done = pids;
	}
	return error_set(err, "move the container into cgroup v1: it forks faster than that");
}

/* Marked until all of it is there: where this one ends in the middle, the next goes on. */
static int v1_bring_in(struct cgroup *cgroup, const struct cgroup_v1 *v1, struct error *err)
{
	cgroup_v1_use(cgroup, v1);
	cgroup_dir_mark(cgroup->fd, CGROUP_MARK_ENTERING, NULL);
	if (cgroup_v1_make(v1, cgroup, err) < 0 || v1_enter(cgroup, v1, err) < 0)
		return -1;
	cgroup_dir_unmark(cgroup->fd, CGROUP_MARK_ENTERING);
	return 0;
}

static int v1_update(struct cgroup *cgroup, const struct resources_plan *resources,
		     struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	bool devices = cgroup->host == CGROUP_LEGACY, present;

	if (cgroup_v1_open(&v1, err) < 0 ||
	    cgroup_v1_present(&v1, cgroup->path, &present, err) < 0)
		return -1;
	if (!present && !resources->listed)
		return 0;
	if ((!present || cgroup_dir_is_marked(cgroup->fd, CGROUP_MARK_ENTERING)) &&
	    v1_bring_in(cgroup, &v1, err) < 0)
		return -1;
	return cgroup_v1_write(&v1, cgroup->path, cgroup->fd, devices, &resources->v1, err);
}

/* memory.checkBeforeUpdate: v2 would take the limit, and kill for it. */
static int memory_check(const struct cgroup *cgroup, struct arena *arena,
			const struct resources_plan *resources, struct error *err)
{
	struct cgroup_stats stats;

	if (!resources->check_before_update || !resources->memory_limit.set ||
	    resources->memory_limit.value < 0)
		return 0;
	if (cgroup_stats_read(cgroup, arena, &stats, err) < 0)
		return -1;
	if (stats.memory.usage <= (uint64_t)resources->memory_limit.value)
		return 0;
	return error_number(err, EBUSY, "set memory limit %lld: %llu bytes are in use",
			    (long long)resources->memory_limit.value,
			    (unsigned long long)stats.memory.usage);
}

/*
 * The program is replaced in one step; after it the files of v1, which forget their old rules
 * before they take new ones, are opened wide and left to it.
 */
static int devices_update(const struct cgroup *cgroup, const struct resources_plan *resources,
			  struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };

	if (cgroup->fd < 0 || resources->device_filter.count == 0)
		return 0;
	if (cgroup_device_attach(cgroup->fd, resources, true, err) < 0)
		/* Where create had none either (cgroup_set_devices). */
		return err->code == EPERM && !namespace_user_is_initial() ? 0 : -1;
	if (cgroup->host != CGROUP_HYBRID)
		return 0;
	return cgroup_v1_open(&v1, err) < 0 ? -1 :
	       cgroup_v1_devices_open(&v1, cgroup->path, err);
}

static struct opt_i64 limit_parse(const char *text)
{
	struct opt_i64 limit = { .set = true, .value = -1 };

	if (strcmp(text, "max") != 0)
		limit.set = text_to_i64(text, 0, INT64_MAX, &limit.value);
	return limit;
}

/* Of the two files: systemd is told of both whenever one changes. */
static void v1_quota_now(const struct cgroup *cgroup, struct limits_now *ret)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	const struct cgroup_hierarchy *cpu;
	_cleanup_fd int fd = -EBADF;
	struct error ignored;
	char text[64];

	if (cgroup_v1_open(&v1, &ignored) < 0 || (cpu = cgroup_v1_find(&v1, "cpu")) == NULL)
		return;
	fd = cgroup_dir_open(cpu->fd, cgroup->path, &ignored);
	if (fd < 0)
		return;
	if (cgroup_file_read(fd, "cpu.cfs_quota_us", text, sizeof(text)) == 0)
		ret->quota.set = text_to_i64(text, -1, INT64_MAX, &ret->quota.value);
	if (cgroup_file_read(fd, "cpu.cfs_period_us", text, sizeof(text)) == 0)
		ret->period.set = text_to_u64(text, UINT64_MAX, &ret->period.value);
}

void cgroup_limits_now(const struct cgroup *cgroup, struct limits_now *ret)
{
	char text[64];
	char *blank;

	*ret = (struct limits_now){ .memory.set = false };
	if (cgroup->manager == CGROUP_SYSTEMD && cgroup_has_v1(cgroup) && cgroup->path != NULL)
		v1_quota_now(cgroup, ret);
	if (cgroup->fd < 0)
		return;
	if (cgroup_file_read(cgroup->fd, "memory.max", text, sizeof(text)) == 0)
		ret->memory = limit_parse(text);
	if (cgroup_file_read(cgroup->fd, "cpu.max", text, sizeof(text)) < 0)
		return;
	blank = strchr(text, ' ');
	if (blank == NULL)
		return;
	*blank = '\0';
	ret->quota = limit_parse(text);
	ret->period.set = text_to_u64(blank + 1, UINT64_MAX, &ret->period.value);
}

int cgroup_update(struct cgroup *cgroup, struct arena *arena,
		  const struct resources_plan *resources, struct error *err)
{
	if (cgroup_need_path(cgroup, "update limits", err) < 0 ||
	    cgroup_check_able(cgroup, resources, err) < 0)
		return -1;
	if (cgroup->host != CGROUP_LEGACY && cgroup->fd < 0 && cgroup_open(cgroup, err) < 0)
		return -1;
	if (memory_check(cgroup, arena, resources, err) < 0)
		return -1;
	if (cgroup->manager == CGROUP_SYSTEMD &&
	    cgroup_systemd_update(cgroup, arena, resources, err) < 0)
		return -1;
	if (cgroup->fd >= 0 && (cgroup_v2_enable(cgroup, &resources->v2, err) < 0 ||
				cgroup_v2_write(cgroup, &resources->v2, err) < 0))
		return -1;
	if (cgroup->host != CGROUP_UNIFIED && v1_update(cgroup, resources, err) < 0)
		return -1;
	return devices_update(cgroup, resources, err);
}
