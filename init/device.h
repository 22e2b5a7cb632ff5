/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "init/step.h"

/*
 * Opens the host's own devices as detached trees in in->device_trees, for a
 * user namespace, where the kernel lets nobody make devices.  Each is verified
 * to be the device that the plan means; a mode or owner other than configured
 * is a warning.  What runtime/device_node.c has made is there already.
 */
int devices_open(const struct plan *plan, struct init *in, struct error *err);
/* The fd is that device: its type and its number, whatever its name. */
int device_check(int fd, mode_t type, unsigned int major, unsigned int minor, const char *what,
		 struct error *err);
