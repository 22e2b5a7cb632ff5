/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/* What id maps say.  Pure functions. */

/* user_namespaces(7): what /proc/PID/uid_map takes since Linux 4.15. */
enum { ID_MAPS_MAX = 340 };

/* The lines as the kernel takes them: "container host size\n"; "" for an empty list. */
const char *id_map_text(struct arena *arena, const id_map_list *maps);
/* The host's id of one in the container; false: it has none. */
bool id_map_to_host(const id_map_list *maps, uint32_t id, uint32_t *ret);
