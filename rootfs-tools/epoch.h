/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * SOURCE_DATE_EPOCH (reproducible-builds.org): with it no time in what is made
 * is later, and what is made now was made then.  An image then depends on its
 * input alone.
 */
struct epoch {
	bool set;
	int64_t seconds;
};
int epoch_read(struct epoch *ret, struct error *err);
/* "2026-11-22T06:12:35Z": now, or the epoch's. */
const char *epoch_created(struct arena *arena, const struct epoch *epoch);
/* "2026-11-22 06:12", for people; "?" for what is in no year of four digits. */
const char *epoch_minute(struct arena *arena, int64_t seconds);
/* Whether text is a time as RFC 3339 has it, which image configs want. */
bool epoch_is_time(const char *text);
