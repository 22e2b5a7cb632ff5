/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"
#include "base/error.h"

/*
 * The home directory of a user in the root's own /etc/passwd, on the arena; "/"
 * where none is known.  The name service is not asked: it would load what the
 * image wants loaded (CVE-2019-14271).  The file is not trusted: one that
 * is not a regular file, or is larger than a megabyte, is not looked at.
 */
const char *passwd_home(int root_fd, unsigned int uid, struct arena *arena);
/* The same in memory; NULL: not there.  Lines that are not well formed are passed over. */
const char *passwd_home_parse(const char *text, unsigned int uid, struct arena *arena);
