/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * What the container of a caller who names no ids has for them: the caller as 0, and
 * behind it the range that /etc/subuid or /etc/subgid gives to the caller,
 * where newuidmap(1) is there to map it.  Without one: the caller alone.
 */
void subid_maps(struct arena *arena, id_map_list *ret_uids, id_map_list *ret_gids);
/* One file's text: the first range of that name or uid.  False: none.  For the tests, too. */
bool subid_find(const char *text, const char *name, uint32_t uid, uint32_t *ret_first,
		uint32_t *ret_count);
