/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/smoke/report.h"

/* TAP 13: a test is a line; "#" begins a directive, so a name has none. */

static void add_name(struct text *out, const char *name)
{
	for (const char *at = text_printable(out->arena, name); *at != '\0'; at++) {
		if (*at == '#' || *at == '\\')
			text_add(out, "\\");
		text_add_bytes(out, at, 1);
	}
}

static void add_comment(struct text *out, const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		text_printf(out, "# %s\n",
			    text_printable(out->arena, arena_strndup(out->arena, text, length)));
		text += length + (text[length] == '\n');
	}
}

void report_tap_begin(struct text *out)
{
	text_add(out, "TAP version 13\n");
}

void report_tap_check(struct text *out, const struct smoke *smoke, const struct check *check,
		      struct text_style *style)
{
	enum outcome outcome = report_outcome(smoke, check);

	text_printf(out, "%sok %zu - ", outcome == OUTCOME_FAIL ? "not " : "", ++style->number);
	add_name(out, check->group);
	text_add(out, ": ");
	add_name(out, check->name);
	if (outcome == OUTCOME_SKIP) {
		text_add(out, " # SKIP ");
		add_name(out, check->reasons.count > 0 ? check->reasons.items[0] : "");
	}
	text_add(out, "\n");
	if (check->fact != NULL)
		add_comment(out, check->fact);
	LIST_EACH(reason, check->reasons)
		add_comment(out, *reason);
	if (outcome == OUTCOME_FAIL && check->out != NULL)
		add_comment(out, check->out);
	if (outcome == OUTCOME_FAIL && check->err != NULL)
		add_comment(out, check->err);
}

void report_tap_end(struct text *out, const struct text_style *style)
{
	text_printf(out, "1..%zu\n", style->number);
}
