/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/* A pseudo terminal for a container that wants one (allocateTty): master, slave, 80 by 24. */
int pty_open(int *ret_master, int *ret_slave, struct error *err);
