/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "base/fd.h"
#include "init/rootfs.h"
#include "init/tree.h"

int root_tree_open(const struct plan *plan, struct error *err)
{
	const struct mount_plan *mount = plan->root_mount;
	int fd;

	if (mount == NULL)
		return tree_clone(AT_FDCWD, plan->root_path, true, err);
	fd = tree_new(&(struct file_system){
		.type = mount->type,
		.source = mount->source,
		.data = mount->data,
		.super_set = mount->super_set,
		.super_clear = mount->super_clear,
		.attributes = mount->attr_set,
		.label = plan->mount_label,
	}, err);
	if (fd >= 0)
		return fd;
	return error_wrap(err, "/mounts/0 on /");
}
