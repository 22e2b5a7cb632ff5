/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/path.h"
#include "base/sys.h"
#include "runtime/cgroup/internal.h"

/* A file, a symlink, gone meanwhile, or not for this user. */
static bool is_no_hierarchy(int code)
{
	return code == ENOTDIR || code == ELOOP || code == ENOENT || code == EACCES;
}

/*
 * Takes fd, open at that name, if it is a hierarchy's root; else closes it.  Of those that are no
 * hierarchy any number may be there, with any names.
 */
static int hierarchy_add(struct cgroup_v1 *v1, const char *name, int fd, struct error *err)
{
	struct cgroup_hierarchy *hierarchy = &v1->list[v1->count];
	_cleanup_fd int own_fd = fd;
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return error_errno(err, "look at %s/%s", CGROUP_MOUNT, name);
	if (fs.f_type != CGROUP_SUPER_MAGIC)
		return 0;
	if (v1->count == CGROUP_V1_MAX || strlen(name) >= sizeof(hierarchy->name))
		return error_set(err,
				 "%s/%s: more than %d hierarchies of cgroup v1, or a name of more "
				 "than %zu bytes",
				 CGROUP_MOUNT, name, CGROUP_V1_MAX, sizeof(hierarchy->name) - 1);
	memcpy(hierarchy->name, name, strlen(name) + 1);
	hierarchy->fd = fd_take(&own_fd);
	v1->count++;
	return 0;
}

/*
 * The hierarchies are the directories of the tmpfs that are cgroup mounts.  Those mounted
 * together have all their controllers in the name, "cpu,cpuacct"; the single names beside them
 * are symlinks to it, and are passed over.
 */
static int hierarchies_open(DIR *dir, struct cgroup_v1 *v1, struct error *err)
{
	struct dirent *entry;

	while ((entry = dir_next(dir)) != NULL) {
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && is_no_hierarchy(errno))
			continue;
		if (fd < 0)
			return error_errno(err, "open %s/%s", CGROUP_MOUNT, entry->d_name);
		if (hierarchy_add(v1, entry->d_name, fd, err) < 0)
			return -1;
	}
	return errno != 0 ? error_errno(err, "list %s", CGROUP_MOUNT) : 0;
}

/* One that is passed over is neither limited, devices with it, nor cleaned up. */
int cgroup_v1_open(struct cgroup_v1 *ret, struct error *err)
{
	struct cgroup_v1 v1 = { .count = 0 };
	DIR *dir = opendir(CGROUP_MOUNT);
	int result;

	if (dir == NULL)
		return error_errno(err, "list %s", CGROUP_MOUNT);
	result = hierarchies_open(dir, &v1, err);
	closedir(dir);
	if (result < 0)
		cgroup_v1_close(&v1);
	else
		*ret = v1;
	return result;
}

int cgroup_v1_open_freezer(struct cgroup_v1 *ret, struct error *err)
{
	int fd = open(CGROUP_MOUNT "/freezer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : error_errno(err, "open %s/freezer", CGROUP_MOUNT);
	return hierarchy_add(ret, "freezer", fd, err);
}

void cgroup_v1_close(struct cgroup_v1 *v1)
{
	int saved = errno;

	for (size_t i = 0; i < v1->count; i++)
		close(v1->list[i].fd);
	v1->count = 0;
	errno = saved;
}

const struct cgroup_hierarchy *cgroup_v1_find(const struct cgroup_v1 *v1, const char *controller)
{
	for (size_t i = 0; i < v1->count; i++)
		if (cgroup_list_has(v1->list[i].name, controller))
			return &v1->list[i];
	return NULL;
}

const struct cgroup_hierarchy *cgroup_v1_tracker(const struct cgroup_v1 *v1)
{
	static const char *const order[] = { "freezer", "pids", "devices", "systemd" };
	const struct cgroup_hierarchy *hierarchy;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		hierarchy = cgroup_v1_find(v1, order[i]);
		if (hierarchy != NULL)
			return hierarchy;
	}
	return v1->count > 0 ? &v1->list[0] : NULL;
}

/*
 * A new cpuset has no CPUs and no nodes, and refuses processes until it gets some: each takes
 * those of the one above.
 */
static int cpuset_fill(int parent_fd, int dir_fd, struct error *err)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	char text[4096];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (cgroup_file_read(dir_fd, files[i], text, sizeof(text)) < 0)
			return error_errno(err, "read %s", files[i]);
		if (text[0] != '\0')
			continue;
		if (cgroup_file_read(parent_fd, files[i], text, sizeof(text)) < 0)
			return error_errno(err, "read %s of the cgroup above", files[i]);
		if (cgroup_file_write(dir_fd, files[i], text) < 0)
			return error_errno(err, "write \"%s\" to %s", text, files[i]);
	}
	return 0;
}

