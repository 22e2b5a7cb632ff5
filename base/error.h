/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/compiler.h"

/*
 * One failure, told from the outside in: "start web: mount /proc: permission denied".
 *
 * It holds no pointers, so the container process can send its copy to the
 * runtime with a single write, and it never needs to be freed.
 *
 * What can fail returns 0 or -1 (or an fd, or a pointer) and takes a
 * struct error *err last.  The place that fails fills it: verb and object, in
 * lower case, no "failed to".  A caller wraps only what the callee cannot
 * know.  Only main() prints.
 */
struct error {
	int code;		/* errno of the cause, or 0 */
	char text[1020];	/* cut, never overrun, when the chain is long */
};

/* Each fills *err and returns -1, so "return error_...()" ends a function. */
int error_set(struct error *err, const char *fmt, ...) _printf(2, 3);
/* Adds ": " and the text of errno, and keeps errno as the code. */
int error_errno(struct error *err, const char *fmt, ...) _printf(2, 3);
/* The same for an error number that is not in errno. */
int error_number(struct error *err, int number, const char *fmt, ...) _printf(3, 4);
/* Puts "text: " in front of what *err says, and keeps its code. */
int error_wrap(struct error *err, const char *fmt, ...) _printf(2, 3);
/* Adds ": text", mostly a way out, behind what *err says, and keeps its code. */
int error_hint(struct error *err, const char *fmt, ...) _printf(2, 3);

/*
 * A warning: something is odd, but what was asked for is being done.  It goes
 * to the sink of this process: main() prints or logs it, the container's side
 * sends it up the channel, tests collect it.  Without a sink it is dropped.
 */
typedef void warn_sink(void *context, const char *text);
void warn_to(warn_sink *sink, void *context);
void warn(const char *fmt, ...) _printf(1, 2);

/*
 * A note: what is being done, for --debug alone.  Without a sink, which is the
 * usual case, nothing is made of it.
 */
void note_to(warn_sink *sink, void *context);
void note(const char *fmt, ...) _printf(1, 2);
