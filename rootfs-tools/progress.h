/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * A bar on the terminal while something takes long: on stderr, and only where that is a
 * terminal; not in the first half second, so that what is quick shows nothing.
 */
struct progress {
	const char *what;		/* "unpack debian:12" */
	bool terminal, shown;
	int64_t begun, last;		/* clock_ms() */
};

void progress_begin(struct progress *progress, const char *what);
/* An unpack_progress.  total 0: not known. */
void progress_show(void *context, uint64_t done, uint64_t total);
/* Takes it off the terminal. */
void progress_end(struct progress *progress);
#define _cleanup_progress _cleanup(progress_end)
