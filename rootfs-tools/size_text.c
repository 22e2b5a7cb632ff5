/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/size_text.h"

#include <inttypes.h>

#include "base/compiler.h"

const char *size_text(struct arena *arena, uint64_t bytes)
{
	static const char units[] = "kMGTPE";
	uint64_t tenths = bytes / 100;
	size_t unit = 0;

	if (bytes < 1000)
		return arena_printf(arena, "%" PRIu64 " B", bytes);
	for (; tenths >= 10000; unit++)
		tenths /= 1000;
	return arena_printf(arena, "%" PRIu64 ".%" PRIu64 " %cB", tenths / 10, tenths % 10,
			    units[unit]);
}
