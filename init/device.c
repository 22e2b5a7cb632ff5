/* SPDX-License-Identifier: Apache-2.0 */
#include "init/device.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "init/tree.h"

int device_check(int fd, mode_t type, unsigned int major, unsigned int minor, const char *what,
		 struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_errno(err, "check %s", what);
	if (type == S_IFIFO)
		return S_ISFIFO(st.st_mode) ? 0 : error_number(err, EEXIST, "%s is no fifo", what);
	if ((st.st_mode & S_IFMT) != type || st.st_rdev != makedev(major, minor))
		return error_number(err, EEXIST, "%s is not the %s device %u:%u", what,
				    type == S_IFBLK ? "block" : "character", major, minor);
	return 0;
}

static int plan_check(int fd, const struct device_plan *device, const char *what,
		      struct error *err)
{
	return device_check(fd, device->mode & S_IFMT, device->major, device->minor, what, err);
}

/* It works, but not as configured; in a joined namespace the ids are those of that one. */
static void difference_warn(int fd, const struct device_plan *device)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || ((!(device->given & DEVICE_MODE) || st.st_mode == device->mode) &&
				   (!(device->given & DEVICE_UID) || st.st_uid == device->uid) &&
				   (!(device->given & DEVICE_GID) || st.st_gid == device->gid)))
		return;
	warn("device %s is the host's, with mode %04o and owner %u:%u; mode %04o and owner %u:%u "
	     "need root, and id maps in config.json",
	     device->path, st.st_mode & 07777, st.st_uid, st.st_gid, device->mode & 07777,
	     device->uid, device->gid);
}

int devices_open(const struct plan *plan, struct init *in, struct error *err)
{
	if (in->device_trees == NULL) {
		in->device_trees = ARENA_NEWS(in->arena, plan->devices.count, int);
		for (size_t i = 0; i < plan->devices.count; i++)
			in->device_trees[i] = -EBADF;
	}
	for (size_t i = 0; i < plan->devices.count; i++) {
		const struct device_plan *device = &plan->devices.items[i];

		if (S_ISFIFO(device->mode) || in->device_trees[i] >= 0)
			continue;
		in->device_trees[i] = tree_clone(AT_FDCWD, device->path, false, err);
		if (in->device_trees[i] < 0 ||
		    plan_check(in->device_trees[i], device, device->path, err) < 0 ||
		    tree_flags(in->device_trees[i], MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, 0,
			       false, err) < 0)
			return error_wrap(err, "device %s of the host", device->path);
		difference_warn(in->device_trees[i], device);
	}
	return 0;
}

/* The last parent is kept: most devices are in /dev. */
struct place {
	int root_fd, parent_fd;		/* parent_fd owned */
	const char *parent;		/* path up to the last "/", in a plan's string */
	size_t parent_length;
	char name[256];
};

static int place_find(struct place *place, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash != NULL ? (size_t)(slash - path) : 0;

	if (place->parent_fd >= 0 && length == place->parent_length && slash[1] != '\0' &&
	    strncmp(path, place->parent, length) == 0 && strcmp(slash, "/..") != 0 &&
	    strcmp(slash, "/.") != 0 && strlen(slash) < sizeof(place->name)) {
		memcpy(place->name, slash + 1, strlen(slash));
		return 0;
	}
	fd_close(&place->parent_fd);
	place->parent_fd = path_make_parent(place->root_fd, path, place->name, err);
	place->parent = path;
	place->parent_length = length;
	return place->parent_fd >= 0 ? 0 : -1;
}

