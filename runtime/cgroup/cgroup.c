/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cgroup/cgroup.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/namespace.h"
#include "base/sys.h"
#include "config/id_map.h"
#include "runtime/cgroup/internal.h"

static enum cgroup_host host_detect(void)
{
	struct cgroup_v1 v1;
	struct statfs fs;
	struct error err;
	size_t count;

	if (statfs(CGROUP_MOUNT, &fs) < 0)
		return CGROUP_NONE;
	if (fs.f_type == CGROUP2_SUPER_MAGIC)
		return CGROUP_UNIFIED;
	if (statfs(CGROUP_MOUNT "/unified", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		return CGROUP_HYBRID;
	/* Whoever uses them is told what is wrong with them: the device rules are among that. */
	if (cgroup_v1_open(&v1, &err) < 0)
		return err.code == EACCES || err.code == ENOENT ? CGROUP_NONE : CGROUP_LEGACY;
	count = v1.count;
	cgroup_v1_close(&v1);
	return count > 0 ? CGROUP_LEGACY : CGROUP_NONE;
}

enum cgroup_host cgroup_host(void)
{
	static enum cgroup_host host;
	static bool known;

	if (!known)
		host = host_detect();
	known = true;
	return host;
}

int cgroup_host_version(void)
{
	switch (cgroup_host()) {
	case CGROUP_UNIFIED:
		return 2;
	case CGROUP_HYBRID:
	case CGROUP_LEGACY:
		return 1;
	default:
		return 0;
	}
}

int cgroup_plan(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		const char *id, enum cgroup_manager manager, struct error *err)
{
	struct cgroup planned = CGROUP_INIT;

	planned.host = manager == CGROUP_DISABLED ? CGROUP_NONE : cgroup_host();
	planned.manager = manager;
	if (planned.host == CGROUP_NONE && manager != CGROUP_DISABLED && plan->resources.listed) {
		error_set(err, "limit resources: this host has no cgroups at %s", CGROUP_MOUNT);
		return error_hint(err, "mount cgroup2 there, or leave linux.resources out");
	}
	if (cgroup_path_plan(&planned, arena, plan, id, err) < 0)
		return -1;
	/*
	 * The hierarchies of v1 cost 0.6 ms a start here, for mkdir, joining and rmdir: half of
	 * what all the rest takes.  On a hybrid host the container is born in cgroup2 for nothing,
	 * and freeze, kill, ps and the device rules need no more.  So v1 is used when there
	 * are limits (then all of it, for one is not worth being known by), and for a path that
	 * somebody chose, who will look for statistics there.  update moves a container in.
	 */
	if (planned.host == CGROUP_UNIFIED || planned.host == CGROUP_NONE)
		planned.v1 = CGROUP_V1_UNUSED;
	else if (planned.host == CGROUP_LEGACY || plan->resources.listed ||
		 plan->cgroups_path != NULL || manager == CGROUP_SYSTEMD)
		planned.v1 = CGROUP_V1_USED;
	else
		planned.v1 = CGROUP_V1_UNUSED;
	*cgroup = planned;
	return 0;
}

bool cgroup_has_v1(const struct cgroup *cgroup)
{
	return cgroup->v1 != CGROUP_V1_UNUSED &&
	       (cgroup->host == CGROUP_HYBRID || cgroup->host == CGROUP_LEGACY);
}

int cgroup_need_path(const struct cgroup *cgroup, const char *what, struct error *err)
{
	if (cgroup_is_used(cgroup))
		return 0;
	return error_set(err, "%s: the container has no cgroup", what);
}

int cgroup_check_able(const struct cgroup *cgroup, const struct resources_plan *resources,
			     struct error *err)
{
	const char *what =
		cgroup->host == CGROUP_UNIFIED ? resources->v2_error : resources->v1_error;

	/* A hybrid host has BPF for the device rules that the files of v1 cannot say. */
	if (what == NULL && cgroup->host == CGROUP_LEGACY)
		what = resources->v1_devices_error;
	return what != NULL ? error_set(err, "%s", what) : 0;
}

static int v1_create(struct cgroup *cgroup, const struct plan *plan, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };

	if (cgroup_v1_open(&v1, err) < 0)
		return -1;
	cgroup_v1_use(cgroup, &v1);
	if (cgroup_v1_make(&v1, cgroup, err) < 0)
		return -1;
	return cgroup_v1_write(&v1, cgroup->path, cgroup->fd, true, &plan->resources.v1, err);
}

/*
 * By BPF wherever there is a cgroup2 directory, since that can be replaced in one step.  The files
 * of v1 have the rules too where v1 is used, and alone where the kernel has no BPF for them.
 */
int cgroup_set_devices(const struct cgroup *cgroup, const struct plan *plan, struct error *err)
{
	if (cgroup == NULL || cgroup->path == NULL || cgroup->fd < 0 ||
	    plan->resources.device_filter.count == 0 ||
	    (cgroup_has_v1(cgroup) && !cgroup_device_able(cgroup->fd)))
		return 0;
	if (cgroup_device_attach(cgroup->fd, &plan->resources, cgroup->ruled, err) == 0)
		return 0;
	/*
	 * Without privilege there is no BPF, and no need: in a user namespace, a new one or the
	 * one that rootless Podman calls us in, the kernel refuses mknod, and the modes of the
	 * host's devices hold.
	 */
	return err->code == EPERM &&
	       (plan->namespaces[NAMESPACE_USER].listed || !namespace_user_is_initial()) ? 0 : -1;
}

/* The container may manage cgroups of its own where it is root of a user namespace. */
static bool wants_delegation(const struct plan *plan)
{
	if (!plan->namespaces[NAMESPACE_USER].listed || plan->namespaces[NAMESPACE_USER].path ||
	    !plan->namespaces[NAMESPACE_CGROUP].listed || plan->namespaces[NAMESPACE_CGROUP].path)
		return false;
	LIST_EACH(mount, plan->mounts)
		if (mount->type != NULL && strncmp(mount->type, "cgroup", 6) == 0)
			return (mount->attr_set & MOUNT_ATTR_RDONLY) == 0;
	return false;
}

static int v2_create(struct cgroup *cgroup, const struct plan *plan, struct error *err)
{
	bool named = plan->cgroups_path != NULL || cgroup->manager == CGROUP_SYSTEMD;
	uint32_t uid, gid;

	/*
	 * Turning on every controller makes the cgroup dearer to make and remove; it is done for
	 * a path that somebody chose, who may want statistics of them, and for delegation.
	 */
	if (cgroup_v2_make(cgroup, &plan->resources.v2, named || wants_delegation(plan), err) < 0 ||
	    cgroup_v2_write(cgroup, &plan->resources.v2, err) < 0)
		return -1;
	if (wants_delegation(plan) && id_map_to_host(&plan->uid_maps, 0, &uid) &&
	    id_map_to_host(&plan->gid_maps, 0, &gid) && geteuid() == 0)
		return cgroup_v2_delegate(cgroup->fd, uid, gid, err);
	return 0;
}

int cgroup_create(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		  struct error *err)
{
	if (!cgroup_is_used(cgroup))
		return 0;
	if (cgroup_check_able(cgroup, &plan->resources, err) < 0)
		return -1;
	if (cgroup->manager == CGROUP_SYSTEMD && cgroup_systemd_start(cgroup, arena, plan, err) < 0)
		return -1;
	if (cgroup->host != CGROUP_LEGACY && v2_create(cgroup, plan, err) < 0)
		return -1;
	if (cgroup->host == CGROUP_HYBRID && plan->resources.device_filter.count > 0 &&
	    !cgroup_device_able(cgroup->fd))
		cgroup->v1 = CGROUP_V1_USED;
	return cgroup_has_v1(cgroup) ? v1_create(cgroup, plan, err) : 0;
}

int cgroup_task_files(const struct cgroup *cgroup, int ret_fds[CGROUP_TASK_FILES_MAX],
		      size_t *ret_count, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };

