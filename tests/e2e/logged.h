/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tests/e2e/harness.h"

/* Containers of "run --detach --log-file", with the log in the bundle's directory. */

/* A path in that directory. */
const char *in_dir(struct bundle *b, const char *name);
/* Starts it, with one more option, or NULL. */
void run_logged(struct bundle *b, const char *more, const char *value);
/* A bundle that runs a script of busybox' shell. */
struct bundle *script_new(const char *script);
