/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/index.h"

/* Blobs that nothing in index.json leads to are removed; the writer's lock keeps others away. */
struct index_collected {
	unsigned int blobs;
	uint64_t bytes;
};
int index_collect(struct writer *writer, struct index_collected *ret, struct error *err);
