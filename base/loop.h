/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/*
 * A file as a block device, read-only, for a file system that is in it.  The device goes by
 * itself when nobody has it open or mounted any more.
 */

/* ret_path: "/dev/loop3".  Returns an fd of it, to be kept until it is mounted. */
int loop_open(const char *file, char ret_path[32], struct error *err);
/* "squashfs" or "erofs" by the first bytes of a regular file; NULL: neither, or none. */
const char *loop_detect(const char *file);
