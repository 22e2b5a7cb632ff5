/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <signal.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * A process of ours that goes into a container, until it is the program that was asked for, or has
 * done what it is there for.  It is in reach of the container's processes by then, and those of the
 * same user may stop it, for us to wait for ever.  So each time it is continued; and what ends
 * us, or the end of its time, ends it, so that no stopped one stays behind.  And where it does not
 * even end when killed, for it waits for a file system that the container serves itself (FUSE), the
 * wait for it is given up: channel_given_up says so.
 *
 * Between begin and end the signals that end programs are handled, blocked or not, but for those
 * that the caller ignores.
 */
#define NEWCOMER_SIGNALS 6

struct newcomer {
	sigset_t mask;				/* of before */
	struct sigaction actions[NEWCOMER_SIGNALS];
};

/* seconds: how long it may take; 0: as long as it likes. */
void newcomer_begin(struct newcomer *ret, int seconds);
/* It is there; the fd is borrowed till the end. */
void newcomer_born(int pidfd);
/* How many of the seconds are left, one at least; 0 where it had no limit. */
int newcomer_end(const struct newcomer *newcomer);
/* Waits for its end; false where that was given up, and where there is none. */
bool newcomer_ended(int pidfd);
/* Why it was ended, in the place of *err, where it was.  Returns -1. */
int newcomer_explain(struct error *err);
