/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * Moves the plan's network devices from the caller's network namespace into
 * net_ns_fd, under their names inside, with the addresses that were not given
 * by a protocol, and brings them up: all of them or none.  What can be known before is
 * refused before anything moves; after any other failure the devices go back, with their names,
 * addresses and up as they were (routes, which the kernel drops with a move, do not).
 * For the runtime, which has the rights on both sides; it needs one thread.
 */
int net_devices_move(const struct plan *plan, int net_ns_fd, struct error *err);
