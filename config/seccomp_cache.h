/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/seccomp_profile.h"

/*
 * Compiled filters by content: /run/kist/.seccomp for root, else
 * $XDG_RUNTIME_DIR/kist/.seccomp; 0700 and the caller's own, or it is not used.
 *
 * A file is named by a hash of its key, and holds the key whole: a filter is
 * taken only when the keys are equal byte by byte, so that no profile can be
 * made that gets another one's filter.  The cache is never needed: whatever is
 * wrong with it, the caller compiles, and says nothing.
 */

/* An fd of the directory, which is made if "make", or -1. */
int seccomp_cache_open(bool make);
/* 0 and the filter, or -1. */
int seccomp_cache_load(int dir_fd, struct arena *arena, const void *key, size_t size,
		       seccomp_filter *ret);
void seccomp_cache_save(int dir_fd, struct arena *arena, const void *key, size_t size,
			const seccomp_filter *filter);
