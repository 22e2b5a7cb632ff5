/* SPDX-License-Identifier: Apache-2.0 */
#include "init/idmap.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "config/id_map.h"

static int map_write(int proc_fd, const char *file, id_map_list maps, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };

	return file_write(proc_fd, file, id_map_text(&arena, &maps), err);
}

static int holder_open(pid_t pid, id_map_list uid_maps, id_map_list gid_maps, struct error *err)
{
	_cleanup_fd int proc_fd = -EBADF;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		return error_errno(err, "open %s", path);
	if (map_write(proc_fd, "uid_map", uid_maps, err) < 0 ||
	    map_write(proc_fd, "gid_map", gid_maps, err) < 0)
		return -1;
	fd = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : error_errno(err, "open %s/ns/user", path);
}

/* The maps can be written only while a process is there; the namespace stays with the fd. */
static int idmap_namespace(id_map_list uid_maps, id_map_list gid_maps, struct error *err)
{
	pid_t parent = getpid(), pid = sys_fork(CLONE_NEWUSER, SIGCHLD);
	int fd;

	if (pid < 0)
		return error_errno(err, "make a user namespace for an id mapping");
	if (pid == 0) {
		/* Nobody knows of it but us: it goes when we are killed. */
		while (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			pause();
		_exit(1);
	}
	fd = holder_open(pid, uid_maps, gid_maps, err);
	kill(pid, SIGKILL);
	process_reap(pid, NULL);
	return fd;
}

/* One that is joined by path has its maps already, and the plan need not tell them. */
static int user_open(const struct plan *plan, const struct mount_plan *mount, struct error *err)
{
	const char *path = plan->namespaces[NAMESPACE_USER].path;
	int fd;

	if (mount->uid_maps.count > 0 || mount->gid_maps.count > 0)
		return idmap_namespace(mount->uid_maps, mount->gid_maps, err);
	if (path == NULL)
		return idmap_namespace(plan->uid_maps, plan->gid_maps, err);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : error_errno(err, "open user namespace %s", path);
}

int idmap_tree(const struct plan *plan, const struct mount_plan *mount, int tree_fd,
	       struct error *err)
{
	_cleanup_fd int user_fd = user_open(plan, mount, err);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	unsigned int flags = AT_EMPTY_PATH;

	if (user_fd < 0)
		return -1;
	attr.userns_fd = (uint64_t)user_fd;
	if (mount->flags & MOUNT_IDMAP_RECURSIVE)
		flags |= AT_RECURSIVE;
	if (sys_mount_setattr(tree_fd, "", flags, &attr) == 0)
		return 0;
	error_errno(err, "map the ids of %s", mount->source);
	if (err->code == EINVAL)
		error_hint(err, "its file system may not support id-mapped mounts");
	return -1;
}
