/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sys/types.h>

#include "base/error.h"

/*
 * The one resolver.  Every path with a byte in it from config.json, an image
 * or the container's root goes through here: openat2(2) with RESOLVE_IN_ROOT
 * and RESOLVE_NO_MAGICLINKS, so that ".." and symlinks stay below the root and
 * /proc's magic links are refused.  There is no fallback in user space: on a
 * kernel without openat2 everything here fails.  After resolution only the fd
 * is used, never the string again (security.md I1, I2).
 *
 * root_fd is borrowed; a leading "/" in path means the root.
 */

/* flags as for open(2); O_CLOEXEC is added.  Returns an fd. */
int path_open(int root_fd, const char *path, int flags, struct error *err);
/* The same for what may well be missing, which is no error: -1 and errno. */
int path_find(int root_fd, const char *path, int flags);
/*
 * To read what may be of any type: a device is refused, for its opening alone does something (a
 * watchdog starts, a tape rewinds); a fifo is not waited for.
 */
int path_open_read(int root_fd, const char *path, struct error *err);
/* As path_open(), but a symlink on the way is an error. */
int path_open_plain(int root_fd, const char *path, int flags, struct error *err);
/*
 * For trees where symlinks have no place (procfs, cgroupfs, the state
 * directory): below dir_fd, no symlinks, and no other mount.  Returns an fd.
 */
int path_open_strict(int dir_fd, const char *path, int flags, struct error *err);
/* Is to it as path_find() is to path_open(). */
int path_find_strict(int dir_fd, const char *path, int flags);

/*
 * Opens (O_PATH) the directory or file, after making what is missing of it,
 * parents too.  A dangling symlink on the way is followed inside the root and
 * its target made, as runc and crun do.  New directories get mode, parents
 * 0755; nothing that exists is changed.
 */
int path_make_dir(int root_fd, const char *path, mode_t mode, struct error *err);
int path_make_file(int root_fd, const char *path, mode_t mode, struct error *err);
/*
 * Opens (O_PATH) the directory that holds the last component, made if missing,
 * and gives that component, which has no "/" and is not "." or "..".
 */
int path_make_parent(int root_fd, const char *path, char ret_name[256], struct error *err);
