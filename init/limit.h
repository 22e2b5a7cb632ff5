/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/* err of a score that could not be set, with the way out where that is known; -1. */
int oom_score_refused(struct error *err);
/* This process runs on those CPUs alone, "0-3,7"; NULL: wherever its cgroup lets it. */
int affinity_set(const char *list, struct error *err);
