/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <limits.h>
#include <poll.h>

#include "base/sys.h"
#include "runtime/cgroup/internal.h"

/* How often a removal looks again, with what was killed in it and without; the pause between. */
#define DYING_TRIES	1000
#define REMOVE_TRIES	20
#define REMOVE_PAUSE_MS	10
/* Cgroups that are looked at in one; more are only made by somebody who does not stop. */
#define STEPS_MAX	10000000

/* Waits until the kernel has seen the last process of the cgroup die, or a little while. */
static void populated_wait(int dir_fd)
{
	_cleanup_fd int fd = openat(dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };
	char text[128];

	/* v1 has no such file: poll() of a negative fd is the pause. */
	if (fd >= 0 && (read(fd, text, sizeof(text) - 1) < 0))
		poll_fd.fd = -1;
	poll(&poll_fd, 1, REMOVE_PAUSE_MS);
}

/* Says why a cgroup cannot be removed, with the number of processes that hold it. */
static int busy_error(int dir_fd, const char *name, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	pid_list list = { 0 };

	if (cgroup_dir_pids(dir_fd, &arena, &list, err) < 0 || list.count == 0)
		return error_number(err, EBUSY, "remove cgroup %s", name);
	return error_number(err, EBUSY, "remove cgroup %s: %zu process(es) in it, the first is %d",
			    name, list.count, (int)list.items[0]);
}

static bool has_children(int dir_fd)
{
	DIR *dir = dir_list(dir_fd);
	char name[NAME_MAX + 1];
	struct error ignored;
	bool has = dir != NULL && cgroup_child_next(dir, name, &ignored) > 0;

	if (dir != NULL)
		closedir(dir);
	return has;
}

/* 1: there is more in it, and it is entered; 0: it is gone, or may be the next time; -1. */
static int child_remove(DIR **dir, const char *name, unsigned int *tries, struct error *err)
{
	_cleanup_fd int fd = -EBADF;

	if (unlinkat(dirfd(*dir), name, AT_REMOVEDIR) == 0 || cgroup_is_gone(errno))
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return error_errno(err, "remove cgroup %s", name);
	fd = openat(dirfd(*dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return cgroup_is_gone(errno) ? 0 : error_errno(err, "open cgroup %s", name);
	if (has_children(fd))
		return cgroup_dir_enter(dir, fd_take(&fd), err) < 0 ? -1 : 1;
	if (*tries == 0)
		return busy_error(fd, name, err);
	--*tries;
	populated_wait(fd);
	rewinddir(*dir);
	return 0;
}

static int list_remove(DIR **dir, unsigned int *tries, struct error *err)
{
	char name[NAME_MAX + 1];
	size_t depth = 0;

	for (unsigned int steps = 0; steps < STEPS_MAX; steps++) {
		int more = cgroup_child_next(*dir, name, err), entered;

		if (more < 0 || (more == 0 && depth == 0))
			return more;
		if (more == 0) {
			/* Its list begins again, with what is empty now. */
			depth--;
			if (cgroup_dir_leave(dir, err) < 0)
				return -1;
			continue;
		}
		entered = child_remove(dir, name, tries, err);
		if (entered < 0)
			return -1;
		depth += (size_t)entered;
	}
	return error_number(err, EBUSY, "remove cgroups: others are made meanwhile");
}

static int children_remove(int dir_fd, unsigned int *tries, struct error *err)
{
	DIR *dir = dir_list(dir_fd);
	int result;

	if (dir == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "list cgroup");
	result = list_remove(&dir, tries, err);
	if (dir != NULL)
		closedir(dir);
	return result;
}

static int dir_remove(int parent_fd, const char *name, unsigned int *tries, struct error *err)
{
	_cleanup_fd int fd = -EBADF;

	for (;;) {
		if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || cgroup_is_gone(errno))
			return 0;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return error_errno(err, "remove cgroup %s", name);
		if (fd < 0)
			fd = openat(parent_fd, name,
				    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return cgroup_is_gone(errno) ? 0 : error_errno(err, "open cgroup %s", name);
		if (children_remove(fd, tries, err) < 0)
			return -1;
		if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || cgroup_is_gone(errno))
			return 0;
		if (*tries == 0)
			return busy_error(fd, name, err);
		--*tries;
		populated_wait(fd);
	}
}

/* Splits "/a/b/c" into the directory "/a/b" and the name "c". */
static const char *path_split(const char *path, char parent[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t length = slash != NULL ? (size_t)(slash - path) : 0;

	if (slash == NULL || slash[1] == '\0' || length >= PATH_MAX)
		return NULL;
	memcpy(parent, path, length);
	parent[length] = '\0';
	return slash + 1;
}

/*
 * The directory path, or the nearest above it that is there, to which path is cut: a removal, or a
 * making, that was killed may have come no further.
 */
static int nearest_open(int root_fd, char path[PATH_MAX], struct error *err)
{
	char *slash;
	int fd;

	while ((fd = cgroup_dir_open(root_fd, path, err)) < 0 && err->code == ENOENT &&
	       (slash = strrchr(path, '/')) != NULL)
		*slash = '\0';
	return fd;
}

/* A parent that was made for a container goes with the last container in it. */
static int parents_remove(int root_fd, int dir_fd, char parent[PATH_MAX], struct error *err)
{
	_cleanup_fd int fd = dir_fd;
	char above[PATH_MAX];
	const char *name;

	while ((name = path_split(parent, above)) != NULL && cgroup_dir_is_parent(fd)) {
		size_t length = strlen(above);

		fd_close(&fd);
		fd = nearest_open(root_fd, above, err);
		if (fd < 0)
			return -1;
		if (strlen(above) == length && unlinkat(fd, name, AT_REMOVEDIR) < 0) {
			/*
			 * Others are in it; or somebody with more rights made it, whose mark we
			 * may not read, and delegated it.
			 */
			if (errno == EBUSY || errno == ENOTEMPTY || errno == EACCES ||
			    errno == EPERM)
				return 0;
			if (!cgroup_is_gone(errno))
				return error_errno(err, "remove cgroup %s", parent);
		}
		memcpy(parent, above, sizeof(above));
	}
	return 0;
}

static int own_remove(int parent_fd, const char *name, const struct cgroup *cgroup,
		      struct error *err)
{
	unsigned int tries = cgroup->killed ? DYING_TRIES : REMOVE_TRIES;
	_cleanup_fd int fd =
		openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return cgroup_is_gone(errno) ? 0 : error_errno(err, "open cgroup %s", cgroup->path);
	if (!cgroup_dir_is_own(fd, cgroup->owner)) {
		unlinkat(parent_fd, name, AT_REMOVEDIR);
		return 0;
	}
	if (dir_remove(parent_fd, name, &tries, err) < 0)
		return error_wrap(err, "cgroup %s", cgroup->path);
	return 0;
}

int cgroup_dir_remove(int root_fd, const struct cgroup *cgroup, struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	char parent[PATH_MAX];
	const char *name = path_split(cgroup->path, parent);
	size_t length;

	if (name == NULL)
		return error_number(err, EINVAL, "remove cgroup %s", cgroup->path);
	length = strlen(parent);
	fd = nearest_open(root_fd, parent, err);
	if (fd < 0 || (strlen(parent) == length && own_remove(fd, name, cgroup, err) < 0))
		return -1;
	return parents_remove(root_fd, fd_take(&fd), parent, err);
}