/* Remembers the directory above, and fills the one below it. */
struct cpuset_walk {
	int parent_fd;
};

static int cpuset_visit(void *context, int dir_fd, unsigned int depth, struct error *err)
{
	struct cpuset_walk *walk = context;
	int result = 0;

	if (depth > 0)
		result = cpuset_fill(walk->parent_fd, dir_fd, err);
	fd_close(&walk->parent_fd);
	walk->parent_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	if (result == 0 && walk->parent_fd < 0)
		return error_errno(err, "keep a cgroup directory open");
	return result;
}

void cgroup_v1_use(struct cgroup *cgroup, const struct cgroup_v1 *v1)
{
	/* A hybrid host may have but cgroup2. */
	cgroup->v1 = v1->count > 0 ? CGROUP_V1_USED : CGROUP_V1_UNUSED;
	if (v1->count > 0 && cgroup->fd >= 0)
		cgroup_dir_mark(cgroup->fd, CGROUP_MARK_V1, NULL);
}

/* Which came no further: there may be some of its own processes in it. */
static bool is_of_earlier_update(int fd, const struct cgroup *cgroup)
{
	return cgroup->owner != NULL && cgroup_dir_is_marked(fd, CGROUP_MARK_CONTAINER) &&
	       cgroup_dir_is_own(fd, cgroup->owner);
}

static int hierarchy_make(const struct cgroup_hierarchy *hierarchy, const struct cgroup *cgroup,
			  struct error *err)
{
	struct cpuset_walk walk = { -EBADF };
	bool cpuset = cgroup_list_has(hierarchy->name, "cpuset"), made;
	_cleanup_fd int fd = cgroup_dir_make(hierarchy->fd, cgroup->path,
					     cpuset ? cpuset_visit : NULL, &walk, &made, err);
	int result = fd < 0 ? -1 : 0;

	if (result == 0 && cpuset)
		result = cpuset_fill(walk.parent_fd, fd, err);
	fd_close(&walk.parent_fd);
	/* In a scope that systemd has just made there is the process that keeps it. */
	if (result == 0 && !made && cgroup->keeper_fd < 0 && !is_of_earlier_update(fd, cgroup))
		result = cgroup_dir_check_empty(fd, err);
	if (result == 0)
		cgroup_dir_mark(fd, CGROUP_MARK_CONTAINER, cgroup->owner);
	return result;
}

int cgroup_v1_make(const struct cgroup_v1 *v1, const struct cgroup *cgroup, struct error *err)
{
	for (size_t i = 0; i < v1->count; i++)
		if (hierarchy_make(&v1->list[i], cgroup, err) < 0)
			return error_wrap(err, "make %s cgroup %s", v1->list[i].name, cgroup->path);
	return 0;
}

int cgroup_v1_dirs(const struct cgroup_v1 *v1, const char *path, struct cgroup_v1 *ret,
		   struct error *err)
{
	struct cgroup_v1 dirs = { .count = 0 };

	for (size_t i = 0; i < v1->count; i++) {
		struct cgroup_hierarchy *dir = &dirs.list[dirs.count];

		dir->fd = cgroup_dir_open(v1->list[i].fd, path, err);
		if (dir->fd < 0 && err->code == ENOENT)
			continue;
		if (dir->fd < 0) {
			cgroup_v1_close(&dirs);
			return error_wrap(err, "%s cgroup", v1->list[i].name);
		}
		memcpy(dir->name, v1->list[i].name, sizeof(dir->name));
		dirs.count++;
	}
	*ret = dirs;
	return 0;
}

struct v1_writer {
	struct cgroup_v1 dirs;
	int v2_fd;
	bool devices;
};

static int v1_dir(void *context, const struct cgroup_write *write, struct error *err)
{
	const struct v1_writer *writer = context;
	const struct cgroup_hierarchy *dir;
	char text[512];

	if (write->controller == NULL)
		return error_set(err, "write %s: not a file of cgroup v1", write->file);
	if (!writer->devices && strcmp(write->controller, "devices") == 0)
		return CGROUP_SKIP;
	dir = cgroup_v1_find(&writer->dirs, write->controller);
	if (dir != NULL)
		return dir->fd;
	/* On a hybrid host a controller may be with cgroup2: the list for v2 has its limits. */
	if (writer->v2_fd >= 0 &&
	    cgroup_file_read(writer->v2_fd, "cgroup.controllers", text, sizeof(text)) == 0 &&
	    cgroup_list_has(text, write->controller))
		return CGROUP_SKIP;
	if (write->optional)
		return CGROUP_SKIP;
	error_set(err, "write %s: this host has no cgroup controller %s", write->file,
		  write->controller);
	return error_hint(err, "mount it at %s/%s, or leave the limit out", CGROUP_MOUNT,
			  write->controller);
}

