/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The paths that a layer has put something at, and their parents: a whiteout hides what lower
 * layers have, and nothing of its own, wherever it stands in the layer.  Kept as 64-bit hashes
 * with a random key, eight bytes a path, so that a layer of a million files takes 16 MiB; two
 * paths of one hash would spare a file that was to go, in one of a billion such layers.
 */
struct touched {
	uint64_t *slots;		/* owned: mapped; 0: free */
	size_t room, count;
	uint64_t key[2];
};

int touched_init(struct touched *touched, struct error *err);
void touched_clear(struct touched *touched);
/* The path of length bytes, and all that lead to it. */
int touched_add(struct touched *touched, const char *path, size_t length, struct error *err);
bool touched_has(const struct touched *touched, const char *path, size_t length);
