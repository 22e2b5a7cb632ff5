/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/text.h"

/*
 * What came of the checks: rows that every report shows in its own way.  A check belongs to the
 * job that makes it, and lies on that job's arena.
 */
enum outcome {
	OUTCOME_PASS,
	OUTCOME_FAIL,
	OUTCOME_NOTE,		/* something to know: a failure with --strict */
	OUTCOME_SKIP,		/* could not be judged, and why */
	OUTCOME_COUNT,
};

/* One container on the time line; nanoseconds of time_now(), 0: never came to it. */
struct trace {
	const char *name;
	uint64_t began;		/* kist was started */
	uint64_t created;	/* its first process was seen */
	uint64_t ready;		/* ports, log, or settled */
	uint64_t stopped;	/* the signal was sent */
	uint64_t ended;
	uint64_t memory;	/* bytes, 0: not known */
	bool memory_is_rss;	/* of its largest process, for want of a cgroup */
	bool out_of_memory;	/* the kernel killed one of its processes */
	int status;
};

struct check {
	const char *group;	/* "image", "needs", the suite's file */
	const char *name;
	enum outcome outcome;
	const char *fact;	/* a few words: "in 12 ms"; or NULL */
	word_list reasons;	/* why not, what there is, in lines */
	const char *out, *err;	/* of the container, where that helps */
	uint64_t began, ended;
	LIST(struct trace) traces;
};
typedef LIST(struct check *) check_list;

/* What a job makes its checks with. */
struct findings {
	struct arena *arena;
	check_list checks;
	const char *group;
};

/* Passes, as long as nobody says otherwise. */
struct check *check_new(struct findings *findings, const char *name);
/* Each returns the check.  The worst outcome stays: fail before skip before note before pass. */
struct check *check_fail(struct findings *f, struct check *check, const char *fmt, ...)
	_printf(3, 4);
struct check *check_note(struct findings *f, struct check *check, const char *fmt, ...)
	_printf(3, 4);
struct check *check_skip(struct findings *f, struct check *check, const char *fmt, ...)
	_printf(3, 4);
/* A line more, whatever the outcome. */
void check_say(struct findings *f, struct check *check, const char *fmt, ...) _printf(3, 4);
void check_fact(struct findings *f, struct check *check, const char *fmt, ...) _printf(3, 4);

/* "340 ms", "1.2 s". */
const char *duration_text(struct arena *arena, uint64_t ns);
