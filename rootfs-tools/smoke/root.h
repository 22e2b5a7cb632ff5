/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/smoke.h"

/*
 * A root that a container may write to: an overlay of the subject's directories with an empty one
 * on top, in the box's memory.  The subject stays as it is.
 */
struct root {
	const char *path;
	const char *upper;
};
/* name: unlike any other of the run. */
int root_make(struct arena *arena, const struct smoke *smoke, const char *name, struct root *ret,
	      struct error *err);
/* Its memory is given back; the mount ends with the box, for an umount waits for the kernel. */
void root_drop(const struct root *root);

/* What was written: paths below the root, at most max of them listed. */
struct written {
	word_list files;		/* "/var/log/x", or "/x (removed)" */
	size_t count;
	uint64_t bytes;
};
void root_written(struct arena *arena, const struct root *root, size_t max, struct written *ret);

/* All of the subject, to be read: its one directory, or an overlay without a top. */
int root_view(struct arena *arena, const struct smoke *smoke, const char **ret_path,
	      struct error *err);
