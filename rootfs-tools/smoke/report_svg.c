/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/size_text.h"
#include "rootfs-tools/smoke/report.h"

/* The pictures of the page.  Colours are the page's, by class. */

enum { WIDTH = 960, LABEL = 260, ROW = 22, TOP = 24, ROWS_MAX = 400 };

struct axis {
	uint64_t from, to;	/* nanoseconds */
};

static double at(const struct axis *axis, uint64_t moment)
{
	if (moment <= axis->from)
		return LABEL;
	return LABEL + (double)(moment - axis->from) / (double)(axis->to - axis->from) *
		       (WIDTH - LABEL - 10);
}

static uint64_t last_moment(const struct trace *trace)
{
	return trace->ended != 0 ? trace->ended : trace->began;
}

/* A round number of nanoseconds, of which four to ten make the whole. */
static uint64_t tick_of(uint64_t span)
{
	uint64_t tick = 1;

	while (tick * 10 < span)
		tick *= 10;
	if (tick * 2 >= span)
		tick /= 5;
	else if (tick * 5 >= span)
		tick /= 2;
	return tick > 0 ? tick : 1;
}

static void add_grid(struct text *out, const struct axis *axis, size_t rows)
{
	const uint64_t tick = tick_of(axis->to - axis->from);

	for (uint64_t time = 0; time <= axis->to - axis->from; time += tick) {
		double x = at(axis, axis->from + time);

		text_printf(out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" "
				 "y2=\"%zu\"/>", x, TOP - 4, x, TOP + rows * ROW);
		text_printf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\">%s</text>\n", x, TOP - 8,
			    time == 0 ? "0" : duration_text(out->arena, time));
	}
}

static void add_bar(struct text *out, const struct axis *axis, const char *class, uint64_t from,
		    uint64_t to, size_t row)
{
	double x = at(axis, from), end = at(axis, to);

	if (from == 0 || to < from)
		return;
	text_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%zu\" width=\"%.1f\" height=\"%d\"/>",
		    class, x, TOP + row * ROW + 3, end - x < 1.5 ? 1.5 : end - x, ROW - 6);
}

static void add_label(struct text *out, size_t row, const char *name)
{
	text_printf(out, "<text class=\"label\" x=\"%d\" y=\"%zu\">", LABEL - 8,
		    TOP + row * ROW + 15);
	text_add_xml(out, strlen(name) <= 38 ? name :
			  arena_printf(out->arena, "%s…", arena_strndup(out->arena, name, 36)));
	text_add(out, "</text>");
}

static void add_trace(struct text *out, const struct axis *axis, const struct check *check,
		      const struct trace *trace, size_t row)
{
	uint64_t stop = trace->stopped != 0 ? trace->stopped : last_moment(trace);
	uint64_t up = trace->ready != 0 ? trace->ready : trace->began;

	text_add(out, "<g><title>");
	text_add_xml(out, arena_printf(out->arena, "%s: %s: %s, status %d%s%s", check->name,
				       trace->name,
				       duration_text(out->arena, last_moment(trace) - trace->began),
				       trace->status, trace->memory > 0 ? ", " : "",
				       trace->memory > 0 ? memory_text(out->arena, trace->memory) :
							   ""));
	text_add(out, "</title>");
	add_label(out, row, trace->name);
	if (up != trace->began)
		add_bar(out, axis, "starting", trace->began, up, row);
	add_bar(out, axis, check->outcome == OUTCOME_FAIL ? "failed" : "running", up, stop, row);
	if (trace->stopped != 0)
		add_bar(out, axis, "stopping", trace->stopped, last_moment(trace), row);
	text_add(out, "</g>\n");
}

static size_t axis_of(const struct report *report, struct axis *ret)
{
	size_t rows = 0;

	*ret = (struct axis){ UINT64_MAX, 0 };
	LIST_EACH(check, report->checks) {
		LIST_EACH(trace, (*check)->traces) {
			rows++;
			if (trace->began < ret->from)
				ret->from = trace->began;
			if (last_moment(trace) > ret->to)
				ret->to = last_moment(trace);
		}
	}
	if (ret->to <= ret->from)
		ret->to = ret->from + 1;
	return rows < ROWS_MAX ? rows : ROWS_MAX;
}

void report_timeline(struct text *out, const struct report *report)
{
	struct axis axis;
	size_t rows = axis_of(report, &axis), row = 0;

	if (rows == 0)
		return;
	text_printf(out, "<svg class=\"timeline\" viewBox=\"0 0 %d %zu\" role=\"img\" "
			 "aria-label=\"time line of the containers\">\n", WIDTH,
		    TOP + rows * ROW + 6);
	add_grid(out, &axis, rows);
	LIST_EACH(check, report->checks)
		LIST_EACH(trace, (*check)->traces)
			if (row < rows)
				add_trace(out, &axis, *check, trace, row++);
	text_add(out, "</svg>\n");
}

void report_sizes(struct text *out, const struct report *report)
{
	const subject_layer_list *list = report->smoke->subject.layers.count > 0 ?
					 &report->smoke->subject.layers : report->smoke->sizes;
	const size_t count = list->count;
	uint64_t largest = 1;
	size_t row = 0;

	if (count == 0)
		return;
	LIST_EACH(layer, *list)
		if (layer->size > largest)
			largest = layer->size;
	text_printf(out, "<svg class=\"sizes\" viewBox=\"0 0 %d %zu\" role=\"img\" "
			 "aria-label=\"sizes\">\n", WIDTH, TOP + count * ROW + 6);
	LIST_EACH(layer, *list) {
		double width = (double)layer->size / (double)largest * (WIDTH - LABEL - 110);

		text_add(out, "<g><title>");
		text_add_xml(out, layer->created_by != NULL ? layer->created_by : layer->name);
		text_add(out, "</title>");
		add_label(out, row, layer->name);
		text_printf(out, "<rect class=\"size\" x=\"%d\" y=\"%zu\" width=\"%.1f\" "
				 "height=\"%d\"/><text class=\"value\" x=\"%.1f\" y=\"%zu\">%s"
				 "</text></g>\n", LABEL, TOP + row * ROW + 3, width < 1 ? 1 : width,
			    ROW - 6, LABEL + width + 8, TOP + row * ROW + 15,
			    size_text(out->arena, layer->size));
		row++;
	}
	text_add(out, "</svg>\n");
}
