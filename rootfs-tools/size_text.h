/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

#include "base/arena.h"

/* Bytes as people read them: "512 B", "4.2 MB", in powers of 1000 as disks and registries have. */
const char *size_text(struct arena *arena, uint64_t bytes);
