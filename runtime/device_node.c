/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/device_node.h"

#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/namespace.h"
#include "base/process.h"
#include "base/sys.h"
#include "config/id_map.h"
#include "init/tree.h"
#include "runtime/clone.h"

/* Stat, mknod and mount calls alone. */
#define MAKER_STACK (32 * 1024)

/* Shared with the maker, which is in our memory. */
struct nodes {
	const struct plan *plan;
	int *trees;
	struct error *err;
	int status;
};

/* The host's id of one in the container.  What is not asked for is root's, where there is one. */
static int owner_id(const struct device_plan *device, const id_map_list *maps, const char *word,
		    uint32_t id, bool given, uint32_t *ret, struct error *err)
{
	*ret = 0;
	if (id_map_to_host(maps, id, ret) || !given)
		return 0;
	return error_number(err, EINVAL, "device %s: its %s %u is not mapped in the user namespace",
			    device->path, word, id);
}

static int owner_find(const struct plan *plan, const struct device_plan *device, uid_t *ret_uid,
		      gid_t *ret_gid, struct error *err)
{
	if (owner_id(device, &plan->uid_maps, "uid", device->uid, device->given & DEVICE_UID,
		     ret_uid, err) < 0)
		return -1;
	return owner_id(device, &plan->gid_maps, "gid", device->gid, device->given & DEVICE_GID,
			ret_gid, err);
}

/* The host's own node would be what the configuration says. */
static bool host_has(const struct device_plan *device, uid_t uid, gid_t gid)
{
	struct stat st;

	return stat(device->path, &st) == 0 && (st.st_mode & S_IFMT) == (device->mode & S_IFMT) &&
	       st.st_rdev == makedev(device->major, device->minor) &&
	       (!(device->given & DEVICE_MODE) || st.st_mode == device->mode) &&
	       (!(device->given & DEVICE_UID) || st.st_uid == uid) &&
	       (!(device->given & DEVICE_GID) || st.st_gid == gid);
}

static int node_make(const struct nodes *nodes, int dir_fd, size_t index, struct error *err)
{
	const struct device_plan *device = &nodes->plan->devices.items[index];
	char name[24];
	uid_t uid;
	gid_t gid;

	if (!(device->given & DEVICE_CONFIGURED) || S_ISFIFO(device->mode))
		return 0;
	if (owner_find(nodes->plan, device, &uid, &gid, err) < 0)
		return -1;
	if (host_has(device, uid, gid))
		return 0;
	snprintf(name, sizeof(name), "%zu", index);
	if (mknodat(dir_fd, name, device->mode, makedev(device->major, device->minor)) < 0)
		return errno == EPERM ? 0 : error_errno(err, "make device %s", device->path);
	if (fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "set owner of device %s", device->path);
	nodes->trees[index] = tree_clone(dir_fd, name, false, err);
	return nodes->trees[index] < 0 ? -1 : 0;
}

/* Before Linux 6.15 only what is attached can be cloned, so it is, for a moment, here. */
static int tmpfs_attach(const struct plan *plan, struct error *err)
{
	const struct file_system fs = {
		.type = "tmpfs",
		.source = "kist",
		.data = "mode=0700",
		.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		.label = plan->mount_label,
	};
	struct mount_attr private = { .propagation = MS_PRIVATE };
	_cleanup_fd int fd = tree_new(&fs, err);

	if (fd < 0)
		return -1;
	if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return error_errno(err, "make the host's mounts private");
	if (sys_move_mount(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(err, "attach a tmpfs for devices");
	return fd_take(&fd);
}

/* In a mount namespace of its own, with our memory and fds. */
static int maker_main(void *context)
{
	struct nodes *nodes = context;
	_cleanup_fd int dir_fd = tmpfs_attach(nodes->plan, nodes->err);

	umask(0);
	nodes->status = dir_fd < 0 ? -1 : 0;
	for (size_t i = 0; i < nodes->plan->devices.count && nodes->status == 0; i++)
		nodes->status = node_make(nodes, dir_fd, i, nodes->err);
	return 0;
}

static bool are_wanted(const struct plan *plan)
{
	LIST_EACH(device, plan->devices)
		if ((device->given & DEVICE_CONFIGURED) && !S_ISFIFO(device->mode))
			/* In a namespace joined by path nobody knows whose ids are meant. */
			return geteuid() == 0 && plan->uid_maps.count > 0 &&
			       plan->gid_maps.count > 0 && namespace_user_is_initial();
	return false;
}

int device_nodes_make(const struct plan *plan, int *trees, struct error *err)
{
	_Alignas(64) unsigned char stack[MAKER_STACK];
	struct clone_request request = CLONE_REQUEST_INIT;
	struct nodes nodes = { plan, trees, err, -1 };
	struct clone_result maker;

	if (!are_wanted(plan))
		return 0;
	request.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNS;
	request.stack = stack;
	request.stack_size = sizeof(stack);
	error_set(err, "make devices: the process that makes them was killed");
	if (clone_process(&request, maker_main, &nodes, &maker, err) < 0)
		return error_wrap(err, "make devices");
	process_reap(maker.pid, NULL);
	fd_close(&maker.pidfd);
	return nodes.status;
}
