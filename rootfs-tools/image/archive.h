/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "rootfs-tools/blob/inflate.h"

/*
 * An image in one file: where the members of its tar are.  A confined process reads the tar
 * (and decompresses it to a temporary file that has no name, where that is needed); what it
 * says is only ever used as name, offset and size.
 */
enum { ARCHIVE_MAX_MEMBERS = 1 << 14 };

struct archive_member {
	const char *name;		/* without "./" in front */
	uint64_t offset, size;
	bool is_link;			/* its name stands for another one's data */
	const char *link;
};

struct archive_index {
	LIST(struct archive_member) members;	/* by name */
	bool is_image;			/* not: the first name is none of an image's */
};

/*
 * *fd is the archive's; when it is a pipe or compressed, a temporary file takes its place.
 * demand: it is an image for sure, whatever the first name is.
 */
int archive_index_read(struct arena *arena, int *fd, bool demand, struct archive_index *ret,
		       struct error *err);
/* NULL when there is none.  A link leads to the member that it names. */
const struct archive_member *archive_find(const struct archive_index *index, const char *name);
