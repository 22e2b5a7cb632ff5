/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/smoke/report.h"

static const struct { const char *word, *colour; } outcomes[OUTCOME_COUNT] = {
	[OUTCOME_PASS] = { "ok  ", "\033[32m" },
	[OUTCOME_FAIL] = { "FAIL", "\033[31;1m" },
	[OUTCOME_NOTE] = { "note", "\033[33m" },
	[OUTCOME_SKIP] = { "skip", "\033[36m" },
};

enum outcome report_outcome(const struct smoke *smoke, const struct check *check)
{
	if (check->outcome == OUTCOME_NOTE && smoke->options->strict)
		return OUTCOME_FAIL;
	return check->outcome;
}

/* Each line of it behind a margin; control bytes as \xNN. */
static void add_lines(struct text *out, const char *margin, const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		text_printf(out, "%s%s\n", margin,
			    text_printable(out->arena, arena_strndup(out->arena, text, length)));
		text += length + (text[length] == '\n');
	}
}

void report_text_begin(struct text *out, const struct smoke *smoke)
{
	static const char *const kinds[] = {
		[SUBJECT_IMAGE] = "image", [SUBJECT_BUNDLE] = "bundle",
		[SUBJECT_DIRECTORY] = "directory",
	};

	text_printf(out, "%s %s\n", kinds[smoke->subject.kind],
		    text_printable(out->arena, smoke->subject.name));
}

void report_text_check(struct text *out, const struct smoke *smoke, const struct check *check,
		       struct text_style *style)
{
	enum outcome outcome = report_outcome(smoke, check);
	const char *on = style->colour ? outcomes[outcome].colour : "";
	const char *off = style->colour ? "\033[0m" : "";

	if (style->quiet && outcome != OUTCOME_FAIL)
		return;
	if (style->group == NULL || strcmp(style->group, check->group) != 0)
		text_printf(out, "\n%s\n", text_printable(out->arena, check->group));
	style->group = check->group;
	text_printf(out, "  %s%s%s  %s", on, outcomes[outcome].word, off,
		    text_printable(out->arena, check->name));
	if (check->fact != NULL)
		text_printf(out, ": %s", text_printable(out->arena, check->fact));
	text_add(out, "\n");
	LIST_EACH(reason, check->reasons)
		add_lines(out, "        ", *reason);
	if (check->out != NULL && outcome == OUTCOME_FAIL) {
		text_add(out, "        standard output:\n");
		add_lines(out, "        | ", check->out);
	}
	if (check->err != NULL && outcome == OUTCOME_FAIL) {
		text_add(out, "        standard error:\n");
		add_lines(out, "        | ", check->err);
	}
}

void report_text_end(struct text *out, const struct report *report, const struct text_style *style)
{
	static const struct { enum outcome outcome; const char *one, *many; } words[] = {
		{ OUTCOME_FAIL, "failed", "failed" }, { OUTCOME_NOTE, "note", "notes" },
		{ OUTCOME_SKIP, "skipped", "skipped" },
	};
	bool failed = report->counts[OUTCOME_FAIL] > 0;

	text_printf(out, "\n%s%zu check%s: %zu ok",
		    !style->colour ? "" : failed ? "\033[31;1m" : "\033[32;1m",
		    report->checks.count, report->checks.count == 1 ? "" : "s",
		    report->counts[OUTCOME_PASS]);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t count = report->counts[words[i].outcome];

		if (count > 0)
			text_printf(out, ", %zu %s", count,
				    count == 1 ? words[i].one : words[i].many);
	}
	text_printf(out, "; %s%s\n", duration_text(out->arena, report->ended - report->began),
		    style->colour ? "\033[0m" : "");
}
