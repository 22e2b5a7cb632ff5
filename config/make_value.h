/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* The values of make's flags, from text.  False, or -1 and *err: that is no such value. */

enum { CPU_PERIOD = 100000 };	/* microseconds; the kernel's default */

struct made_mount {
	const char *destination, *type, *source;	/* source may be NULL */
	word_list options;
};

struct made_device {
	const char *source;		/* of the host */
	const char *path;		/* in the container */
	const char *access;		/* of "rwm" */
	uint32_t mode, uid, gid;	/* of the host's: S_IFCHR or S_IFBLK, and permissions */
	uint32_t major, minor;
};

/* "NET_ADMIN", "CAP_NET_ADMIN", "cap_net_admin"; "all": every one known.  0: none such. */
uint64_t capability_bits(const char *name);
/* "1000" (group 0) or "1000:100". */
bool user_parse(const char *text, uint32_t *ret_uid, uint32_t *ret_gid);
/* "512M", "2g", "1048576", "100KiB"; -1: no limit.  Bytes. */
bool size_parse(const char *text, int64_t *ret);
/* A path of the caller's, which may be relative to where it stands. */
const char *path_absolute(struct arena *arena, const char *path);
/* "1.5" processors as microseconds of each period. */
bool cpus_parse(const char *text, uint64_t period, uint64_t *ret);
int mount_parse(struct arena *arena, const char *text, struct made_mount *ret,
		struct error *err);
int tmpfs_parse(struct arena *arena, const char *text, struct made_mount *ret, struct error *err);
/* "/dev/fuse", "/dev/sdb:/dev/disk:r", "/dev/net/tun:rw"; looks at that device of the host. */
int device_parse(struct arena *arena, const char *text, struct made_device *ret, struct error *err);
/* "nofile=1024", "core=0:-1": a name of rlimit_names, the soft and the hard limit; -1: none. */
int ulimit_parse(struct arena *arena, const char *text, const char **ret_name, uint64_t *ret_soft,
		 uint64_t *ret_hard, struct error *err);
