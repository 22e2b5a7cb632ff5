/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * Moves the plan's network devices from the caller's network namespace into
 * net_ns_fd, under their names inside, with the addresses that were not given
 * by a protocol, and brings them up.  For the runtime, which has the rights
 * on both sides; it needs one thread.
 */
int net_devices_move(const struct plan *plan, int net_ns_fd, struct error *err);
