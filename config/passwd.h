/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

#include "base/arena.h"

/* The host's name for a uid, from /etc/passwd and nowhere else (banned.h); "#1000" without one. */
const char *passwd_name(struct arena *arena, uint32_t uid);
