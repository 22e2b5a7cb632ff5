/* SPDX-License-Identifier: Apache-2.0 */
#include "init/rootfs.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/sys.h"
#include "init/device.h"
#include "init/step.h"
#include "init/tree.h"

static int sources_mounts(const struct plan *plan, struct init *in, struct error *err)
{
	if (in->mount_trees == NULL) {
		in->mount_trees = ARENA_NEWS(in->arena, plan->mounts.count, int);
		for (size_t i = 0; i < plan->mounts.count; i++)
			in->mount_trees[i] = -EBADF;
	}
	for (size_t i = 0; i < plan->mounts.count; i++) {
		const struct mount_plan *mount = &plan->mounts.items[i];

		if (!(mount->flags & MOUNT_BIND) || (mount->flags & MOUNT_REMOUNT) ||
		    in->mount_trees[i] >= 0)
			continue;
		in->mount_trees[i] = tree_open_bind(plan, mount, err);
		if (in->mount_trees[i] < 0)
			return error_wrap(err, "/mounts/%zu on %s", i, mount->destination);
	}
	return 0;
}

/*
 * Everything of the host's that will be wanted, while its paths can be
 * walked: with the ids of who started the container, so that an unprivileged
 * user cannot reach with the container's root what is closed to him, and
 * before anything of the container's can be in the way (security.md I4).
 * Then this copy of the host's mounts is cut off from the host's own, so that
 * nothing done to it is seen there.
 */
int step_sources(const struct plan *plan, struct init *in, struct error *err)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };

	if (!in->in_host_copy)
		return 0;
	/*
	 * A capability reaches files whose owner is mapped, and rootless Podman's layers belong to
	 * such ids alone: before the maps are written, nobody here could walk there.
	 */
	if (in->new_user_ns && step_mapped(plan, in, err) < 0)
		return -1;
	in->root_target = open(plan->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (in->root_target < 0)
		return error_errno(err, "open root %s", plan->root_path);
	if (in->root_tree < 0)
		in->root_tree = root_tree_open(plan, err);
	if (in->root_tree < 0)
		return error_wrap(err, "root");
	if (sources_mounts(plan, in, err) < 0)
		return -1;
	if (in->no_mknod && devices_open(plan, in, err) < 0)
		return -1;
	if (!in->shared_mounts && sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) < 0)
		return error_errno(err, "make the host's mounts private");
	return 0;
}

/*
 * How the binds hang together with the host's mounts that they are clones of.
 * Without rootfsPropagation they are slaves: what the host mounts there later
 * is seen inside, and nothing the other way.
 */
int root_detach_from_host(const struct plan *plan, int tree_fd, struct error *err)
{
	unsigned long propagation = MS_SLAVE;

	if (plan->root_propagation & MS_SHARED)
		return 0;
	if (plan->root_propagation & (MS_PRIVATE | MS_UNBINDABLE))
		propagation = MS_PRIVATE;
	return tree_flags(tree_fd, 0, 0, propagation, true, err);
}

/*
 * The root itself is never shared with the host: as "shared" it begins a peer group of its own
 * (config-linux.md), in step_root_flags.  Else each mount of the container's would be put below
 * the bundle's directory on the host, and stay there.
 */
static int root_detach(const struct plan *plan, int tree_fd, struct error *err)
{
	if (plan->root_propagation & MS_SHARED)
		return tree_flags(tree_fd, 0, 0, MS_PRIVATE, true, err);
	return root_detach_from_host(plan, tree_fd, err);
}

int step_root(const struct plan *plan, struct init *in, struct error *err)
{
	if (root_detach(plan, in->root_tree, err) < 0)
		return -1;
	if (in->root_target < 0)
		in->root_target = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (in->root_target < 0)
		return error_errno(err, "open /");
	if (tree_attach(in->root_tree, in->root_target, plan->root_path, err) < 0)
		return -1;
	/* On a shared mount it became shared; what is mounted in it is nobody else's. */
	if (in->shared_mounts && tree_flags(in->root_tree, 0, 0, MS_PRIVATE, true, err) < 0)
		return -1;
	fd_close(&in->root_target);
	in->root_fd = fd_take(&in->root_tree);
	return 0;
}

/*
 * For a host whose own root cannot be pivoted away from, as an initramfs.  The
 * host's /proc and /sys go first: behind the new root, they would let the
 * container's mount their whole contents anew.
 */
static int root_cover(const struct init *in, struct error *err)
{
	(void)sys_umount2("/proc", MNT_DETACH);
	(void)sys_umount2("/sys", MNT_DETACH);
	if (sys_move_mount(in->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_errno(err, "move the root to /");
	return 0;
}

/*
 * The root is mounted on top of "/": it is what the mount namespace begins with
 * for whoever enters it, and the process follows.  The kernel holds this for
 * no chroot (user namespaces can be made in it).
 */
static int root_enter(const struct init *in, struct error *err)
{
	if (fchdir(in->root_fd) < 0 || chroot(".") < 0)
		return error_errno(err, "change root");
	return 0;
}

static int root_pivot(const struct init *in, struct error *err)
{
	_cleanup_fd int old_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (old_fd < 0 || fchdir(in->root_fd) < 0)
		return error_errno(err, "enter the root");
	/* The old root lands on top of the new one, so no directory is needed for it. */
	if (sys_pivot_root(".", ".") < 0) {
		error_errno(err, "pivot_root");
		return err->code == EINVAL ?
		       error_hint(err, "a host that runs from an initramfs needs --no-pivot") : -1;
	}
	if (fchdir(old_fd) < 0 || sys_umount2(".", MNT_DETACH) < 0)
		return error_errno(err, "detach the old root");
	if (chdir("/") < 0)
		return error_errno(err, "change directory to the root");
	return 0;
}

/*
 * Out of the host's file system.  A process from the small mount namespace has
 * none to leave: below its root there is one empty read-only tmpfs.  Leaving
 * that there spares pivot_root's look at every process of the host, and the
 * grace period that detaching takes: 0.2 ms, and tens of them on a busy host.
 */
int step_pivot(const struct plan *plan, struct init *in, struct error *err)
{
	(void)plan;
	if (!in->in_host_copy || in->shared_mounts)
		return root_enter(in, err);
	if (in->no_pivot)
		return root_cover(in, err) < 0 ? -1 : root_enter(in, err);
	return root_pivot(in, err);
}

int step_root_flags(const struct plan *plan, struct init *in, struct error *err)
{
	unsigned long propagation = plan->root_propagation;

	if (propagation != 0 &&
	    tree_flags(in->root_fd, 0, 0, propagation, propagation & MS_REC, err) < 0)
		return error_wrap(err, "root propagation");
	if (plan->root_read_only &&
	    tree_flags(in->root_fd, MOUNT_ATTR_RDONLY, 0, 0, false, err) < 0)
		return error_wrap(err, "read-only root");
	return 0;
}

int step_exec_root(const struct plan *plan, struct init *in, struct error *err)
{
	(void)plan;
	/* In a mount namespace of others the root is not where the namespace begins. */
	if (in->shared_mounts && (fchdir(in->root_target) < 0 || chroot(".") < 0))
		return error_errno(err, "change root");
	in->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return in->root_fd >= 0 ? 0 : error_errno(err, "open /");
}
