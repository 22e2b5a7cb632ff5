/* SPDX-License-Identifier: Apache-2.0 */
#include "config/cgroup_write.h"

#include "base/list.h"

struct cgroup_write *cgroup_write_add(struct arena *arena, cgroup_write_list *list,
				      const char *controller, const char *file, const char *text)
{
	struct cgroup_write *write = LIST_NEW(arena, list);

	write->controller = controller;
	write->file = file;
	write->text = text;
	return write;
}
