/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>

/*
 * overlayfs wants the paths of all its layers, and fsconfig(2) takes no string over 255 bytes.
 * Linux 6.7 and newer take one path after the other.  On older ones the calling process changes
 * to the directory that all of them are below, and has to come back behind the file system's
 * making: the kernel looks the paths up only then.
 *
 * list: the value of "lowerdir=", paths with colons between them; "::" (data-only layers) is
 * not understood.  0, or -1 and errno: E2BIG for too many of them on an older kernel.
 */
int lower_add_all(int fs_fd, const char *list, size_t length);
