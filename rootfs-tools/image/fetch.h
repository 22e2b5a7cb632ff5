/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/platform.h"

/*
 * Images that kist has no client for: skopeo, where it is installed, copies them to a temporary
 * OCI layout, and fetch_remove() takes that away again.  As long as the fd of the lock is open,
 * nobody takes it for what a killed kist has left.
 */
int fetch_image(struct arena *arena, const char *reference, const struct platform *platform,
		const char **ret_layout, int *ret_lock_fd, struct error *err);
void fetch_remove(const char *layout);
