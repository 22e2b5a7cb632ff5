/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "runtime/create.h"

/*
 * A process beside the container that its seccomp filter asks: it notes each
 * call and lets it go on (record), or gives it the error that the profile has
 * for it and says so (log).  It ends with the last process under the filter,
 * children and what they execute included.  Nothing of it is there otherwise.
 *
 * What it cannot do: a program that installs a listener of its own gets EBUSY,
 * for the kernel has room for one.
 */
struct seccomp_watch {
	pid_t pid;			/* 0: none */
	int socket;			/* owned; O_PATH, where the listener comes from */
	const char *made;		/* a profile that was not there before; or NULL */
};
#define SECCOMP_WATCH_NONE	((struct seccomp_watch){ 0, -EBADF, NULL })

/* Starts it, and puts its filter in the place of the bundle's.  record: a file, or NULL: log. */
int seccomp_watch_begin(struct seccomp_watch *watch, const struct creation_request *request,
			struct bundle *bundle, const char *record, struct error *err);
/*
 * Waits for it, also where it did not begin; ran: whether there was a container.  Says what went
 * wrong with it; then there is no new profile, and an older one stays.
 */
int seccomp_watch_end(struct seccomp_watch *watch, bool ran, struct error *err);
