/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/store/overlay.h"

/*
 * The user of an image, "NAME|UID[:GROUP|GID]", as numbers: by the image's own /etc/passwd and
 * /etc/group, and as Docker reads it.  Digits are a number, which needs no line; without a group
 * it is that of the user's line, else 0, and the user is in all groups that name it.
 *
 * The files are the image's, so they are bounded: 1 MiB, lines of 4 KiB, 1024 groups.  What is
 * longer is no line.
 */
struct image_user {
	uint32_t uid, gid;
	LIST(uint32_t) groups;
};

int image_user_find(const struct overlay *overlay, const char *user, struct image_user *ret,
		    struct error *err);
/* From the text of the two files; for the tests, too. */
int image_user_parse(struct arena *arena, const char *passwd, const char *group,
		     const char *user, struct image_user *ret, struct error *err);
