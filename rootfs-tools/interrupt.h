/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/*
 * Ctrl-C in the middle of long work: SIGINT, SIGTERM and SIGHUP become an error that is
 * returned through all callers, so that each undoes what it did.  main() catches them once.
 */
void interrupt_catch(void);
/* 0, or -1 and "stopped by SIGINT" with EINTR. */
int interrupt_check(struct error *err);