	*ret_count = 0;
	if (cgroup->path == NULL || !cgroup_has_v1(cgroup))
		return 0;
	if (cgroup_v1_open(&v1, err) < 0 ||
	    cgroup_v1_tasks(&v1, cgroup, ret_fds, ret_count, err) < 0)
		return -1;
	if (*ret_count == 0 && cgroup->host == CGROUP_LEGACY)
		return error_set(err, "join cgroup %s: it does not exist any more", cgroup->path);
	return 0;
}

int cgroup_adopt(const struct cgroup *cgroup, pid_t pid, struct error *err)
{
	char text[16];

	if (cgroup == NULL)
		return 0;
	snprintf(text, sizeof(text), "%d", (int)pid);
	if (cgroup->path != NULL && cgroup->fd >= 0 && !cgroup->born &&
	    cgroup_file_write(cgroup->fd, "cgroup.procs", text) < 0) {
		/* A user may not move from a cgroup above the own slice; the manager may. */
		if (errno != EACCES || cgroup->manager != CGROUP_SYSTEMD)
			return error_errno(err, "put process %s into cgroup %s", text,
					   cgroup->path);
		if (cgroup_systemd_attach(cgroup, pid, err) < 0)
			return -1;
	}
	cgroup_keeper_end(cgroup);
	return 0;
}

int cgroup_join(const struct cgroup *cgroup, pid_t pid, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	struct cgroup other = *cgroup;

	if (!cgroup_is_used(cgroup))
		return 0;
	other.born = false;
	if (cgroup_adopt(&other, pid, err) < 0)
		return -1;
	if (!cgroup_has_v1(cgroup))
		return 0;
	return cgroup_v1_open(&v1, err) < 0 ? -1 : cgroup_v1_join(&v1, cgroup->path, pid, err);
}

