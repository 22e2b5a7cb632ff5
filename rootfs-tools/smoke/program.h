/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/smoke.h"

/*
 * What the program says of itself: --help, --version, and, for the build, "man" and "completion
 * SHELL".  1 that was asked for, and is in *out; 0 it was not; -1 and *err.
 */
int program_document(struct text *out, const struct smoke_options *options,
		     const struct arguments *words, struct error *err);
