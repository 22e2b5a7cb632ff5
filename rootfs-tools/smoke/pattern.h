/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * Regular expressions as container-structure-test's suites have them: Go's syntax (RE2), of
 * which PCRE2 understands all that suites use.  "." matches no newline and "$" only the very end,
 * unless (?s) or (?m) say otherwise.  One that takes too long is an error, not a hang.
 *
 * A compiled pattern lives on the arena it was made on, and any thread may use it.
 */
struct pattern {
	const char *text;
	const void *code;
};

/* -1 and *err: "missing closing parenthesis at offset 3". */
int pattern_compile(struct arena *arena, const char *text, struct pattern *ret,
		    struct error *err);
/* 1 found, 0 not, -1 and *err.  Nothing of it stays: a log is searched again and again. */
int pattern_search(const struct pattern *pattern, const char *text, size_t size, struct error *err);