int cgroup_v1_write(const struct cgroup_v1 *v1, const char *path, int v2_fd, bool devices,
		    const cgroup_write_list *writes, struct error *err)
{
	struct v1_writer writer = { .v2_fd = v2_fd, .devices = devices };
	int result;

	if (cgroup_v1_dirs(v1, path, &writer.dirs, err) < 0)
		return -1;
	result = cgroup_list_write(writes, path, v1_dir, &writer, err);
	cgroup_v1_close(&writer.dirs);
	return result;
}

int cgroup_v1_join(const struct cgroup_v1 *v1, const char *path, pid_t pid, struct error *err)
{
	struct cgroup_v1 dirs;
	char text[16];
	int result = 0;

	if (cgroup_v1_dirs(v1, path, &dirs, err) < 0)
		return -1;
	snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < dirs.count && result == 0; i++)
		if (cgroup_file_write(dirs.list[i].fd, "cgroup.procs", text) < 0)
			result = error_errno(err, "put process %s into %s cgroup %s", text,
					     dirs.list[i].name, path);
	cgroup_v1_close(&dirs);
	return result;
}

/* That of the process in one hierarchy; -1 with err->code ENOENT where the container is not. */
static int task_dir_open(const struct cgroup_hierarchy *hierarchy, const struct cgroup *cgroup,
			 struct error *err)
{
	int fd = cgroup_dir_open(hierarchy->fd, cgroup->path, err);

	if (fd < 0 && err->code == ENOENT && cgroup->whole != NULL)
		fd = cgroup_dir_open(hierarchy->fd, cgroup->whole, err);
	return fd >= 0 ? fd : error_wrap(err, "%s cgroup", hierarchy->name);
}

int cgroup_v1_tasks(const struct cgroup_v1 *v1, const struct cgroup *cgroup,
		    int ret_fds[CGROUP_TASK_FILES_MAX], size_t *ret_count, struct error *err)
{
	int fds[CGROUP_TASK_FILES_MAX], result = 0;
	size_t count = 0;

	for (size_t i = 0; i < v1->count && result == 0; i++) {
		_cleanup_fd int dir_fd = task_dir_open(&v1->list[i], cgroup, err);
		int fd;

		if (dir_fd < 0) {
			result = err->code == ENOENT ? 0 : -1;
			continue;
		}
		fd = openat(dir_fd, "tasks", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			result = error_errno(err, "open tasks of %s cgroup %s", v1->list[i].name,
					     cgroup->path);
		else
			fds[count++] = fd;
	}
	if (result < 0) {
		while (count > 0)
			close(fds[--count]);
		return -1;
	}
	memcpy(ret_fds, fds, count * sizeof(fds[0]));
	*ret_count = count;
	return 0;
}

int cgroup_v1_remove(const struct cgroup_v1 *v1, const struct cgroup *cgroup, struct error *err)
{
	int result = 0;

	/* All of them, also after a failure: whatever can go, goes. */
	for (size_t i = 0; i < v1->count; i++) {
		struct error later;

		if (cgroup_dir_remove(v1->list[i].fd, cgroup, result == 0 ? err : &later) < 0)
			result = -1;
	}
	return result;
}

int cgroup_v1_present(const struct cgroup_v1 *v1, const char *path, bool *ret, struct error *err)
{
	struct cgroup_v1 dirs;

	if (cgroup_v1_dirs(v1, path, &dirs, err) < 0)
		return -1;
	*ret = dirs.count > 0;
	cgroup_v1_close(&dirs);
	return 0;
}

int cgroup_v1_devices_open(const struct cgroup_v1 *v1, const char *path, struct error *err)
{
	const struct cgroup_hierarchy *devices = cgroup_v1_find(v1, "devices");
	_cleanup_fd int fd = -EBADF;

	if (devices == NULL)
		return 0;
	fd = cgroup_dir_open(devices->fd, path, err);
	if (fd < 0)
		return err->code == ENOENT ? 0 : -1;
	if (cgroup_file_write(fd, "devices.allow", "a") < 0)
		return error_errno(err, "write \"a\" to devices.allow of cgroup %s", path);
	return 0;
}
