/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/smoke/report.h"

static const struct { const char *class, *word; } outcomes[OUTCOME_COUNT] = {
	[OUTCOME_PASS] = { "pass", "ok" }, [OUTCOME_FAIL] = { "fail", "failed" },
	[OUTCOME_NOTE] = { "note", "note" }, [OUTCOME_SKIP] = { "skip", "skipped" },
};

/* A browser that loads this page is told to load nothing else. */
static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" "
	"content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";

static const char style[] =
	"<style>\n"
	":root{--bg:#fff;--fg:#1b1f24;--dim:#59636e;--line:#d8dee4;--soft:#f4f6f8;--pass:#1a7f37;"
	"--fail:#cf222e;--note:#9a6700;--skip:#57606a;--run:#4c8dd6;--start:#b8c4d0;"
	"--stop:#d9a441}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#12161b;--fg:#e3e8ee;--dim:#9aa5b1;"
	"--line:#2c343d;--soft:#1a2027;--pass:#4cc26b;--fail:#ff6b6b;--note:#e0b04a;"
	"--skip:#9aa5b1;--run:#5b9be0;--start:#47525e;--stop:#d9a441}}\n"
	"body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);"
	"max-width:62rem;margin:2rem auto;padding:0 1rem}\n"
	"h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}\n"
	".dim{color:var(--dim)}.counts{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0}\n"
	".counts span{border:1px solid var(--line);border-radius:1rem;padding:.1rem .8rem}\n"
	".bar{display:flex;height:10px;border-radius:5px;overflow:hidden;background:var(--soft)}\n"
	".bar i{display:block}.bar .pass{background:var(--pass)}.bar .fail{background:var(--fail)}"
	".bar .note{background:var(--note)}.bar .skip{background:var(--skip)}\n"
	".word{font-weight:600}.word.pass{color:var(--pass)}.word.fail{color:var(--fail)}"
	".word.note{color:var(--note)}.word.skip{color:var(--skip)}\n"
	"table{border-collapse:collapse;width:100%;table-layout:fixed}"
	"td{border-top:1px solid var(--line);padding:.35rem .5rem;vertical-align:top;"
	"overflow-wrap:anywhere}\n"
	"td:first-child{width:4.5rem}td:last-child{width:5.5rem;text-align:right;"
	"color:var(--dim);white-space:nowrap}\n"
	"ul{margin:.2rem 0 0;padding-left:1.1rem;color:var(--dim)}"
	"pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;"
	"padding:.5rem .7rem;overflow:auto;max-height:20rem;font-size:13px;white-space:pre-wrap}\n"
	"svg{width:100%;height:auto;background:var(--soft);border-radius:6px}"
	"svg text{font:12px system-ui,sans-serif;fill:var(--fg)}svg .label{text-anchor:end}"
	"svg .tick{text-anchor:middle;fill:var(--dim);font-size:11px}"
	"svg .grid{stroke:var(--line)}svg .value{fill:var(--dim)}\n"
	"svg .starting{fill:var(--start)}svg .running,svg .size{fill:var(--run)}"
	"svg .failed{fill:var(--fail)}svg .stopping{fill:var(--stop)}\n"
	".key i{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;"
	"margin:0 .3rem 0 1rem;vertical-align:-1px}\n"
	"</style>\n";

static void add_counts(struct text *out, const struct report *report)
{
	text_add(out, "<div class=\"bar\">");
	for (size_t i = 0; i < OUTCOME_COUNT; i++)
		if (report->counts[i] > 0)
			text_printf(out, "<i class=\"%s\" style=\"flex:%zu\"></i>",
				    outcomes[i].class, report->counts[i]);
	text_add(out, "</div>\n<div class=\"counts\">");
	for (size_t i = 0; i < OUTCOME_COUNT; i++)
		if (report->counts[i] > 0)
			text_printf(out, "<span><b class=\"word %s\">%zu</b> %s</span>",
				    outcomes[i].class, report->counts[i], outcomes[i].word);
	text_add(out, "</div>\n");
}

static void add_stream(struct text *out, const char *name, const char *text)
{
	if (text == NULL)
		return;
	text_printf(out, "<div class=\"dim\">%s</div><pre>", name);
	text_add_xml(out, text);
	text_add(out, "</pre>");
}

static void add_check(struct text *out, const struct report *report, const struct check *check)
{
	enum outcome outcome = report_outcome(report->smoke, check);
	bool folded = outcome == OUTCOME_PASS && check->reasons.count > 3;

	text_printf(out, "<tr><td class=\"word %s\">%s</td><td>", outcomes[outcome].class,
		    outcomes[outcome].word);
	text_add_xml(out, check->name);
	if (check->fact != NULL) {
		text_add(out, " <span class=\"dim\">");
		text_add_xml(out, check->fact);
		text_add(out, "</span>");
	}
	if (check->reasons.count > 0) {
		text_add(out, folded ? "<details><summary class=\"dim\">more</summary>" : "");
		text_add(out, "<ul>");
		LIST_EACH(reason, check->reasons) {
			text_add(out, "<li>");
			text_add_xml(out, *reason);
			text_add(out, "</li>");
		}
		text_add(out, folded ? "</ul></details>" : "</ul>");
	}
	add_stream(out, "standard output", check->out);
	add_stream(out, "standard error", check->err);
	text_printf(out, "</td><td>%s</td></tr>\n",
		    check->ended > check->began + 100000 ?
		    duration_text(out->arena, check->ended - check->began) : "");
}

static void add_checks(struct text *out, const struct report *report)
{
	const char *group = NULL;

	LIST_EACH(check, report->checks) {
		if (group == NULL || strcmp(group, (*check)->group) != 0) {
			text_add(out, group != NULL ? "</table>\n<h2>" : "<h2>");
			text_add_xml(out, (*check)->group);
			text_add(out, "</h2>\n<table>\n");
		}
		group = (*check)->group;
		add_check(out, report, *check);
	}
	text_add(out, group != NULL ? "</table>\n" : "");
}

static void add_picture(struct text *out, const struct report *report, const char *title,
			const char *key, void picture(struct text *, const struct report *))
{
	struct text svg = { .arena = out->arena };

	picture(&svg, report);
	if (svg.size > 0)
		text_printf(out, "<h2>%s</h2>\n%s%s", title, key, svg.data);
}

void report_html(struct text *out, const struct report *report)
{
	const char *name = report->smoke->subject.name;
	bool failed = report->counts[OUTCOME_FAIL] > 0;

	text_add(out, head);
	text_add(out, "<title>");
	text_add_xml(out, name);
	text_printf(out, ": smoke test</title>\n%s</head><body>\n<h1>", style);
	text_add_xml(out, name);
	text_printf(out, "</h1>\n<p class=\"dim\"><b class=\"word %s\">%s</b>: %zu checks in %s, "
			 "kist " KIST_VERSION "</p>\n", failed ? "fail" : "pass",
		    failed ? "does not work as it should" : "works", report->checks.count,
		    duration_text(out->arena, report->ended - report->began));
	add_counts(out, report);
	add_picture(out, report, "Containers",
		    "<p class=\"dim key\">time<i style=\"background:var(--start)\"></i>starting"
		    "<i style=\"background:var(--run)\"></i>running"
		    "<i style=\"background:var(--stop)\"></i>stopping"
		    "<i style=\"background:var(--fail)\"></i>failed</p>\n", report_timeline);
	add_picture(out, report, report->smoke->subject.kind == SUBJECT_IMAGE ? "Layers" :
		    "Directories", "", report_sizes);
	add_checks(out, report);
	text_add(out, "</body></html>\n");
}
