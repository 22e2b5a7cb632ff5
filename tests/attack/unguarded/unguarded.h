/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

/*
 * What takes a guard out of kist: linked into two programs of the tests alone, "unguarded/kist" and
 * "unguarded/kist-rootfs", which are otherwise the objects of kist and kist-rootfs, with the
 * linker's --wrap for each function that is WRAPPED.  Nothing in the product's source knows of it.
 *
 * KIST_WITHOUT_GUARD=a,b takes out the guards of these names; without it, nothing is changed.
 */
#define WRAPPED(name) __wrap_##name
#define REAL(name)    __real_##name

bool without(const char *guard);
