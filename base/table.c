/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <string.h>

void table_row(struct table *table, const char *const *words)
{
	struct table_line *line = ARENA_NEW(table->arena, struct table_line);
	const size_t pad = table->narrow ? TABLE_NARROW_PAD : TABLE_PAD;
	const size_t min = table->narrow ? 0 : TABLE_MIN;

	if (table->end == NULL)
		table->end = &table->first;
	for (; words[line->count] != NULL && line->count < TABLE_COLUMNS; line->count++) {
		/* A path may hold what moves the cursor, or looks like another line. */
		const char *word = text_printable(table->arena, words[line->count]);
		size_t length = strlen(word);

		line->words[line->count] = word;
		if (table->width[line->count] < length + pad)
			table->width[line->count] = length + pad;
		if (table->width[line->count] < min)
			table->width[line->count] = min;
	}
	*table->end = line;
	table->end = &line->next;
}

void table_print(const struct table *table, struct text *out)
{
	for (const struct table_line *line = table->first; line != NULL; line = line->next)
		for (size_t i = 0; i < line->count; i++) {
			if (i + 1 < line->count)
				text_printf(out, "%-*s", (int)table->width[i], line->words[i]);
			else
				text_printf(out, "%s\n", line->words[i]);
		}
}
