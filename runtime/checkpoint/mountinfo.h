/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

/*
 * The lines of /proc/PID/mountinfo, which CRIU has to be told of: a container borrows mounts of
 * the host.  Each is taken apart in place.
 */
struct mount_line {
	unsigned long id;
	char *device, *point, *type;
};

/* False at the end, and at what is no such line. */
bool mount_line_next(char **rest, struct mount_line *ret);
