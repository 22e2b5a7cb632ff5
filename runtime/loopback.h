/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/*
 * lo, brought up by the runtime in the network namespace of a process that was
 * just made, while that one mounts: a twelfth of a start (docs/decisions.md).
 */

/*
 * 1 when it is up; 0 where we may not enter that namespace (CAP_SYS_PTRACE, a security module)
 * or could not come back; -1 and *err.  socket_fd is any socket of our own network namespace.
 */
int loopback_up_beside(int pidfd, int socket_fd, struct error *err);
