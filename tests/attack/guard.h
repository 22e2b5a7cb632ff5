/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"

/*
 * The host guard: what the host looks like, as text, before and after an
 * attack.  Any difference is a failure, whatever kist's exit status was.
 *
 * It holds a recursive listing of a sentinel tree (type, mode, owner, size,
 * mtime and ctime in ns, inode, rdev, content), the mount table, a list of
 * sysctls, the listing of /dev, named network namespaces, cgroups of the
 * name "kist-attack", and owner and mode of the standard streams.
 */
const char *guard_snapshot(struct arena *arena, const char *sentinel);
/* NULL when equal, else the first differing lines of both. */
const char *guard_difference(struct arena *arena, const char *before, const char *after);
