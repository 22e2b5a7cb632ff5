/* SPDX-License-Identifier: Apache-2.0 */
#include "config/json_write.h"
#include "rootfs-tools/smoke/report.h"

static const char *const outcome_words[OUTCOME_COUNT] = {
	[OUTCOME_PASS] = "pass", [OUTCOME_FAIL] = "fail", [OUTCOME_NOTE] = "note",
	[OUTCOME_SKIP] = "skip",
};

/* Names and output of programs may be any bytes. */
static void write_text(struct json_writer *w, const char *key, const char *text)
{
	if (text != NULL)
		json_write_string(w, key, text_utf8(w->text.arena, text));
}

/* Microseconds since the run began. */
static void write_moment(struct json_writer *w, const struct report *report, const char *key,
			 uint64_t moment)
{
	if (moment >= report->began)
		json_write_u64(w, key, (moment - report->began) / 1000);
}

static void write_trace(struct json_writer *w, const struct report *report,
			const struct trace *trace)
{
	json_write_object(w, NULL);
	write_text(w, "name", trace->name);
	write_moment(w, report, "began", trace->began);
	write_moment(w, report, "created", trace->created);
	write_moment(w, report, "ready", trace->ready);
	write_moment(w, report, "stopped", trace->stopped);
	write_moment(w, report, "ended", trace->ended);
	json_write_i64(w, "status", trace->status);
	if (trace->memory > 0)
		json_write_u64(w, trace->memory_is_rss ? "largestProcess" : "memory",
			       trace->memory);
	if (trace->out_of_memory)
		json_write_bool(w, "outOfMemory", true);
	json_write_end(w);
}

static void write_check(struct json_writer *w, const struct report *report,
			const struct check *check)
{
	json_write_object(w, NULL);
	write_text(w, "group", check->group);
	write_text(w, "name", check->name);
	json_write_string(w, "outcome", outcome_words[report_outcome(report->smoke, check)]);
	write_text(w, "fact", check->fact);
	json_write_array(w, "reasons");
	LIST_EACH(reason, check->reasons)
		write_text(w, NULL, *reason);
	json_write_end(w);
	write_text(w, "stdout", check->out);
	write_text(w, "stderr", check->err);
	write_moment(w, report, "began", check->began);
	write_moment(w, report, "ended", check->ended);
	if (check->traces.count > 0) {
		json_write_array(w, "containers");
		LIST_EACH(trace, check->traces)
			write_trace(w, report, trace);
		json_write_end(w);
	}
	json_write_end(w);
}

void report_json(struct text *out, const struct report *report)
{
	const struct subject *subject = &report->smoke->subject;
	struct json_writer w = { .text = { .arena = out->arena }, .indent = "\t" };

	json_write_object(&w, NULL);
	write_text(&w, "subject", subject->name);
	json_write_bool(&w, "ok", report->counts[OUTCOME_FAIL] == 0);
	json_write_u64(&w, "microseconds", (report->ended - report->began) / 1000);
	json_write_object(&w, "counts");
	for (size_t i = 0; i < OUTCOME_COUNT; i++)
		json_write_u64(&w, outcome_words[i], report->counts[i]);
	json_write_end(&w);
	if (subject->layers.count > 0) {
		json_write_array(&w, "layers");
		LIST_EACH(layer, subject->layers) {
			json_write_object(&w, NULL);
			write_text(&w, "name", layer->name);
			json_write_u64(&w, "size", layer->size);
			json_write_end(&w);
		}
		json_write_end(&w);
	}
	json_write_array(&w, "checks");
	LIST_EACH(check, report->checks)
		write_check(&w, report, *check);
	json_write_end(&w);
	json_write_end(&w);
	text_add_bytes(out, w.text.data, w.text.size);
}
