/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/loop.h"
#include "init/rootfs.h"
#include "init/tree.h"

/* A file system in a file gets a device in front of it; loop_fd keeps that until it is mounted. */
static int mount_root(const struct plan *plan, const struct mount_plan *mount,
		      struct error *err)
{
	struct file_system fs = file_system_of(mount);
	_cleanup_fd int loop_fd = -EBADF;
	char device[32];
	struct stat st;

	fs.label = plan->mount_label;
	if (fs.source != NULL && fs.source[0] == '/' && stat(fs.source, &st) == 0 &&
	    S_ISREG(st.st_mode)) {
		loop_fd = loop_open(fs.source, device, err);
		if (loop_fd < 0)
			return -1;
		fs.source = device;
	}
	return tree_new(&fs, err);
}

int root_tree_open(const struct plan *plan, struct error *err)
{
	int fd;

	if (plan->root_mount == NULL)
		return tree_clone(AT_FDCWD, plan->root_path, true, err);
	fd = mount_root(plan, plan->root_mount, err);
	return fd >= 0 ? fd : error_wrap(err, "/mounts/0 on /");
}
