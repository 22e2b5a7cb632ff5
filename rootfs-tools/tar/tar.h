/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "rootfs-tools/blob/stream.h"

/*
 * A tar, entry by entry: ustar, pax (x and g), GNU long names, GNU sparse files in all four
 * formats.  Not libarchive's reader: that changes names (NFD to NFC on the way in, so two files
 * become one), and repairs what must be refused (security.md I17).  Refused are: a wrong check
 * sum, numbers that are negative or too large, NUL in a name of a pax header, two pax headers
 * in front of one entry, sparse maps that overlap or do not add up, an archive that is cut.
 *
 * Names come as they are, with all their bytes; whoever makes files checks them (layer.h).
 */
enum {
	TAR_MAX_PATH = 4096,		/* bytes of a name or link target, with the NUL */
	TAR_MAX_HEADER = 1 << 20,	/* of one pax header */
	TAR_MAX_XATTRS = 128,		/* of one entry */
	TAR_MAX_SPARSE = 1 << 16,	/* pieces of one sparse file */
};

enum tar_type { TAR_FILE, TAR_HARD_LINK, TAR_SYMLINK, TAR_CHARACTER, TAR_BLOCK, TAR_DIRECTORY,
		TAR_FIFO };

struct tar_xattr {
	const char *name;
	const void *value;
	size_t size;
};

/* size bytes of data that belong at offset of the file. */
struct tar_piece {
	uint64_t offset, size;
};

struct tar_entry {
	const char *path, *link;	/* link: of hard links and symlinks, else "" */
	enum tar_type type;
	mode_t mode;			/* the permission bits */
	uint64_t uid, gid;		/* at most 4294967294 */
	const char *user, *group;	/* "" for none */
	struct timespec mtime, atime;	/* atime: mtime where there is none */
	uint64_t size;			/* of the file, holes and all */
	unsigned int major, minor;
	LIST(struct tar_xattr) xattrs;
	LIST(struct tar_piece) sparse;	/* none, and is_sparse not set: one piece, the whole */
	bool is_sparse;
};

struct tar;

struct tar *tar_open(struct arena *arena, struct stream *stream);
/* An uncompressed archive in a file: data that is not read is not even looked at. */
struct tar *tar_open_file(struct arena *arena, int fd);
/* Where the data of the entry begins that tar_next() gave: for tar_open_file(). */
uint64_t tar_data_offset(const struct tar *tar);
/* 1 and the entry, which stays until the next call; 0 at the end. */
int tar_next(struct tar *tar, const struct tar_entry **ret, struct error *err);
/*
 * The data of the entry, piece by piece: how many bytes, where they are and at which offset of
 * the file they belong; 0 when there is no more.  What is not read is skipped by tar_next().
 */
ssize_t tar_data(struct tar *tar, const unsigned char **ret_data, uint64_t *ret_offset,
		 struct error *err);
