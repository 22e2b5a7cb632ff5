/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/tar/tar.h"

/*
 * What the files of the tar reader share: the reader in tar.c, one header in header.c, pax
 * records in pax.c, maps of sparse files in sparse.c.
 */
enum { TAR_BLOCK_SIZE = 512, TAR_BUFFER_SIZE = 16 << 10 };

/* A name that lies before an entry, or its own. */
struct tar_name {
	char text[TAR_MAX_PATH];
	bool set;
};

/* What GNU.sparse.* records say, and the header of an old GNU sparse file. */
struct tar_sparse {
	bool present;
	unsigned int major, minor;
	bool has_size, has_offset, has_name, map_in_data;
	uint64_t size, offset;		/* size: of the file with its holes */
	uint64_t expected;		/* pieces announced; UINT64_MAX: not */
	uint32_t count;
	struct tar_piece *pieces;	/* room for TAR_MAX_SPARSE */
};

struct tar {
	struct arena *arena;
	struct stream *stream;		/* or NULL: */
	int fd;				/* borrowed: an uncompressed archive that can be sought */
	unsigned char *buffer;		/* of TAR_BUFFER_SIZE, for fd */
	const unsigned char *chunk;	/* of the stream, not taken yet */
	size_t chunk_size;
	uint64_t entries, position;	/* of the decompressed bytes: for messages */

	struct tar_entry entry;
	struct tar_name path, link;
	char user[256], group[256];
	struct tar_sparse sparse;
	bool pax_size, pax_uid, pax_gid, pax_mtime, pax_atime;	/* a record gave it */
	bool pax_user, pax_group, seen_pax;
	char *records;			/* the pax header: xattrs point into it */
	struct tar_xattr *xattrs;
	uint32_t xattr_count;

	uint64_t left, padding;		/* stored data of the entry, and zeroes behind it */
	uint32_t piece;			/* which comes next */
	uint64_t in_piece;		/* how much of it was given */
	unsigned char block[TAR_BLOCK_SIZE];
};

/* size bytes of the stream, however they are cut; at its end -1 and *err. */
int tar_read(struct tar *tar, void *data, size_t size, struct error *err);
/* The same of the entry's own data. */
int tar_read_data(struct tar *tar, void *data, size_t size, struct error *err);
/* Says which entry it is about; the text is made printable.  Always -1. */
int tar_fail(struct tar *tar, struct error *err, const char *fmt, ...) _printf(3, 4);

/* A number of a header: octal, or binary when large; false when it is neither or negative. */
bool tar_number(const unsigned char *field, size_t size, uint64_t *ret);
/* Whether block has a right check sum, and whether it is all zeroes. */
bool tar_checksum_is_right(const unsigned char *block);
bool tar_is_zero(const unsigned char *block);
/* Fills tar->entry from tar->block and from what came before it. */
int tar_header_read(struct tar *tar, struct error *err);

/* A pax header of size bytes of data.  is_global: those of type g, of which only comments pass. */
int tar_pax_read(struct tar *tar, uint64_t size, bool is_global, struct error *err);

/* Room for another piece; -1 when there are too many. */
int tar_sparse_add(struct tar *tar, uint64_t offset, uint64_t size, struct error *err);
/* Old GNU: the map in tar->block and in the blocks behind it. */
int tar_sparse_read_old(struct tar *tar, struct error *err);
/* GNU 1.0: the map in front of the data. */
int tar_sparse_read_map(struct tar *tar, struct error *err);
/* Whether the pieces follow each other, lie in the file, and are as long as what is stored. */
int tar_sparse_check(struct tar *tar, struct error *err);
