/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/*
 * BPF programs that are loaded already.  The kernel takes 0.2 to 0.3 ms to
 * verify and translate the device rules of a container, and most containers
 * have the same: so they stay pinned, in a BPF file system beside the small
 * mount namespace (runtime/hostns.h), which root alone can reach.  A name is a
 * hash, but equality is decided by the instructions, which are kept, too.
 *
 * Nothing here can fail: without the cache programs are loaded again.
 */

/* A program with exactly these instructions, or -EBADF. */
int program_cache_find(const void *instructions, size_t size);
void program_cache_add(const void *instructions, size_t size, int program_fd);
