/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/text.h"

/*
 * Rows of words in columns as wide as their widest word, at least 12 and 3
 * blanks apart: what Go's tabwriter makes of runc's tables, which scripts cut.
 * Narrow: as wide as they must be, for a terminal of 80 columns.
 */
enum { TABLE_COLUMNS = 8, TABLE_MIN = 12, TABLE_PAD = 3, TABLE_NARROW_PAD = 2 };

struct table_line {
	struct table_line *next;
	const char *words[TABLE_COLUMNS];
	size_t count;
};

struct table {
	struct arena *arena;
	bool narrow;			/* set before the first row */
	struct table_line *first, **end;
	size_t width[TABLE_COLUMNS];
};

/* words: NULL-terminated, at most TABLE_COLUMNS; they are copied. */
void table_row(struct table *table, const char *const *words);
void table_print(const struct table *table, struct text *out);
