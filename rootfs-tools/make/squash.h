/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/make/session.h"

/*
 * The last count layers of the session's image, or with 0 all, become one that
 * does the same.  No file is unpacked: the layers are read twice, once for what
 * remains and once for its data.
 */
int squash(struct session *session, size_t count, struct error *err);
