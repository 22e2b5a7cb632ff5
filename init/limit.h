/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/* This process runs on those CPUs alone, "0-3,7"; NULL: wherever its cgroup lets it. */
int affinity_set(const char *list, struct error *err);
