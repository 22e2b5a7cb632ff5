/* SPDX-License-Identifier: Apache-2.0 */
#include "init/bind.h"

#include <sched.h>

#include "base/fd.h"
#include "base/namespace.h"
#include "base/sys.h"
#include "init/tree.h"

bool bind_is_late(const struct plan *plan, size_t index)
{
	const uint64_t cannot = MOUNT_REMOUNT | MOUNT_IDMAP | MOUNT_COPY_SYMLINK;
	const struct mount_plan *mounts = plan->mounts.items;

	if (!(mounts[index].flags & MOUNT_BIND) || (mounts[index].flags & cannot))
		return false;
	for (size_t i = plan->root_mount != NULL ? 1 : 0; i < index; i++)
		if (!(mounts[i].flags & (MOUNT_BIND | MOUNT_REMOUNT)))
			return true;
	return false;
}

static int clone_each(const struct plan *plan, struct init *in, size_t first, struct error *err)
{
	for (size_t i = first; i < plan->mounts.count && bind_is_late(plan, i); i++) {
		const struct mount_plan *mount = &plan->mounts.items[i];
		int fd = tree_clone_bind(mount, in->mount_trees[i], err);

		if (fd < 0)
			return error_wrap(err, "/mounts/%zu on %s", i, mount->destination);
		fd_close(&in->mount_trees[i]);
		in->mount_trees[i] = fd;
	}
	return 0;
}

int bind_clone_late(const struct plan *plan, struct init *in, size_t first, struct error *err)
{
	/* Without /proc, which the small mount namespace has not. */
	_cleanup_fd int own_fd = namespace_own_mounts();
	_cleanup_fd int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (own_fd < 0 || root_fd < 0 || setns(in->host_fd, CLONE_NEWNS) < 0)
		return error_errno(err, "go to the host's mounts");
	rc = clone_each(plan, in, first, err);
	/* setns alone would lead to what is mounted on our "/" by now: the container's root. */
	if (setns(own_fd, CLONE_NEWNS) < 0 || fchdir(root_fd) < 0 || chroot(".") < 0)
		return error_errno(err, "return from the host's mounts");
	return rc;
}