/* Made by name in its directory, then opened and looked at (security.md I2). */
static int device_make(const struct place *place, const struct device_plan *device,
		       int *ret_fd, struct error *err)
{
	bool made = mknodat(place->parent_fd, place->name, device->mode,
			    makedev(device->major, device->minor)) == 0;
	_cleanup_fd int fd = -EBADF;

	if (!made && errno != EEXIST) {
		error_errno(err, "make device %s", device->path);
		return err->code == EPERM ?
		       error_hint(err, "the kernel or a device cgroup forbids it") : -1;
	}
	fd = openat(place->parent_fd, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open device %s", device->path);
	if (plan_check(fd, device, device->path, err) < 0)
		return -1;
	if (made && (device->uid != 0 || device->gid != 0) &&
	    fchownat(fd, "", device->uid, device->gid, AT_EMPTY_PATH) < 0)
		return error_errno(err, "set owner of device %s", device->path);
	*ret_fd = fd_take(&fd);
	return 0;
}

static int device_bind(const struct place *place, const struct device_plan *device, int tree_fd,
		       struct error *err)
{
	_cleanup_fd int fd = openat(place->parent_fd, place->name,
				    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 && errno != EEXIST)
		return error_errno(err, "make file %s for a device", device->path);
	fd_close(&fd);
	fd = openat(place->parent_fd, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "open %s", device->path);
	if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		return error_number(err, EEXIST, "bind device %s: a link or directory is there",
				    device->path);
	return tree_attach(tree_fd, fd, device->path, err);
}

static bool is_null(const struct device_plan *device)
{
	return S_ISCHR(device->mode) && device->major == 1 && device->minor == 3;
}

static int device_put(struct place *place, const struct device_plan *device, int *tree_fd,
		      struct init *in, struct error *err)
{
	_cleanup_fd int fd = -EBADF;

	if (place_find(place, device->path, err) < 0)
		return -1;
	if (tree_fd != NULL && *tree_fd >= 0) {
		if (plan_check(*tree_fd, device, device->path, err) < 0 ||
		    device_bind(place, device, *tree_fd, err) < 0)
			return -1;
		fd = fd_take(tree_fd);
	} else if (device_make(place, device, &fd, err) < 0) {
		return -1;
	}
	if (in->null_fd < 0 && is_null(device))
		in->null_fd = fd_take(&fd);
	return 0;
}

static const struct {
	const char *name, *target;
	bool replace;
} links[] = {
	{ "fd",		"/proc/self/fd",	false },
	{ "stdin",	"/proc/self/fd/0",	false },
	{ "stdout",	"/proc/self/fd/1",	false },
	{ "stderr",	"/proc/self/fd/2",	false },
	{ "core",	"/proc/kcore",		false },
	/* An image's own ptmx would be another devpts' than the container's. */
	{ "ptmx",	"pts/ptmx",		true },
};

static int links_make(int dev_fd, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		int rc = symlinkat(links[i].target, dev_fd, links[i].name);

		if (rc < 0 && errno == EEXIST && links[i].replace &&
		    unlinkat(dev_fd, links[i].name, 0) == 0)
			rc = symlinkat(links[i].target, dev_fd, links[i].name);
		if (rc < 0 && (errno != EEXIST || links[i].replace))
			return error_errno(err, "make link /dev/%s", links[i].name);
	}
	return 0;
}

/* A /dev that is bound from the host has the host's devices: nothing may be made in it. */
static bool dev_is_bound(const struct plan *plan)
{
	LIST_EACH(mount, plan->mounts)
		if ((mount->flags & MOUNT_BIND) && (strcmp(mount->destination, "/dev") == 0 ||
						    strcmp(mount->destination, "/dev/") == 0))
			return true;
	return false;
}

int step_devices(const struct plan *plan, struct init *in, struct error *err)
{
	struct place place = { .root_fd = in->root_fd, .parent_fd = -EBADF };
	_cleanup_fd int dev_fd = -EBADF;
	int rc = 0;

	if (dev_is_bound(plan))
		return 0;
	for (size_t i = 0; i < plan->devices.count && rc == 0; i++)
		rc = device_put(&place, &plan->devices.items[i],
				in->device_trees != NULL ? &in->device_trees[i] : NULL, in, err);
	fd_close(&place.parent_fd);
	if (rc < 0)
		return -1;
	dev_fd = path_make_dir(in->root_fd, "/dev", 0755, err);
	return dev_fd >= 0 ? links_make(dev_fd, err) : -1;
}
