/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "config/plan.h"

/*
 * The small mount namespace.
 *
 * A new mount namespace begins as a copy of the one it is made from, and the
 * copy grows with every mount of the host: 0.9 ms with none of its own, 5.5 ms
 * with 4,000.  So containers are born from a mount namespace that holds one
 * empty, read-only tmpfs with one directory, "root", and what they are to see of
 * the host is opened before as detached trees.
 *
 * It is made once and pinned by a bind of its nsfs file on /run/kist/.hostns,
 * a private tmpfs, so that nothing propagates from there.  At every use it is
 * checked that the file is what we made: the directory root's and 0700, a
 * mount namespace, owned by the initial user namespace.  Else it is made again.
 * In a mount namespace newer than the pin the pin is not seen, and is made
 * there too; it goes with that namespace.
 */

#define HOSTNS_DIRECTORY	"/run/kist/.hostns"
/* A BPF file system on the same tmpfs, for runtime/program_cache.c. */
#define HOSTNS_PROGRAMS		HOSTNS_DIRECTORY "/bpf"
/* Beside it, as "libexec", is what the launcher starts the runtime from (runtime/launch.c). */

/*
 * May this plan's process be born there?  Not with a user namespace (mounting
 * proc then wants one in sight), without privileges, or with hooks that look for the
 * host's paths.
 */
bool hostns_usable(const struct plan *plan);
/* The namespace, to be joined; -1 and *err when it cannot be had, as in a user namespace. */
int hostns_open(struct error *err);
