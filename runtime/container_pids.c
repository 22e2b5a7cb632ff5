/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/text.h"
#include "runtime/container.h"

static int pid_namespace_open(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Whether the process is in that pid namespace, or in one below it. */
static bool is_inside(pid_t pid, const struct stat *ns)
{
	_cleanup_fd int fd = pid_namespace_open(pid);
	struct stat here;

	while (fd >= 0 && fstat(fd, &here) == 0) {
		int parent;

		if (here.st_dev == ns->st_dev && here.st_ino == ns->st_ino)
			return true;
		/* EPERM: those above our own are not shown. */
		parent = ioctl(fd, NS_GET_PARENT);
		fd_close(&fd);
		fd = parent;
	}
	return false;
}

/* Who is not ours to look at is not in a namespace of ours. */
static int namespace_pids(const struct stat *ns, struct arena *arena, pid_list *ret,
			  struct error *err)
{
	DIR *dir = opendir("/proc");

	if (dir == NULL)
		return error_errno(err, "read /proc");
	for (struct dirent *entry; (entry = dir_next(dir)) != NULL;) {
		uint64_t pid;

		if (text_to_u64(entry->d_name, INT32_MAX, &pid) && is_inside((pid_t)pid, ns))
			LIST_ADD(arena, ret, (pid_t)pid);
	}
	if (errno != 0) {
		error_errno(err, "read /proc");
		closedir(dir);
		return -1;
	}
	closedir(dir);
	return 0;
}

/*
 * Without a cgroup, as an ordinary user's container mostly is: those of its pid namespace.  Where
 * that is not its own either, the first process is all that is known for certain.
 */
static int pids_without_cgroup(struct container *c, struct arena *arena, pid_list *ret,
			       struct error *err)
{
	const struct namespace_plan *of;
	_cleanup_fd int fd = -EBADF;
	const struct plan *plan;
	struct stat ns;

	/* In the making; its configuration may not have been kept yet, either. */
	if (c->pid == 0)
		return 0;
	plan = container_plan(c, err);
	if (plan == NULL)
		return -1;
	of = &plan->namespaces[NAMESPACE_PID];
	if (of->listed && of->path == NULL) {
		fd = pid_namespace_open(c->pid);
		if (fd < 0 || fstat(fd, &ns) < 0)
			return error_errno(err, "look at the pid namespace of %s", c->id);
		return namespace_pids(&ns, arena, ret, err);
	}
	LIST_ADD(arena, ret, c->pid);
	return 0;
}

int container_pids(struct container *c, struct arena *arena, pid_list *ret, struct error *err)
{
	*ret = (pid_list){ 0 };
	if (!cgroup_is_used(&c->cgroup))
		return pids_without_cgroup(c, arena, ret, err);
	if (c->cgroup.fd < 0 && cgroup_open(&c->cgroup, err) < 0)
		return -1;
	return cgroup_pids(&c->cgroup, arena, ret, err);
}
