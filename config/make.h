/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/make_option.h"

/*
 * A config.json from command-line flags: what "kist spec" prints and what
 * "kist run --rootfs DIR" runs.  With MAKE_OPTIONS_SPEC it says what runc 1.1's
 * "runc spec" says, but for the version of the spec and the hostname.
 */

/* The text, indented with tabs; NULL and *err, which names the flag. */
const char *config_make(struct arena *arena, const struct make_options *options,
			struct error *err);
