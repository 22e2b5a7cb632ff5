/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/arena.h"

/*
 * Changes one value of a JSON text in place, by its JSON pointer, so that a
 * test says only what differs from the default bundle.  The text is spliced:
 * everything else stays byte for byte as it was, mistakes included.
 *
 * Objects that are missing on the way are made; "-" as the last part appends
 * to an array.  In value, ' stands for ", which spares the backslashes.
 * NULL: the text has no such place.
 */
char *edit_set(struct arena *arena, const char *text, const char *pointer, const char *value);
/* The same with value as it is. */
char *edit_splice(struct arena *arena, const char *text, const char *pointer, const char *value);
/* Takes a member or an element out; NULL when it is not there. */
char *edit_unset(struct arena *arena, const char *text, const char *pointer);
/* ' to ", for whole documents. */
char *edit_quotes(struct arena *arena, const char *text);
