/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sys/types.h>

/*
 * A file system that behaves as resctrl does, over FUSE, for machines without
 * the hardware: a new directory has tasks, schemata, mon_groups and mon_data in
 * it at once, rmdir takes them along, what makes no sense is EINVAL and told in
 * info/last_cmd_status.  It knows "L3" and "MB" on two caches, and has room for
 * RESCTRL_GROUPS groups beside the one at the root.
 */
enum { RESCTRL_GROUPS = 3 };

struct resctrl {
	const char *path;
	pid_t server;
};

/* Mounts it below directory; the test is skipped where there is no FUSE. */
void resctrl_mount(struct resctrl *ret, const char *directory);
void resctrl_unmount(struct resctrl *resctrl);
/* The text of a file, "web/tasks"; "" where there is none. */
const char *resctrl_read(const struct resctrl *resctrl, const char *file);
