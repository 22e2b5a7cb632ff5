/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/smoke/report.h"

/* As Jenkins and GitLab read it: a suite a group, a case a check. */

static double seconds(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) / 1e9 : 0;
}

static void add_reasons(struct text *out, const struct check *check)
{
	LIST_EACH(reason, check->reasons) {
		text_add_xml(out, *reason);
		text_add(out, "\n");
	}
}

static void add_stream(struct text *out, const char *element, const char *text)
{
	if (text == NULL)
		return;
	text_printf(out, "      <%s>", element);
	text_add_xml(out, text);
	text_printf(out, "</%s>\n", element);
}

static void add_case(struct text *out, const struct smoke *smoke, const struct check *check)
{
	enum outcome outcome = report_outcome(smoke, check);
	const char *first = check->reasons.count > 0 ? check->reasons.items[0] : "";

	text_add(out, "    <testcase classname=\"");
	text_add_xml(out, check->group);
	text_add(out, "\" name=\"");
	text_add_xml(out, check->name);
	text_printf(out, "\" time=\"%.6f\">\n", seconds(check->began, check->ended));
	if (outcome == OUTCOME_FAIL) {
		text_add(out, "      <failure message=\"");
		text_add_xml(out, first);
		text_add(out, "\">");
		add_reasons(out, check);
		text_add(out, "</failure>\n");
	} else if (outcome == OUTCOME_SKIP) {
		text_add(out, "      <skipped message=\"");
		text_add_xml(out, first);
		text_add(out, "\"/>\n");
	}
	if (outcome != OUTCOME_FAIL && (check->fact != NULL || check->reasons.count > 0)) {
		text_add(out, "      <system-out>");
		text_add_xml(out, check->fact != NULL ? check->fact : "");
		text_add(out, "\n");
		add_reasons(out, check);
		text_add(out, "</system-out>\n");
	} else {
		add_stream(out, "system-out", check->out);
	}
	add_stream(out, "system-err", check->err);
	text_add(out, "    </testcase>\n");
}

static size_t count_of(const struct report *report, const char *group, int outcome)
{
	size_t count = 0;

	LIST_EACH(check, report->checks)
		if (strcmp((*check)->group, group) == 0 &&
		    (outcome < 0 || (int)report_outcome(report->smoke, *check) == outcome))
			count++;
	return count;
}

/* All of a group come one after the other. */
static size_t add_suite(struct text *out, const struct report *report, size_t from)
{
	const char *group = report->checks.items[from]->group;
	uint64_t began = report->checks.items[from]->began, ended = began;
	size_t to = from;

	for (; to < report->checks.count &&
	       strcmp(report->checks.items[to]->group, group) == 0; to++)
		if (report->checks.items[to]->ended > ended)
			ended = report->checks.items[to]->ended;
	text_add(out, "  <testsuite name=\"");
	text_add_xml(out, group);
	text_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" "
			 "time=\"%.6f\">\n", count_of(report, group, -1),
		    count_of(report, group, OUTCOME_FAIL), count_of(report, group, OUTCOME_SKIP),
		    seconds(began, ended));
	for (size_t i = from; i < to; i++)
		add_case(out, report->smoke, report->checks.items[i]);
	text_add(out, "  </testsuite>\n");
	return to;
}

void report_junit(struct text *out, const struct report *report)
{
	text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"");
	text_add_xml(out, report->smoke->subject.name);
	text_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" "
			 "time=\"%.6f\">\n", report->checks.count, report->counts[OUTCOME_FAIL],
		    report->counts[OUTCOME_SKIP], seconds(report->began, report->ended));
	for (size_t i = 0; i < report->checks.count;)
		i = add_suite(out, report, i);
	text_add(out, "</testsuites>\n");
}
