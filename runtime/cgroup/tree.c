/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/list.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "runtime/cgroup/internal.h"

/*
 * What is ours is marked on the directory itself, where no crash can part the two.  trusted.* is
 * out of reach for a container that the cgroup was delegated to; without privilege there is user.*
 * (cgroup2, Linux 5.7).  A directory is made with the sticky bit, which needs no second call: until
 * it has its mark, or where it gets none, that says that kist made it.
 */
#define MODE_MADE (S_ISVTX | 0755)

/* The mark of a container whose maker did not say which. */
static const char any_owner[] = "1";
#define OWNER_MAX 64

static const char *const marks[][2] = {
	[CGROUP_MARK_PARENT] = { "trusted.kist.parent", "user.kist.parent" },
	[CGROUP_MARK_CONTAINER] = { "trusted.kist.container", "user.kist.container" },
	[CGROUP_MARK_V1] = { "trusted.kist.v1", "user.kist.v1" },
	[CGROUP_MARK_ENTERING] = { "trusted.kist.entering", "user.kist.entering" },
};

void cgroup_dir_mark(int dir_fd, enum cgroup_mark mark, const char *owner)
{
	const char *value = owner != NULL ? owner : any_owner;

	if (fsetxattr(dir_fd, marks[mark][0], value, strlen(value), 0) < 0)
		fsetxattr(dir_fd, marks[mark][1], value, strlen(value), 0);
}

void cgroup_dir_unmark(int dir_fd, enum cgroup_mark mark)
{
	if (fremovexattr(dir_fd, marks[mark][0]) < 0)
		fremovexattr(dir_fd, marks[mark][1]);
}

static bool mark_read(int dir_fd, enum cgroup_mark mark, char text[OWNER_MAX])
{
	ssize_t n = fgetxattr(dir_fd, marks[mark][0], text, OWNER_MAX - 1);

	if (n < 0)
		n = fgetxattr(dir_fd, marks[mark][1], text, OWNER_MAX - 1);
	if (n >= 0)
		text[n] = '\0';
	return n >= 0;
}

bool cgroup_dir_is_marked(int dir_fd, enum cgroup_mark mark)
{
	char ignored[OWNER_MAX];

	return mark_read(dir_fd, mark, ignored);
}

static bool is_unmarked_of_kist(int dir_fd, enum cgroup_mark other)
{
	struct stat st;

	return fstat(dir_fd, &st) == 0 && (st.st_mode & S_ISVTX) &&
	       !cgroup_dir_is_marked(dir_fd, other);
}

bool cgroup_dir_is_own(int dir_fd, const char *owner)
{
	char text[OWNER_MAX];

	if (!mark_read(dir_fd, CGROUP_MARK_CONTAINER, text))
		return is_unmarked_of_kist(dir_fd, CGROUP_MARK_PARENT);
	return owner == NULL || strcmp(text, any_owner) == 0 || strcmp(text, owner) == 0;
}

bool cgroup_dir_is_parent(int dir_fd)
{
	return cgroup_dir_is_marked(dir_fd, CGROUP_MARK_PARENT) ||
	       is_unmarked_of_kist(dir_fd, CGROUP_MARK_CONTAINER);
}

