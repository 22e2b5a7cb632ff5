/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "rootfs-tools/bundle/user.h"

/*
 * "name", "1000", "name:group", "1000:100", as the images' User is written, resolved in
 * /etc/passwd and /etc/group of the root at that path.
 */
struct user {
	struct image_user ids;
	bool named;			/* has a line in the passwd file */
};
int user_resolve(struct arena *arena, const char *root, const char *text, struct user *ret,
		 struct error *err);
