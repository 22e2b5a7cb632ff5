/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/store/use.h"

/* Takes out of a store, opened with STORE_REMOVE, what nobody needs. */
struct store_collected {
	unsigned int leftovers;		/* of killed programs: half-made layers, bundles of runs */
	unsigned int layers;
	uint64_t bytes;			/* of those layers */
};

/* keep_layers: whole layers stay, for the next bundle. */
int store_collect(const struct store *store, bool keep_layers, struct store_collected *ret,
		  struct error *err);
/* Whether a bundle's root is made of that directory of STORE/l. */
bool store_is_used(const word_list *used, const char *name);
