/* SPDX-License-Identifier: Apache-2.0 */
#include "init/hide.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "init/device.h"
#include "init/step.h"
#include "init/tree.h"

/* What is laid over many paths: the mount itself the first time, its clones after that. */
struct cover {
	int fd;
	bool attached;
};

static int cover_put(struct cover *cover, int target_fd, const char *path, struct error *err)
{
	_cleanup_fd int clone_fd = -EBADF;

	if (!cover->attached) {
		if (tree_attach(cover->fd, target_fd, path, err) < 0)
			return -1;
		cover->attached = true;
		return 0;
	}
	/* Only of an attached one: Linux before 6.15 clones no detached mount. */
	clone_fd = tree_clone(cover->fd, "", false, err);
	return clone_fd >= 0 ? tree_attach(clone_fd, target_fd, path, err) : -1;
}

/*
 * The null device that the step "make devices" made or bound.  Where /dev
 * comes whole from the host, it is looked up, and believed only if it is that
 * device: an image can put anything at /dev/null (CVE-2025-31133).
 */
static int null_device(struct init *in, struct error *err)
{
	if (in->null_fd >= 0)
		return in->null_fd;
	in->null_fd = path_open(in->root_fd, "/dev/null", O_PATH | O_NOFOLLOW, err);
	if (in->null_fd < 0 ||
	    device_check(in->null_fd, S_IFCHR, 1, 3, "the container's /dev/null", err) < 0)
		return -1;
	return in->null_fd;
}

/* One empty tmpfs for all directories: a container that masks many pays for one. */
static int mask_directory(struct cover *empty, int target_fd, const char *path, struct error *err)
{
	if (empty->fd < 0) {
		struct file_system fs = {
			.type = "tmpfs",
			.source = "tmpfs",
			.data = "nr_blocks=1,nr_inodes=1,mode=555",
			.attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				      MOUNT_ATTR_NOEXEC,
		};

		empty->fd = tree_new(&fs, err);
		if (empty->fd < 0)
			return -1;
	}
	return cover_put(empty, target_fd, path, err);
}

/* What is behind dir in path, as the plan spells both; NULL: not below, or maybe by ".." not. */
static const char *path_below(const char *path, const char *dir)
{
	for (;;) {
		while (*dir == '/')
			dir++;
		while (*path == '/')
			path++;
		if (*dir == '\0')
			return strstr(path, "..") == NULL ? path : NULL;
		while (*dir != '\0' && *dir != '/')
			if (*dir++ != *path++)
				return NULL;
		if (*path != '\0' && *path != '/')
			return NULL;
	}
}

/* The last mount that path lies in, and what is behind it; NULL: none, or in what is covered. */
static const struct mount_plan *mount_above(const struct plan *plan, const char *path,
					    const char **ret_rest)
{
	for (size_t i = plan->mounts.count; i > (plan->root_mount != NULL ? 1 : 0); i--) {
		const struct mount_plan *mount = &plan->mounts.items[i - 1];

		*ret_rest = mount->flags & (MOUNT_REMOUNT | MOUNT_COPY_SYMLINK) ?
				    NULL :
				    path_below(path, mount->destination);
		if (*ret_rest != NULL)
			return mount;
	}
	return NULL;
}

static bool is_in_mount(const struct plan *plan, const char *path, const struct mount_plan *mount)
{
	const char *rest;

	return path_below(path, mount->destination) != NULL &&
	       mount_above(plan, path, &rest) == mount;
}

bool hide_in_mount(const struct plan *plan, size_t i)
{
	const struct mount_plan *mount = &plan->mounts.items[i];

	LIST_EACH(path, plan->read_only_paths)
		if (is_in_mount(plan, *path, mount))
			return true;
	LIST_EACH(path, plan->masked_paths)
		if (is_in_mount(plan, *path, mount))
			return true;
	return false;
}

static bool is_kernels_own(const struct mount_plan *mount)
{
	return mount->type != NULL &&
	       (strcmp(mount->type, "proc") == 0 || strcmp(mount->type, "sysfs") == 0);
}

