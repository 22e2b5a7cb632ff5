/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sys/types.h>

#include "base/error.h"

/*
 * Ctrl-C in the middle of long work: SIGINT, SIGTERM and SIGHUP become an error that is
 * returned through all callers, so that each undoes what it did.  main() catches them once.
 */
void interrupt_catch(void);
/* 0, or -1 and "stopped by SIGINT" with EINTR. */
int interrupt_check(struct error *err);
/*
 * Waits for a child: process_reap().  Where we are to stop, it is sent the signal, and again until
 * it ends: before its exec it has our handler, which takes the signal for one of ours.
 */
int interrupt_reap(pid_t pid, int signal, int *ret_status);
