/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * Where errors and warnings go: stderr, and what --log names.
 *
 * The caller reads the log as a whole: Podman takes the file for one JSON
 * object, containerd the last of its lines with level "error".  So in JSON an
 * error is exactly one object, and warnings and notes are kept back until the
 * command has succeeded, when nobody looks for the error any more; where it has
 * not, they are "notes" of that object.
 */
enum { LOG_WARNINGS_MAX = 32 };

struct log {
	struct arena *arena;
	const char *program;		/* what the lines on stderr begin with */
	bool json;
	bool quiet;			/* --log-level error: no warnings */
	bool to_stderr;			/* there is no --log */
	int fd;				/* owned: a file or a socket, or -EBADF */
	const char *journald_id, *syslog_id;
	struct { const char *level, *text; } kept[LOG_WARNINGS_MAX];
	unsigned int kept_count;
};
#define LOG_NONE	((struct log){ .fd = -EBADF, .to_stderr = true })

/* target: PATH, file:PATH, journald:ID, syslog:ID; NULL: stderr alone.  format: "text", "json". */
int log_open(struct log *log, const char *target, const char *format, struct error *err);
void log_error(struct log *log, const char *text);
/* A warn_sink; context is the log. */
void log_warning(void *log, const char *text);
/* The same for notes, with --debug. */
void log_note(void *log, const char *text);
/* What was kept back. */
void log_flush(struct log *log);