/*
 * Looked for from the mount that it lies in, which step_mounts kept open: somebody who shares
 * the root may have moved the directory that this is mounted on aside, or put another one in
 * its place, to bring it back when everything is hidden.  Links in a procfs and a sysfs lead to
 * places in them; others may lead anywhere in the root, and are followed from there.
 */
static int target_find(const struct plan *plan, const struct init *in, const char *path)
{
	const char *rest;
	const struct mount_plan *mount = mount_above(plan, path, &rest);
	int tree_fd = mount != NULL ? in->mount_trees[mount - plan->mounts.items] : -EBADF, fd;

	if (tree_fd < 0)
		return path_find(in->root_fd, path, O_PATH);
	if (*rest == '\0')
		return fcntl(tree_fd, F_DUPFD_CLOEXEC, 3);
	if (is_kernels_own(mount))
		return path_find(tree_fd, rest, O_PATH);
	fd = path_find_strict(tree_fd, rest, O_PATH);
	if (fd >= 0 || (errno != ELOOP && errno != EXDEV))
		return fd;
	return path_find(in->root_fd, path, O_PATH);
}

static int mask(struct init *in, struct cover *empty, int target_fd, const char *path,
		struct error *err)
{
	struct cover null = { .attached = true };
	struct stat st;

	if (fstat(target_fd, &st) < 0)
		return error_errno(err, "check %s", path);
	if (S_ISDIR(st.st_mode))
		return mask_directory(empty, target_fd, path, err);
	null.fd = null_device(in, err);
	return null.fd >= 0 ? cover_put(&null, target_fd, path, err) : -1;
}

static int make_read_only(int target_fd, const char *path, struct error *err)
{
	_cleanup_fd int tree_fd = tree_clone(target_fd, "", true, err);

	if (tree_fd < 0 ||
	    tree_flags(tree_fd, MOUNT_ATTR_RDONLY, 0, 0, true, err) < 0)
		return -1;
	return tree_attach(tree_fd, target_fd, path, err);
}

/*
 * Whether a later mount may lie on the one that path lies in, or in it, without that its name
 * says so: by a link, which nobody leaves in a procfs or sysfs, or "..".
 */
static bool may_be_covered(const struct plan *plan, const char *path)
{
	const char *rest;
	const struct mount_plan *mount = mount_above(plan, path, &rest);

	if (mount == NULL)
		return false;
	for (const struct mount_plan *later = mount + 1;
	     later < plan->mounts.items + plan->mounts.count; later++)
		if (!is_kernels_own(mount) || strstr(later->destination, "..") != NULL)
			return true;
	return false;
}

/* Masked by means of *empty, or read-only without it. */
static int hide(const struct plan *plan, struct init *in, const char *path, struct cover *empty,
		bool by_path, struct error *err)
{
	_cleanup_fd int target_fd =
		by_path ? path_find(in->root_fd, path, O_PATH) : target_find(plan, in, path);

	/* As the spec has it: what is not there need not be hidden. */
	if (target_fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(err, "open %s", path);
	return empty != NULL ? mask(in, empty, target_fd, path, err) :
			       make_read_only(target_fd, path, err);
}

static int hide_twice(const struct plan *plan, struct init *in, const char *path,
		      struct cover *empty, struct error *err)
{
	if (hide(plan, in, path, empty, false, err) < 0)
		return -1;
	return may_be_covered(plan, path) ? hide(plan, in, path, empty, true, err) : 0;
}

/*
 * Masks first: what is made read-only is a clone on top, with all that is mounted in it.  A mask
 * that came later would be put on what is below it, where it hides nothing.
 */
int step_hide(const struct plan *plan, struct init *in, struct error *err)
{
	struct cover empty = { .fd = -EBADF };
	int rc = 0;

	LIST_EACH(path, plan->masked_paths) {
		rc = hide_twice(plan, in, *path, &empty, err);
		if (rc < 0) {
			error_wrap(err, "masked path %s", *path);
			break;
		}
	}
	fd_close(&empty.fd);
	if (rc < 0)
		return -1;
	LIST_EACH(path, plan->read_only_paths)
		if (hide_twice(plan, in, *path, NULL, err) < 0)
			return error_wrap(err, "read-only path %s", *path);
	return 0;
}
