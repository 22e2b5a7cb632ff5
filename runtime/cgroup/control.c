/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "base/sys.h"
#include "runtime/cgroup/internal.h"

/* Rounds of listing and signalling until a fork can no longer have been missed. */
#define ROUNDS_MAX	64

int cgroup_pids(const struct cgroup *cgroup, struct arena *arena, pid_t **ret_pids,
		size_t *ret_count, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	struct cgroup_pid_list list = { .arena = arena };
	_cleanup_fd int owned = -EBADF;
	int fd = cgroup->fd;

	if (cgroup_need_path(cgroup, "list processes", err) < 0)
		return -1;
	if (fd < 0 && cgroup->host != CGROUP_LEGACY) {
		_cleanup_fd int root_fd = cgroup_v2_root(cgroup->host, err);

		fd = owned = root_fd < 0 ? -1 : cgroup_dir_open(root_fd, cgroup->path, err);
	} else if (fd < 0) {
		const struct cgroup_hierarchy *tracker;

		if (cgroup_v1_open(&v1, err) < 0)
			return -1;
		tracker = cgroup_v1_tracker(&v1);
		fd = owned = tracker == NULL ? error_set(err, "no cgroup v1 hierarchy is mounted")
					     : cgroup_dir_open(tracker->fd, cgroup->path, err);
	}
	if (fd < 0 || cgroup_dir_pids(fd, &list, err) < 0)
		return -1;
	*ret_pids = list.items;
	*ret_count = list.count;
	return 0;
}

bool cgroup_pid_listed(const pid_t *pids, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

bool cgroup_is_ours(const struct cgroup *cgroup)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	const struct cgroup_hierarchy *tracker;
	_cleanup_fd int fd = -EBADF;
	struct error ignored;

	if (cgroup->fd >= 0)
		return cgroup_dir_is_marked(cgroup->fd, CGROUP_MARK_CONTAINER);
	if (cgroup_v1_open(&v1, &ignored) < 0 || (tracker = cgroup_v1_tracker(&v1)) == NULL)
		return false;
	fd = cgroup_dir_open(tracker->fd, cgroup->path, &ignored);
	return fd >= 0 && cgroup_dir_is_marked(fd, CGROUP_MARK_CONTAINER);
}

/*
 * A pid may be another process by the time it is used.  A pidfd, taken before the pid is seen in
 * the list a second time, is of the listed process, or of a dead one.
 */
static int pids_signal(const struct cgroup *cgroup, int signal, size_t *ret_count,
		       struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	pid_t *pids, *again;
	size_t count, again_count;
	int *fds, result = 0;

	if (cgroup_pids(cgroup, &arena, &pids, &count, err) < 0)
		return -1;
	fds = ARENA_NEWS(&arena, count + 1, int);
	for (size_t i = 0; i < count; i++)
		fds[i] = sys_pidfd_open(pids[i], 0);
	if (cgroup_pids(cgroup, &arena, &again, &again_count, err) < 0)
		result = -1;
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0 && result == 0 && cgroup_pid_listed(again, again_count, pids[i]) &&
		    sys_pidfd_send_signal(fds[i], signal) < 0 && errno != ESRCH)
			result = error_errno(err, "signal process %d", (int)pids[i]);
		fd_close(&fds[i]);
	}
	*ret_count = count;
	return result;
}

int cgroup_signal(const struct cgroup *cgroup, int signal, struct error *err)
{
	size_t count;

	if (cgroup_need_path(cgroup, "signal", err) < 0)
		return -1;
	return pids_signal(cgroup, signal, &count, err);
}

/* Frozen, nothing can fork between the list and the signal. */
static int kill_one_by_one(const struct cgroup *cgroup, struct error *err)
{
	struct error ignored;
	size_t count;
	int result;

	cgroup_freeze(cgroup, true, &ignored);
	result = pids_signal(cgroup, SIGKILL, &count, err);
	cgroup_freeze(cgroup, false, &ignored);
	/* Where it could not be frozen, until the forks are caught up with. */
	for (int round = 0; result == 0 && count > 0 && round < ROUNDS_MAX; round++)
		result = pids_signal(cgroup, SIGKILL, &count, err);
	return result;
}

int cgroup_kill(struct cgroup *cgroup, struct error *err)
{
	if (cgroup_need_path(cgroup, "kill", err) < 0)
		return -1;
	cgroup->killed = true;
	if (cgroup->host != CGROUP_LEGACY && cgroup->fd < 0 && cgroup_open(cgroup, err) < 0)
		return err->code == ENOENT ? 0 : -1;
	/* The journal may name one that create then refused, because it was somebody else's. */
	if (!cgroup_is_ours(cgroup))
		return 0;
	cgroup->born = false;
	if (cgroup->fd >= 0 && cgroup_file_write(cgroup->fd, "cgroup.kill", "1") == 0)
		return 0;
	if (kill_one_by_one(cgroup, err) == 0 || err->code == ENOENT)
		return 0;
	return error_wrap(err, "kill cgroup %s", cgroup->path);
}

int cgroup_freeze(const struct cgroup *cgroup, bool frozen, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };

	if (cgroup_need_path(cgroup, frozen ? "freeze" : "thaw", err) < 0)
		return -1;
	if (cgroup->host != CGROUP_LEGACY)
		return cgroup_v2_freeze(cgroup->fd, frozen, err);
	return cgroup_v1_open(&v1, err) < 0 ? -1 :
	       cgroup_v1_freeze(&v1, cgroup->path, frozen, err);
}

const char *cgroup_freezer(const struct cgroup *cgroup, struct arena *arena)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	const struct cgroup_hierarchy *freezer;
	struct error ignored;

	if (cgroup->path == NULL || cgroup->host == CGROUP_NONE || cgroup->host == CGROUP_HYBRID)
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

	if (cgroup_need_path(cgroup, "look whether it is frozen", err) < 0)
		return -1;
	if (cgroup->host != CGROUP_LEGACY)
		return cgroup_v2_is_frozen(cgroup->fd, err);
	return cgroup_v1_open(&v1, err) < 0 ? -1 : cgroup_v1_is_frozen(&v1, cgroup->path, err);
}
