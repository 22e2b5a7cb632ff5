/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "runtime/cgroup_internal.h"

/* How deep a container may nest cgroups of its own before we refuse to follow. */
#define DEPTH_MAX	64
/* How often a removal looks again, with what was killed in it and without, and the pause between. */
#define DYING_TRIES	1000
#define REMOVE_TRIES	20
#define REMOVE_PAUSE_MS	10

/*
 * What is ours is marked on the directory itself, where no crash can part the two.  trusted.* is
 * out of reach for a container that the cgroup was delegated to; without privilege there is user.*
 * (cgroup2, Linux 5.7).
 */
static const char *const marks[][2] = {
	[CGROUP_MARK_PARENT] = { "trusted.kist.parent", "user.kist.parent" },
	[CGROUP_MARK_CONTAINER] = { "trusted.kist.container", "user.kist.container" },
};

void cgroup_dir_mark(int dir_fd, enum cgroup_mark mark)
{
	if (fsetxattr(dir_fd, marks[mark][0], "1", 1, 0) < 0)
		fsetxattr(dir_fd, marks[mark][1], "1", 1, 0);
}

bool cgroup_dir_is_marked(int dir_fd, enum cgroup_mark mark)
{
	return fgetxattr(dir_fd, marks[mark][0], NULL, 0) >= 0 ||
	       fgetxattr(dir_fd, marks[mark][1], NULL, 0) >= 0;
}

int cgroup_file_write(int dir_fd, const char *file, const char *text)
{
	_cleanup_fd int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		n = write(fd, text, strlen(text));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int cgroup_file_read(int dir_fd, const char *file, char *text, size_t room)
{
	_cleanup_fd int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, text, room - 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return 0;
}

bool cgroup_list_has(const char *list, const char *controller)
{
	size_t length = strlen(controller);

	while (*list != '\0') {
		size_t word = strcspn(list, ", \n");

		if (word == length && memcmp(list, controller, length) == 0)
			return true;
		list += word;
		list += strspn(list, ", \n");
	}
	return false;
}

int cgroup_dir_open(int root_fd, const char *path, struct error *err)
{
	path += strspn(path, "/");
	return path_open_strict(root_fd, *path != '\0' ? path : ".", O_RDONLY | O_DIRECTORY, err);
}

/* One component: gives its directory, and whether it is new. */
static int component_make(int parent_fd, const char *name, bool *ret_made, struct error *err)
{
	*ret_made = mkdirat(parent_fd, name, 0755) == 0;
	if (!*ret_made && errno != EEXIST)
		return error_errno(err, "make");
	return path_open_strict(parent_fd, name, O_RDONLY | O_DIRECTORY, err);
}

int cgroup_dir_make(int root_fd, const char *path, cgroup_visit *visit, void *context,
		    bool *ret_made, struct error *err)
{
	_cleanup_fd int dir_fd = path_open_strict(root_fd, ".", O_RDONLY | O_DIRECTORY, err);
	bool made = false;

	if (dir_fd < 0)
		return -1;
	for (unsigned int depth = 0; *(path += strspn(path, "/")) != '\0'; depth++) {
		size_t length = strcspn(path, "/");
		char name[NAME_MAX + 1];
		int next_fd;

		if (length > NAME_MAX)
			return error_number(err, ENAMETOOLONG, "make cgroup %.32s...", path);
		if (visit != NULL && visit(context, dir_fd, depth, err) < 0)
			return -1;
		memcpy(name, path, length);
		name[length] = '\0';
		path += length;
		next_fd = component_make(dir_fd, name, &made, err);
		if (next_fd < 0)
			return error_wrap(err, "cgroup %s", name);
		fd_close(&dir_fd);
		dir_fd = next_fd;
		if (made && path[strspn(path, "/")] != '\0')
			cgroup_dir_mark(dir_fd, CGROUP_MARK_PARENT);
	}
	*ret_made = made;
	return fd_take(&dir_fd);
}

static void pid_list_add(struct cgroup_pid_list *list, pid_t pid)
{
	if (list->count == list->room) {
		size_t room = list->room > 0 ? list->room * 2 : 64;
		pid_t *items = ARENA_NEWS(list->arena, room, pid_t);

		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = pid;
}

static int procs_read(int dir_fd, struct cgroup_pid_list *list, struct error *err)
{
	char *text, *at, *end;

	if (file_read(dir_fd, "cgroup.procs", 16 << 20, list->arena, &text, NULL, err) < 0) {
		/* A threaded cgroup: its processes are listed in the domain above. */
		if (err->code == EOPNOTSUPP || err->code == ENODEV || err->code == ENOENT)
			return 0;
		return -1;
	}
	for (at = text; *at != '\0'; at = end + strspn(end, "\n")) {
		unsigned long pid = strtoul(at, &end, 10);

		if (end == at)
			break;
		/* 0: a process of a pid namespace that is not below ours. */
		if (pid > 0)
			pid_list_add(list, (pid_t)pid);
	}
	return 0;
}

/* Opens the next directory in *dir, with its name; -1 at the end. */
static int child_next(DIR *dir, char ret_name[NAME_MAX + 1])
{
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL) {
		int fd;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		memcpy(ret_name, entry->d_name, strlen(entry->d_name) + 1);
		return fd;
	}
	return -1;
}

static DIR *dir_list(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL && fd >= 0)
		close(fd);
	return dir;
}

static int dir_pids(int dir_fd, unsigned int depth, struct cgroup_pid_list *list,
		    struct error *err)
{
	char name[NAME_MAX + 1];
	int fd, result = 0;
	DIR *dir;

	if (depth > DEPTH_MAX)
		return error_number(err, ELOOP, "list cgroup");
	if (procs_read(dir_fd, list, err) < 0)
		return -1;
	dir = dir_list(dir_fd);
	if (dir == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "list cgroup");
	while (result == 0 && (fd = child_next(dir, name)) >= 0) {
		result = dir_pids(fd, depth + 1, list, err);
		close(fd);
	}
	closedir(dir);
	return result;
}

int cgroup_dir_pids(int dir_fd, struct cgroup_pid_list *list, struct error *err)
{
	return dir_pids(dir_fd, 0, list, err);
}

int cgroup_dir_check_empty(int dir_fd, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	struct cgroup_pid_list list = { .arena = &arena };

	if (cgroup_dir_pids(dir_fd, &list, err) < 0)
		return -1;
	if (list.count > 0)
		return error_set(err, "container's cgroup is not empty: %zu process(es) found",
				 list.count);
	return 0;
}

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
	DIR *dir = dir_list(dir_fd);

	if (dir == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "list cgroup");
	while (result == 0 && (fd = child_next(dir, name)) >= 0) {
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

	if (depth > DEPTH_MAX)
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
