/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/option.h"
#include "config/plan.h"

/*
 * Whether all files that the caller makes have one owner, whatever is asked for: an ordinary
 * user's, and those of a user namespace of a single id ("kist unshare -r").
 */
bool ids_are_one(void);
/* --uid-map and --gid-map as given: "CONTAINER:HOST[:SIZE]" each, without overlaps. */
int id_maps_parse(struct arena *arena, const word_list *texts, id_map_list *ret, struct error *err);
