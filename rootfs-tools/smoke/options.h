/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/smoke.h"

/* The command line: one table for the parser, --help, the man page and the completions. */
extern const struct option smoke_options[];
/* What options say as text, as numbers in smoke. */
int options_apply(struct smoke *smoke, struct error *err);
