/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>

#include "rootfs-tools/make/draft.h"

/*
 * A bundle as "pack" sees it: where its root is, and what its config.json says
 * of the image that it was, or will be.  The other way round is the image
 * spec's conversion, which "bundle" does.
 */
struct bundle {
	const struct json *config;	/* NULL: a directory without a config.json */
	int root_fd;			/* owned */
	bool upper;			/* it is the upper directory of an overlay, the root */
};
#define BUNDLE_NONE { .root_fd = -EBADF }

int bundle_open(struct arena *arena, const char *path, struct bundle *ret, struct error *err);
void bundle_close(struct bundle *bundle);
#define _cleanup_bundle _cleanup(bundle_close)

/* Process and annotations to the config of a new image; its platform stays where that was given. */
void bundle_to_image(const struct bundle *bundle, struct draft *draft, bool platform_given);