int cgroup_file_write(int dir_fd, const char *file, const char *text)
{
	_cleanup_fd int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -1 : fd_write_once(fd, text);
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

/* Where other containers end while this one is made, and take its parents away: never so often. */
#define MAKE_TRIES 64

/* One component: gives its directory, and whether it is new. */
static int component_make(int parent_fd, const char *name, bool *ret_made, struct error *err)
{
	*ret_made = mkdirat(parent_fd, name, MODE_MADE) == 0;
	if (!*ret_made && errno != EEXIST)
		return error_errno(err, "make");
	return path_open_strict(parent_fd, name, O_RDONLY | O_DIRECTORY, err);
}

/* What is done in a directory that was taken away fails with this and that. */
static bool is_removed(int dir_fd)
{
	return faccessat(dir_fd, "cgroup.procs", F_OK, 0) < 0 && errno == ENOENT;
}

/* again: a parent that was there is gone. */
static int path_make(int root_fd, const char *path, cgroup_visit *visit, void *context,
		     bool *ret_made, bool *ret_again, struct error *err)
{
	_cleanup_fd int dir_fd = path_open_strict(root_fd, ".", O_RDONLY | O_DIRECTORY, err);
	bool made = false;

	*ret_again = false;
	if (dir_fd < 0)
		return -1;
	for (unsigned int depth = 0; *(path += strspn(path, "/")) != '\0'; depth++) {
		size_t length = strcspn(path, "/");
		char name[NAME_MAX + 1];
		int next_fd;

		if (length > NAME_MAX)
			return error_number(err, ENAMETOOLONG, "make cgroup %.32s...", path);
		if (visit != NULL && visit(context, dir_fd, depth, err) < 0) {
			*ret_again = is_removed(dir_fd);
			return -1;
		}
		memcpy(name, path, length);
		name[length] = '\0';
		path += length;
		next_fd = component_make(dir_fd, name, &made, err);
		if (next_fd < 0) {
			*ret_again = err->code == ENOENT || is_removed(dir_fd);
			return error_wrap(err, "cgroup %s", name);
		}
		fd_close(&dir_fd);
		dir_fd = next_fd;
		if (made && path[strspn(path, "/")] != '\0')
			cgroup_dir_mark(dir_fd, CGROUP_MARK_PARENT, NULL);
	}
	*ret_made = made;
	return fd_take(&dir_fd);
}

int cgroup_dir_make(int root_fd, const char *path, cgroup_visit *visit, void *context,
		    bool *ret_made, struct error *err)
{
	bool again = false;
	int fd = -1;

	for (int tries = 0; fd < 0 && (tries == 0 || again) && tries < MAKE_TRIES; tries++)
		fd = path_make(root_fd, path, visit, context, ret_made, &again, err);
	return fd;
}

static int procs_read(int dir_fd, struct arena *arena, pid_list *list, struct error *err)
{
	char *text, *at, *end;

	if (file_read(dir_fd, "cgroup.procs", 16 << 20, arena, &text, NULL, err) < 0) {
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
			LIST_ADD(arena, list, (pid_t)pid);
	}
	return 0;
}

bool cgroup_is_gone(int code)
{
	return code == ENOENT || code == ENODEV;
}

int cgroup_child_next(DIR *dir, char ret_name[NAME_MAX + 1], struct error *err)
{
	struct dirent *entry;

	while ((entry = dir_next(dir)) != NULL) {
		if (entry->d_type != DT_DIR)
			continue;
		memcpy(ret_name, entry->d_name, strlen(entry->d_name) + 1);
		return 1;
	}
	/* What is not in the list would be overlooked, with the processes in it. */
	return errno == 0 ? 0 : error_errno(err, "read the list of cgroups below");
}

int cgroup_dir_enter(DIR **dir, int fd, struct error *err)
{
	closedir(*dir);
	*dir = dir_take(fd);
	return *dir != NULL ? 0 : error_errno(err, "list cgroup");
}

int cgroup_dir_leave(DIR **dir, struct error *err)
{
	int fd = openat(dirfd(*dir), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? cgroup_dir_enter(dir, fd, err) : error_errno(err, "leave cgroup");
}

/* One that goes meanwhile has nothing in it. */
static int child_visit(DIR **dir, const char *name, cgroup_each *each, void *context,
		       bool *ret_entered, struct error *err)
{
	_cleanup_fd int fd =
		openat(dirfd(*dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*ret_entered = fd >= 0;
	if (fd < 0)
		return cgroup_is_gone(errno) ? 0 : error_errno(err, "open cgroup %s", name);
	return each(context, fd, err) < 0 ? -1 : cgroup_dir_enter(dir, fd_take(&fd), err);
}

/* Of each level the place in its list is kept. */
static int list_walk(DIR **dir, struct arena *arena, cgroup_each *each, void *context,
		     struct error *err)
{
	LIST(long) places = { 0 };
	char name[NAME_MAX + 1];

	for (;;) {
		int more = cgroup_child_next(*dir, name, err);
		bool entered = false;
		long place = telldir(*dir);

		if (more < 0 ||
		    (more > 0 && child_visit(dir, name, each, context, &entered, err) < 0))
			return -1;
		if (entered)
			LIST_ADD(arena, &places, place);
		if (more > 0)
			continue;
		if (places.count == 0)
			return 0;
		if (cgroup_dir_leave(dir, err) < 0)
			return -1;
		seekdir(*dir, places.items[--places.count]);
	}
}

int cgroup_dir_walk(int dir_fd, cgroup_each *each, void *context, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	DIR *dir;
	int result;

	if (each(context, dir_fd, err) < 0)
		return -1;
	dir = dir_list(dir_fd);
	if (dir == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "list cgroup");
	result = list_walk(&dir, &arena, each, context, err);
	if (dir != NULL)
		closedir(dir);
	return result;
}

struct pids_walk {
	struct arena *arena;
	pid_list *list;
};

static int pids_visit(void *context, int dir_fd, struct error *err)
{
	const struct pids_walk *walk = context;

	return procs_read(dir_fd, walk->arena, walk->list, err);
}

int cgroup_dir_pids(int dir_fd, struct arena *arena, pid_list *list, struct error *err)
{
	struct pids_walk walk = { arena, list };

	return cgroup_dir_walk(dir_fd, pids_visit, &walk, err);
}

int cgroup_dir_check_empty(int dir_fd, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	pid_list list = { 0 };

	if (cgroup_dir_pids(dir_fd, &arena, &list, err) < 0)
		return -1;
	if (list.count > 0)
		return error_set(err, "container's cgroup is not empty: %zu process(es) found",
				 list.count);
	return 0;
}
