/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/*
 * A table that changes: on a terminal it is drawn again and again in its
 * place, until Ctrl-C or until it ends; into a pipe it is written once, or, with
 * every frame on its own, for as long as it is asked for.
 */
enum live_mode {
	LIVE_AUTO,		/* a terminal: again and again; else once */
	LIVE_ONCE,
	LIVE_STREAM,		/* frame after frame, wherever it goes */
};
enum { LIVE_MORE, LIVE_END };

/*
 * Adds one frame.  elapsed_ms: since the frame before, 0 for the first, which
 * is not shown: what is shown are differences.  LIVE_MORE, LIVE_END or -1.
 */
typedef int live_frame(void *context, struct text *out, uint64_t elapsed_ms, struct error *err);
/* interval: seconds between two frames, as "--interval" gave them; 0 or less: not given. */
int live_run(enum live_mode mode, int interval, live_frame *frame, void *context,
	     struct error *err);

/* "1.5M": three digits at most, and a unit of 1024. */
const char *live_size(struct arena *arena, uint64_t bytes);
/* Percent of one CPU, with one decimal place. */
const char *live_share(struct arena *arena, uint64_t used_ns, uint64_t elapsed_ms);
