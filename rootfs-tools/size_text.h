/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

#include "base/arena.h"

/*
 * Bytes as people read them, rounded down.  Files and layers go by powers of 1000, as disks and
 * registries have them: "512 B", "4.2 MB".  Memory goes by powers of 1024, as its limits are
 * written ("64M"): "64.0 MiB".
 */
const char *size_text(struct arena *arena, uint64_t bytes);
const char *memory_text(struct arena *arena, uint64_t bytes);
