/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/result.h"
#include "rootfs-tools/smoke/smoke.h"

/*
 * The results, in five forms.  All that comes from outside, names, patterns, output of programs,
 * is escaped as the form wants it.
 */
struct report {
	const struct smoke *smoke;
	LIST(const struct check *) checks;	/* in the order of the jobs */
	uint64_t began, ended;
	size_t counts[OUTCOME_COUNT];	/* as shown: with --strict a note is a failure */
};

/* As shown. */
enum outcome report_outcome(const struct smoke *smoke, const struct check *check);

/* Lines as checks come, and the last one.  colour: for a terminal. */
struct text_style {
	bool colour, quiet;
	const char *group;		/* of the line before */
	size_t number;			/* of TAP */
};
void report_text_begin(struct text *out, const struct smoke *smoke);
void report_text_check(struct text *out, const struct smoke *smoke, const struct check *check,
		       struct text_style *style);
void report_text_end(struct text *out, const struct report *report, const struct text_style *style);

void report_tap_begin(struct text *out);
void report_tap_check(struct text *out, const struct smoke *smoke, const struct check *check,
		      struct text_style *style);
void report_tap_end(struct text *out, const struct text_style *style);

void report_junit(struct text *out, const struct report *report);
void report_json(struct text *out, const struct report *report);
/* One page with everything in it; nothing is loaded from anywhere. */
void report_html(struct text *out, const struct report *report);
/* Its pictures: SVG elements. */
void report_timeline(struct text *out, const struct report *report);
void report_sizes(struct text *out, const struct report *report);

/* As text of XML or HTML, in elements and attributes; what XML cannot hold becomes U+FFFD. */
void text_add_xml(struct text *out, const char *text);
