/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * "NAME=VALUE", or "NAME" for the caller's own variable, if there is one.  False: it is neither.
 */
bool env_word_add(struct arena *arena, const char *word, word_list *ret);
/*
 * Adds what a file of "NAME=VALUE" lines sets, as podman and docker have them: a name alone is the
 * caller's variable, if there is one; empty lines and those that begin with "#" say nothing.
 * Errors name file and line.
 */
int env_file_read(struct arena *arena, const char *path, word_list *ret, struct error *err);
