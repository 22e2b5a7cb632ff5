/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The file that a container's output goes to ("run --detach --log-file"): as
 * it comes, or a JSON object a line, as Docker's json-file has them.  When it has
 * grown to its size it is renamed to FILE.1, in the place of the one before, so
 * that two files of that size are the most there is.
 */
enum output_stream { OUTPUT_STDOUT = 1, OUTPUT_STDERR = 2, OUTPUT_STREAMS };
enum { OUTPUT_LINE_MAX = 16384 };

struct output_log {
	const char *path;		/* absolute */
	bool json;
	uint64_t size_max;		/* 0: no limit */
	uint64_t size;
	int fd;				/* owned */
	/* JSON: of each stream the line that is not yet at its end. */
	char line[OUTPUT_STREAMS][OUTPUT_LINE_MAX];
	size_t used[OUTPUT_STREAMS];
};

int output_log_open(struct output_log *log, struct error *err);
/* A disk that is full loses output, but ends nothing. */
void output_log_write(struct output_log *log, enum output_stream stream, const char *data,
		      size_t size);
/* What has no newline yet, too. */
void output_log_close(struct output_log *log);
