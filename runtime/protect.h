/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/*
 * The runtime's own file (CVE-2019-5736, security.md I7): a container must not
 * be able to open /proc/PID/exe of a kist process for writing.  That holds
 * where the file is on a read-only mount, as runtime/launch.c arranges it for
 * root; where it is a sealed memfd; or where it belongs to somebody whose
 * rights nobody in our containers can have.
 *
 * Returns when it holds.  Else starts this program again with the same
 * arguments and environment so that it does, or gives -1 and *err.
 */
int protect_self(char *const *argv, struct error *err);
