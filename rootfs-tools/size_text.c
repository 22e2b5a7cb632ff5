/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/size_text.h"

#include <inttypes.h>

/* units: what stands behind the number for base, base * base, … */
static const char *scaled(struct arena *arena, uint64_t bytes, uint64_t base,
			  const char *const *units)
{
	if (bytes < base)
		return arena_printf(arena, "%" PRIu64 " B", bytes);
	for (; bytes / base >= base; units++)
		bytes /= base;
	return arena_printf(arena, "%" PRIu64 ".%" PRIu64 " %s", bytes / base,
			    bytes % base * 10 / base, *units);
}

const char *size_text(struct arena *arena, uint64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };

	return scaled(arena, bytes, 1000, units);
}

const char *memory_text(struct arena *arena, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	return scaled(arena, bytes, 1024, units);
}