int cgroup_join_below(const struct cgroup *cgroup, struct arena *arena, const char *controller,
		      const char *below, pid_t pid, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	const char *path = arena_printf(arena, "%s/%s", cgroup->path, below);
	const struct cgroup_hierarchy *hierarchy;
	_cleanup_fd int fd = -EBADF;

	if (!cgroup_has_v1(cgroup))
		return error_set(err, "controller %s: only cgroup v1 has a cgroup for each",
				 controller);
	if (cgroup_v1_open(&v1, err) < 0)
		return -1;
	hierarchy = cgroup_v1_find(&v1, controller);
	if (hierarchy == NULL)
		return error_set(err, "unknown controller %s", controller);
	fd = cgroup_dir_open(hierarchy->fd, path, err);
	if (fd < 0)
		return error_wrap(err, "%s cgroup", hierarchy->name);
	if (cgroup_file_write(fd, "cgroup.procs", arena_printf(arena, "%d", (int)pid)) < 0)
		return error_errno(err, "put process %d into %s cgroup %s", (int)pid,
				   hierarchy->name, path);
	return 0;
}

int cgroup_open(struct cgroup *cgroup, struct error *err)
{
	_cleanup_fd int root_fd = -EBADF;
	int fd;

	if (!cgroup_is_used(cgroup) || cgroup->host == CGROUP_LEGACY)
		return 0;
	root_fd = cgroup_v2_root(cgroup->host, err);
	if (root_fd < 0)
		return -1;
	fd = cgroup_dir_open(root_fd, cgroup->path, err);
	if (fd < 0)
		return error_wrap(err, "cgroup");
	fd_close(&cgroup->fd);
	cgroup->fd = fd;
	/* Whoever wrote cgroup.kill killed the container's first process, and ended it. */
	cgroup->born = cgroup_may_be_born(root_fd, cgroup->path);
	return 0;
}

int cgroup_follow(struct cgroup *cgroup, struct arena *arena, pid_t pid, struct error *err)
{
	const char *file = arena_printf(arena, "/proc/%d/cgroup", (int)pid);
	struct cgroup moved = *cgroup;
	char enabled[512];
	const char *path;
	size_t length;

	/* On a hybrid host the path is that of the limits in v1 too. */
	if (cgroup->path == NULL || cgroup->fd < 0 || cgroup->host != CGROUP_UNIFIED ||
	    cgroup_file_read(cgroup->fd, "cgroup.subtree_control", enabled, sizeof(enabled)) < 0 ||
	    enabled[0] == '\0')
		return 0;
	if (cgroup_path_of(arena, file, &path, err) < 0)
		return -1;
	length = strlen(cgroup->path);
	if (strncmp(path, cgroup->path, length) != 0 || path[length] != '/')
		return 0;
	moved.path = path;
	moved.fd = -EBADF;
	if (cgroup_open(&moved, err) < 0)
		return -1;
	fd_close(&cgroup->fd);
	*cgroup = moved;
	return 0;
}

void cgroup_close(struct cgroup *cgroup)
{
	cgroup_keeper_end(cgroup);
	fd_close(&cgroup->keeper_fd);
	fd_close(&cgroup->fd);
}

static int v2_remove(struct cgroup *cgroup, struct error *err)
{
	_cleanup_fd int root_fd = cgroup_v2_root(cgroup->host, err);

	return root_fd < 0 ? -1 : cgroup_dir_remove(root_fd, cgroup, err);
}

/* Those of this mount namespace may not be those that it was made in. */
static int v1_of_destroy(const struct cgroup *cgroup, struct cgroup_v1 *ret, struct error *err)
{
	if (!cgroup_has_v1(cgroup))
		return 0;
	if (cgroup_v1_open(ret, err) < 0)
		return -1;
	if (ret->count > 0 || (cgroup->host == CGROUP_HYBRID && cgroup->v1 != CGROUP_V1_USED))
		return 0;
	error_set(err, "remove cgroup %s: it has parts in cgroup v1, which is not mounted at %s",
		  cgroup->path, CGROUP_MOUNT);
	return error_hint(err, "do it where the container was made");
}

int cgroup_destroy(struct cgroup *cgroup, struct error *err)
{
	_cleanup_cgroup_v1 struct cgroup_v1 v1 = { .count = 0 };
	bool scope = false;
	int result = 0;

	if (!cgroup_is_used(cgroup))
		return 0;
	/* systemd removes an empty scope by itself; one that is there may be somebody else's. */
	if (cgroup->manager == CGROUP_SYSTEMD)
		scope = (cgroup->fd >= 0 || cgroup_open(cgroup, err) == 0) &&
			cgroup_is_ours(cgroup);
	/* Also where we made it in cgroup2 alone: an update, another process, may have come. */
	if (cgroup->v1 != CGROUP_V1_USED && cgroup->host == CGROUP_HYBRID && cgroup->fd >= 0 &&
	    cgroup_dir_is_marked(cgroup->fd, CGROUP_MARK_V1))
		cgroup->v1 = CGROUP_V1_USED;
	cgroup_close(cgroup);
	if (v1_of_destroy(cgroup, &v1, err) < 0)
		return -1;
	if (cgroup->host != CGROUP_LEGACY)
		result = v2_remove(cgroup, err);
	if (result == 0)
		result = cgroup_v1_remove(&v1, cgroup, err);
	/* After the directories: with a process in it this has failed, and systemd would kill. */
	return result == 0 && scope ? cgroup_systemd_stop(cgroup, err) : result;
}
