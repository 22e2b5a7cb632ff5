/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "base/sys.h"
#include "runtime/cgroup/internal.h"

/* Rounds of listing and signalling until a fork can no longer have been missed. */
#define ROUNDS_MAX	64
/* Processes that are held at the same time; of fds a caller has 1024, or less. */
#define AT_ONCE		32

/* The directory whose processes are those of the container: cgroup2's, where there is one. */
static int tracker_open(const struct cgroup *cgroup, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	const struct cgroup_hierarchy *tracker;

	if (cgroup->host != CGROUP_LEGACY)
		return cgroup_v2_open(cgroup, err);
	if (cgroup_v1_open(&v1, err) < 0)
		return -1;
	tracker = cgroup_v1_tracker(&v1);
	return tracker == NULL ? error_set(err, "no cgroup v1 hierarchy is mounted") :
				 cgroup_dir_open(tracker->fd, cgroup->path, err);
}

int cgroup_pids(const struct cgroup *cgroup, struct arena *arena, pid_list *ret, struct error *err)
{
	pid_list list = { 0 };
	_cleanup_fd int fd = -EBADF;

	if (cgroup_need_path(cgroup, "list processes", err) < 0)
		return -1;
	fd = tracker_open(cgroup, err);
	if (fd < 0 || cgroup_dir_pids(fd, arena, &list, err) < 0)
		return -1;
	*ret = list;
	return 0;
}

bool cgroup_is_ours(const struct cgroup *cgroup)
{
	struct error ignored;
	_cleanup_fd int fd = tracker_open(cgroup, &ignored);

	return fd >= 0 && cgroup_dir_is_own(fd, cgroup->owner);
}

/*
 * A pid may be another process by the time it is used.  A pidfd, taken before the pid is seen in
 * the list a second time, is of the listed process, or of a dead one.
 */
static int batch_signal(int dir_fd, const pid_t *pids, size_t count, int signal, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	pid_list again = { 0 };
	int fds[AT_ONCE], result = 0;

	for (size_t i = 0; i < count; i++) {
		fds[i] = sys_pidfd_open(pids[i], 0);
		/* EINVAL, ENOENT: it is the number of a thread by now. */
		if (fds[i] < 0 && errno != ESRCH && errno != EINVAL && errno != ENOENT)
			result = error_errno(err, "open process %d", (int)pids[i]);
	}
	if (result == 0)
		result = cgroup_dir_pids(dir_fd, &arena, &again, err);
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0 && result == 0 && pid_is_listed(&again, pids[i]) &&
		    sys_pidfd_send_signal(fds[i], signal) < 0 && errno != ESRCH)
			result = error_errno(err, "signal process %d", (int)pids[i]);
		fd_close(&fds[i]);
	}
	return result;
}

static int dir_signal(int dir_fd, int signal, size_t *ret_count, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	pid_list pids = { 0 };

	if (cgroup_dir_pids(dir_fd, &arena, &pids, err) < 0)
		return -1;
	*ret_count = pids.count;
	for (size_t at = 0; at < pids.count; at += AT_ONCE) {
		size_t left = pids.count - at;

		if (batch_signal(dir_fd, pids.items + at, left < AT_ONCE ? left : AT_ONCE, signal,
				 err) < 0)
			return -1;
	}
	return 0;
}

int cgroup_signal(const struct cgroup *cgroup, int signal, struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	size_t count;

	if (cgroup_need_path(cgroup, "signal", err) < 0)
		return -1;
	fd = tracker_open(cgroup, err);
	if (fd < 0)
		return -1;
	/* A container that has ended may have left its path to another. */
	if (!cgroup_dir_is_own(fd, cgroup->owner))
		return error_number(err, ENOENT, "signal cgroup %s", cgroup->path);
	return dir_signal(fd, signal, &count, err);
}

/* Once, and again until the forks are caught up with. */
static int dir_kill(int dir_fd, struct error *err)
{
	size_t count = 1;
	int result = 0;

	for (int round = 0; result == 0 && count > 0 && round <= ROUNDS_MAX; round++)
		result = dir_signal(dir_fd, SIGKILL, &count, err);
	return result;
}

/* Frozen, nothing can fork between the list and the signal. */
static int kill_one_by_one(const struct cgroup *cgroup, struct error *err)
{
	_cleanup_fd int fd = tracker_open(cgroup, err);
	struct error ignored;
	size_t count;
	int result;

	if (fd < 0)
		return -1;
	cgroup_freeze(cgroup, true, &ignored);
	result = dir_signal(fd, SIGKILL, &count, err);
	cgroup_freeze(cgroup, false, &ignored);
	return result < 0 ? -1 : dir_kill(fd, err);
}

/* False: it is in cgroup2 alone. */
static bool may_be_in_v1(const struct cgroup *cgroup)
{
	return cgroup_has_v1(cgroup) &&
	       (cgroup->host != CGROUP_HYBRID || cgroup->v1 != CGROUP_V1_UNKNOWN ||
		cgroup->fd < 0 || cgroup_dir_is_marked(cgroup->fd, CGROUP_MARK_V1));
}

