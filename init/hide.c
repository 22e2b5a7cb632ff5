/* SPDX-License-Identifier: Apache-2.0 */
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

/*
 * As the spec has it: what is not there need not be hidden.  But what the procfs that was
 * mounted on /proc does have is there: then somebody who shares the root has just moved /proc
 * aside, to bring it back when it is too late.
 */
static int target_missing(const struct init *in, const char *path, struct error *err)
{
	struct error ignored;
	_cleanup_fd int fd = -EBADF;

	if (err->code != ENOENT && err->code != ENOTDIR)
		return -1;
	if (!in->proc_mounted || strncmp(path, "/proc/", 6) != 0)
		return 0;
	fd = path_open(in->proc_fd, path + 6, O_PATH, &ignored);
	return fd < 0 ? 0 : error_number(err, EBUSY, "/proc was moved away meanwhile");
}

static int mask(struct init *in, struct cover *empty, const char *path, struct error *err)
{
	_cleanup_fd int target_fd = path_open(in->root_fd, path, O_PATH, err);
	struct cover null = { .attached = true };
	struct stat st;

	if (target_fd < 0)
		return target_missing(in, path, err);
	if (fstat(target_fd, &st) < 0)
		return error_errno(err, "check %s", path);
	if (S_ISDIR(st.st_mode))
		return mask_directory(empty, target_fd, path, err);
	null.fd = null_device(in, err);
	return null.fd >= 0 ? cover_put(&null, target_fd, path, err) : -1;
}

static int make_read_only(const struct init *in, const char *path, struct error *err)
{
	_cleanup_fd int target_fd = path_open(in->root_fd, path, O_PATH, err);
	_cleanup_fd int tree_fd = -EBADF;

	if (target_fd < 0)
		return target_missing(in, path, err);
	tree_fd = tree_clone(target_fd, "", true, err);
	if (tree_fd < 0 ||
	    tree_flags(tree_fd, MOUNT_ATTR_RDONLY, 0, 0, true, err) < 0)
		return -1;
	return tree_attach(tree_fd, target_fd, path, err);
}

int step_hide(const struct plan *plan, struct init *in, struct error *err)
{
	struct cover empty = { .fd = -EBADF };
	int rc = 0;

	LIST_EACH(path, plan->read_only_paths)
		if (make_read_only(in, *path, err) < 0)
			return error_wrap(err, "read-only path %s", *path);
	LIST_EACH(path, plan->masked_paths) {
		rc = mask(in, &empty, *path, err);
		if (rc < 0) {
			error_wrap(err, "masked path %s", *path);
			break;
		}
	}
	fd_close(&empty.fd);
	return rc;
}
