/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Looking into a running container from outside, by the pid of its first process. */

/* Whether something listens on that TCP port in its network namespace. */
bool inside_listens(pid_t pid, uint32_t port);
/* The listening TCP ports, lowest first; at most room of them.  Returns how many. */
size_t inside_ports(pid_t pid, uint32_t *ret_ports, size_t room);
/* A TCP socket of its network namespace, not connected yet: made by a child that goes there. */
int inside_socket(pid_t pid, int family, struct error *err);
/*
 * Leaves an orphan in its pid namespace, as a daemon that forks twice does, lets it end, and waits
 * at most that many milliseconds until somebody has reaped it: longer, where a busy machine does
 * not let pid 1 do that.  1 reaped, 0 it is a zombie still, -1 and *err.  Nothing of the image is
 * needed.
 */
int inside_orphan(pid_t pid, unsigned int wait_ms, struct error *err);
/* Whether the process catches that signal (SigCgt). */
bool inside_catches(pid_t pid, int signal);
/* All processes of its pid namespace, as far as /proc shows them: how many. */
size_t inside_processes(pid_t pid);
