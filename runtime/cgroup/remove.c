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

static int dir_remove(int parent_fd, const char *name, unsigned int depth, unsigned int *tries,
		      struct error *err);

static int children_remove(int dir_fd, unsigned int depth, unsigned int *tries,
			   struct error *err)
{
	char name[NAME_MAX + 1];
	int fd, result = 0;
	DIR *dir = cgroup_dir_list(dir_fd);

	if (dir == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "list cgroup");
	while (result == 0 && (fd = cgroup_child_next(dir, name)) >= 0) {
		close(fd);
		result = dir_remove(dirfd(dir), name, depth + 1, tries, err);
	}
	closedir(dir);
	return result;
}

/* Says why a cgroup cannot be removed, with the number of processes that hold it. */
static int busy_error(int dir_fd, const char *name, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	struct cgroup_pid_list list = { .arena = &arena };

	if (cgroup_dir_pids(dir_fd, &list, err) < 0 || list.count == 0)
		return error_number(err, EBUSY, "remove cgroup %s", name);
	return error_number(err, EBUSY, "remove cgroup %s: %zu process(es) in it, the first is %d",
			    name, list.count, (int)list.items[0]);
}

static int dir_remove(int parent_fd, const char *name, unsigned int depth, unsigned int *tries,
		      struct error *err)
{
	_cleanup_fd int fd = -EBADF;

	if (depth > CGROUP_DEPTH_MAX)
		return error_number(err, ELOOP, "remove cgroup %s", name);
	for (;;) {
		if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return error_errno(err, "remove cgroup %s", name);
		if (fd < 0)
			fd = openat(parent_fd, name,
				    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return errno == ENOENT ? 0 : error_errno(err, "open cgroup %s", name);
		if (children_remove(fd, depth, tries, err) < 0)
			return -1;
		if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
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

/* A parent that was made for a container goes with the last container in it. */
static void parents_remove(int root_fd, int dir_fd, char parent[PATH_MAX])
{
	_cleanup_fd int fd = dir_fd;
	char above[PATH_MAX];
	const char *name;
	struct error ignored;

	while ((name = path_split(parent, above)) != NULL &&
	       cgroup_dir_is_marked(fd, CGROUP_MARK_PARENT)) {
		fd_close(&fd);
		fd = cgroup_dir_open(root_fd, above, &ignored);
		if (fd < 0 || unlinkat(fd, name, AT_REMOVEDIR) < 0)
			return;
		memcpy(parent, above, sizeof(above));
	}
}

int cgroup_dir_remove(int root_fd, const char *path, bool dying, struct error *err)
{
	unsigned int tries = dying ? DYING_TRIES : REMOVE_TRIES;
	_cleanup_fd int fd = -EBADF, own_fd = -EBADF;
	char parent[PATH_MAX];
	const char *name = path_split(path, parent);

	if (name == NULL)
		return error_number(err, EINVAL, "remove cgroup %s", path);
	fd = cgroup_dir_open(root_fd, parent, err);
	if (fd < 0)
		return err->code == ENOENT ? 0 : -1;
	own_fd = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Somebody else's, or made just before we were killed: then it is empty. */
	if (own_fd >= 0 && !cgroup_dir_is_marked(own_fd, CGROUP_MARK_CONTAINER))
		unlinkat(fd, name, AT_REMOVEDIR);
	else if (dir_remove(fd, name, 0, &tries, err) < 0)
		return error_wrap(err, "cgroup %s", path);
	parents_remove(root_fd, fd_take(&fd), parent);
	return 0;
}