/*
 * Where there is a cgroup2 it freezes, but who is used to v1 may have frozen by hand what of the
 * container is there.  ret: that hierarchy alone, where it had to be looked at: a caller may have
 * few fds, and every "state" asks.
 */
static int frozen_by_hand(const struct cgroup *cgroup, struct cgroup_v1 *ret, struct error *err)
{
	struct error ignored;

	if (cgroup->host != CGROUP_HYBRID || !may_be_in_v1(cgroup))
		return 0;
	if (cgroup_v1_open_freezer(ret, err) < 0)
		return -1;
	return ret->count > 0 && cgroup_v1_is_frozen(ret, cgroup->path, &ignored) == 1;
}

static int thaw_by_hand(const struct cgroup *cgroup, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	int frozen = frozen_by_hand(cgroup, &v1, err);

	return frozen <= 0 ? frozen : cgroup_v1_freeze(&v1, cgroup->path, false, err);
}

/* What is in a hierarchy of v1 and not in the others: it left them, or they are gone already. */
static int v1_kill(const struct cgroup *cgroup, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 }, dirs = { .count = 0 };

	if (!cgroup_has_v1(cgroup))
		return 0;
	/* What is frozen there keeps even the SIGKILL of cgroup2 waiting. */
	if (thaw_by_hand(cgroup, err) < 0 || cgroup_v1_open(&v1, err) < 0 ||
	    cgroup_v1_thaw_below(&v1, cgroup, err) < 0 ||
	    cgroup_v1_dirs(&v1, cgroup->path, &dirs, err) < 0)
		return -1;
	for (size_t i = 0; i < dirs.count; i++)
		if (cgroup_dir_is_own(dirs.list[i].fd, cgroup->owner) &&
		    dir_kill(dirs.list[i].fd, err) < 0)
			return error_wrap(err, "%s", dirs.list[i].name);
	/* Again: what lived then may have frozen others, and now nothing lives that could. */
	return cgroup_v1_thaw_below(&v1, cgroup, err);
}

int cgroup_kill(struct cgroup *cgroup, struct error *err)
{
	int result = 0;

	if (cgroup_need_path(cgroup, "kill", err) < 0)
		return -1;
	cgroup->killed = true;
	if (cgroup->host != CGROUP_LEGACY && cgroup->fd < 0 && cgroup_open(cgroup, err) < 0 &&
	    err->code != ENOENT)
		return -1;
	/* The journal may name one that create then refused, because it was somebody else's. */
	if (cgroup_is_ours(cgroup)) {
		cgroup->born = false;
		if (cgroup->fd < 0 || cgroup_file_write(cgroup->fd, "cgroup.kill", "1") < 0)
			result = kill_one_by_one(cgroup, err);
	}
	if ((result == 0 || err->code == ENOENT) &&
	    (v1_kill(cgroup, err) == 0 || err->code == ENOENT))
		return 0;
	return error_wrap(err, "kill cgroup %s", cgroup->path);
}

int cgroup_freeze(const struct cgroup *cgroup, bool frozen, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };

	if (cgroup_need_path(cgroup, frozen ? "freeze" : "thaw", err) < 0)
		return -1;
	if (cgroup->host == CGROUP_LEGACY && cgroup_v1_open(&v1, err) < 0)
		return -1;
	if (cgroup->host == CGROUP_LEGACY)
		return cgroup_v1_freeze(&v1, cgroup->path, frozen, err);
	if (cgroup_v2_freeze(cgroup->fd, frozen, err) < 0)
		return -1;
	return frozen ? 0 : thaw_by_hand(cgroup, err);
}

int cgroup_thaw_killed(const struct cgroup *cgroup, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };

	if (cgroup->path == NULL || !may_be_in_v1(cgroup))
		return 0;
	return cgroup_v1_open_freezer(&v1, err) < 0 ? -1 : cgroup_v1_thaw_below(&v1, cgroup, err);
}

const char *cgroup_freezer(const struct cgroup *cgroup, struct arena *arena)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	const struct cgroup_hierarchy *freezer;
	struct error ignored;

	if (!cgroup_is_used(cgroup) || cgroup->host == CGROUP_HYBRID)
		return NULL;
	if (cgroup->host == CGROUP_UNIFIED)
		return arena_printf(arena, CGROUP_MOUNT "%s", cgroup->path);
	if (cgroup_v1_open(&v1, &ignored) < 0)
		return NULL;
	freezer = cgroup_v1_find(&v1, "freezer");
	return freezer == NULL ? NULL :
	       arena_printf(arena, CGROUP_MOUNT "/%s%s", freezer->name, cgroup->path);
}

int cgroup_is_frozen(const struct cgroup *cgroup, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	int result;

	if (cgroup_need_path(cgroup, "look whether it is frozen", err) < 0)
		return -1;
	if (cgroup->host == CGROUP_LEGACY && cgroup_v1_open(&v1, err) < 0)
		return -1;
	if (cgroup->host == CGROUP_LEGACY)
		return cgroup_v1_is_frozen(&v1, cgroup->path, err);
	result = cgroup_v2_is_frozen(cgroup->fd, err);
	return result != 0 ? result : frozen_by_hand(cgroup, &v1, err);
}
