/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"
#include "rootfs-tools/blob/sink.h"
#include "rootfs-tools/tar/tar.h"

/*
 * Members to the bytes of a tar stream, as image layers have it: ustar headers,
 * and in front of those that need more (long names, large numbers, fractions of
 * a second, extended attributes) a pax header.  The same members give the same
 * bytes, always: no name of a user, no time but their own, no order but the
 * caller's.
 */
struct tar_member {
	const char *path;	/* "usr/bin/env"; "" is the root itself */
	const char *link;	/* of a symlink or, with hard_link, the path of the first name */
	bool hard_link;
	mode_t mode;		/* with its type */
	uint32_t uid, gid;
	int64_t mtime;
	uint32_t mtime_ns;
	uint64_t size;		/* of a regular file */
	dev_t device;
	const struct tar_xattr *xattrs;
	size_t xattr_count;
};

struct tar_writer {
	struct sink *out;
	struct text pax, name;	/* scratch, on an arena */
	uint64_t left;		/* bytes of data that the member still wants */
	unsigned int padding;	/* zeroes behind them */
};

/* A regular file's data follows by tar_write_data(), exactly member->size bytes. */
int tar_write_member(struct tar_writer *tar, const struct tar_member *member, struct error *err);
int tar_write_data(struct tar_writer *tar, const void *data, size_t size, struct error *err);
/* The two empty blocks. */
int tar_write_end(struct tar_writer *tar, struct error *err);
/* A regular file of 0644, root's, of 1970, whole. */
int tar_write_file(struct tar_writer *tar, const char *path, const void *data, size_t size,
		   struct error *err);

enum { TAR_RECORD = 512 };
/* The header of such a file, for who writes the data first and its name and size later. */
void tar_header_file(const char *path, uint64_t size, unsigned char ret_block[TAR_RECORD]);
