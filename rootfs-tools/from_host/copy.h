/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sys/stat.h>

struct from_host;

/*
 * The path on the host, made in the root: directories, the symlinks on the way and what they lead
 * to, and a file with its data.  *ret_real: where it is in the end, without "/" in front.
 */
int from_host_replicate(struct from_host *made, const char *path, const char **ret_real,
			struct stat *ret_st);
