/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "base/error.h"

/*
 * lo, brought up by the runtime in the network namespace of a process that was
 * just made, while that one mounts: a twelfth of a start (docs/decisions.md).
 */

/*
 * 1 when it is up; 0 where we may not enter that namespace (CAP_SYS_PTRACE, a security module)
 * or could not come back; -1 and *err.  socket_fd is any socket of our own network namespace.
 * *astray becomes true, with -1, where we are still there: the kernel refused the way back.
 */
int loopback_up_beside(int pidfd, int socket_fd, bool *astray, struct error *err);
