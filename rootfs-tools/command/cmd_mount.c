/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/loop.h"
#include "base/lower.h"
#include "base/sys.h"
#include "rootfs-tools/bundle/image_bundle.h"
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/progress.h"
#include "rootfs-tools/store/use.h"
#include "rootfs-tools/unpack/id_maps.h"

/* kist rootfs mount and umount: an image to look at, on the host. */
struct options {
	const char *platform;
	bool quiet;
};

static const struct option options[] = {
	PLATFORM_OPTION_ROW(struct options, platform),
	OPTION_ROW_FLAG("quiet", 'q', struct options, quiet, "no progress bar"),
	{ 0 },
};

static const uint64_t harmless = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

static int refused(const char *doing, const char *what, struct error *err)
{
	int number = errno;

	error_errno(err, "%s %s", doing, what);
	return number == EPERM ?
	       error_hint(err, "it needs root, or mounts of one's own: kist unshare -r -m") : -1;
}

static int create(int fs_fd, const char *what, struct error *err)
{
	int fd;

	if (sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return refused("mount", what, err);
	fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int)harmless);
	return fd >= 0 ? fd : refused("mount", what, err);
}

/* overlayfs wants two layers at least: a single one is shown as it is. */
static int open_single(const char *path, struct error *err)
{
	struct mount_attr attr = { .attr_set = harmless };
	int fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return refused("mount", path, err);
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0) {
		fd_close(&fd);
		return refused("mount", path, err);
	}
	return fd;
}

static int open_overlay(const struct store *store, const word_list *lowers, const char *what,
			struct error *err)
{
	_cleanup_fd int here_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd int fs_fd = -EBADF;
	struct text list = { .arena = store->arena };
	int fd = -1;

	if (lowers->count == 1)
		return open_single(lowers->items[0], err);
	LIST_EACH(lower, *lowers)
		text_printf(&list, "%s%s", lower == lowers->items ? "" : ":", *lower);
	fs_fd = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return refused("mount", "an overlay", err);
	if (lower_add_all(fs_fd, list.data, list.size) < 0 ||
	    (store->user_xattr &&
	     sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0))
		refused("set the layers of", what, err);
	else
		fd = create(fs_fd, what, err);
	if (here_fd >= 0 && fchdir(here_fd) < 0)
		return error_errno(err, "change back to the working directory");
	return fd;
}

static int open_file_system(const char *type, const char *file, struct error *err)
{
	char device[32];
	_cleanup_fd int loop_fd = loop_open(file, device, err);
	_cleanup_fd int fs_fd = -EBADF;

	if (loop_fd < 0)
		return -1;
	fs_fd = sys_fsopen(type, FSOPEN_CLOEXEC);
	if (fs_fd < 0 || sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", device, 0) < 0)
		return refused("mount", file, err);
	return create(fs_fd, file, err);
}

/* The mount, attached to nothing; and which layers it is made of. */
static int open_image(struct cli *cli, const struct options *o, const struct store *store,
		      word_list *ret_names, struct error *err)
{
	const struct image_options image_options = { .platform = o->platform };
	const char *reference = cli->arguments.items[0], *file;
	const char *type = image_file_system(cli->arena, reference, &file);
	_cleanup_image struct image image = IMAGE_NONE;
	_cleanup_progress struct progress progress;
	const struct unpack_options unpack = {
		.rootless = ids_are_one(),
		.progress = o->quiet ? NULL : progress_show,
		.context = &progress,
	};
	word_list lowers;

	*ret_names = (word_list){ 0 };
	progress_begin(&progress, "unpack");
	if (type != NULL)
		return open_file_system(type, file, err);
	if (image_open(cli->arena, reference, &image_options, &image, err) < 0 ||
	    image_lowers(store, &image, &unpack, &lowers, ret_names, err) < 0)
		return -1;
	return open_overlay(store, &lowers, reference, err);
}

static int run_mount(struct cli *cli, const void *values, struct error *err)
{
	const char *target = cli->arguments.items[1];
	_cleanup_fd int target_fd = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_store struct store store = STORE_NONE;
	_cleanup_fd int fd = -EBADF;
	char absolute[PATH_MAX];
	word_list names;

	if (target_fd < 0 || realpath(target, absolute) == NULL)
		return error_errno(err, "open %s", target);
	if (store_open(cli->arena, cli->global.store, STORE_USE, &store, err) < 0)
		return -1;
	fd = open_image(cli, values, &store, &names, err);
	if (fd < 0 || (names.count > 0 && store_use_mount(&store, absolute, &names, err) < 0))
		return -1;
	if (sys_move_mount(fd, "", target_fd, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return refused("mount on", target, err);
	return 0;
}

static int run_umount(struct cli *cli, const void *values _unused, struct error *err)
{
	const char *target = cli->arguments.items[0];

	if (sys_umount2(target, UMOUNT_NOFOLLOW) == 0)
		return 0;
	if (errno == EINVAL)
		return error_set(err, "nothing is mounted on %s", target);
	return refused("unmount", target, err);
}

const struct command command_mount = {
	.name = "mount", .arguments = "IMAGE DIR",
	.summary = "mount an image read-only, to look at it",
	.description = "An overlay of the store's layers; of a squashfs or erofs file the file "
		       "itself.",
	.options = options, .size = sizeof(struct options),
	.min = 2, .max = 2, .stop_after = -1, .run = run_mount,
};

const struct command command_umount = {
	.name = "umount", .arguments = "DIR", .summary = "undo a mount",
	.min = 1, .max = 1, .stop_after = -1, .run = run_umount,
};
