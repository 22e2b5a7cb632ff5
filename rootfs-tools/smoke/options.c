/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/options.h"

#include "rootfs-tools/image/platform.h"
#include "rootfs-tools/smoke/suite_value.h"

const struct option smoke_options[] = {
	OPTION_ROW_LIST("suite", 'c', struct smoke_options, suites, "FILE",
			"what to check: YAML or JSON; may come again"),
	OPTION_ROW_FLAG("default", 0, struct smoke_options, defaults,
			"the checks of an image without a suite, too"),
	OPTION_ROW_TEXT("only", 0, struct smoke_options, only, "PATTERN",
			"only checks whose name matches, as a shell's patterns do"),
	OPTION_ROW_LIST("require", 0, struct smoke_options, requires, "NEED",
			"fail where the image needs more: read-only, non-root, no-capabilities, "
			"no-init, no-network, all"),
	OPTION_ROW_FLAG("strict", 0, struct smoke_options, strict, "a note is a failure"),
	OPTION_ROW_NUMBER("status", 0, struct smoke_options, status, "N",
			  "the exit status that its program should have, 0 by default"),
	OPTION_ROW_TEXT("timeout", 0, struct smoke_options, timeout, "TIME",
			"how long a container may take, as 10s (the default) or 500ms"),
	OPTION_ROW_TEXT("settle", 0, struct smoke_options, settle, "TIME",
			"a program that ran so long has started; 300ms by default"),
	OPTION_ROW_TEXT("grace", 0, struct smoke_options, grace, "TIME",
			"from the stop signal to the end; 10s by default"),
	PLATFORM_OPTION_ROW(struct smoke_options, platform),
	OPTION_ROW_TEXT("store", 0, struct smoke_options, store, "DIR",
			"where unpacked layers are kept"),
	OPTION_ROW_NUMBER("jobs", 'j', struct smoke_options, jobs, "N",
			  "checks at the same time; twice the CPUs by default"),
	OPTION_ROW_FLAG("list", 0, struct smoke_options, list, "name the checks, and run none"),
	OPTION_ROW_FLAG("quiet", 'q', struct smoke_options, quiet, "only what failed"),
	OPTION_ROW_FLAG("tap", 0, struct smoke_options, tap, "TAP in the place of text"),
	OPTION_ROW_TEXT("junit", 0, struct smoke_options, junit, "FILE",
			"write JUnit's XML; - is standard output, as for the next two"),
	OPTION_ROW_TEXT("json", 0, struct smoke_options, json, "FILE", "write JSON"),
	OPTION_ROW_TEXT("html", 0, struct smoke_options, html, "FILE",
			"write a page with pictures"),
	OPTION_ROW_FLAG("help", 'h', struct smoke_options, help, "show help"),
	OPTION_ROW_FLAG("version", 'v', struct smoke_options, version, "show the version"),
	OPTION_ROW_FLAG("version", 'V', struct smoke_options, version, NULL),
	{ 0 },
};

/* "500ms", "2s", "1.5m", "3" (seconds). */
static int duration(const char *flag, const char *text, uint64_t otherwise, uint64_t *ret,
		    struct error *err)
{
	*ret = otherwise;
	if (text == NULL || duration_parse(text, ret))
		return 0;
	return error_set(err, "--%s=%s: must be a time as 10s, 500ms or 2m", flag, text);
}

int options_apply(struct smoke *smoke, struct error *err)
{
	const struct smoke_options *options = smoke->options;

	if (options->status > 255)
		return error_set(err, "--status=%d: must be from 0 to 255", options->status);
	if (duration("timeout", options->timeout, 10000, &smoke->timeout, err) < 0 ||
	    duration("settle", options->settle, 300, &smoke->settle, err) < 0 ||
	    duration("grace", options->grace, 10000, &smoke->grace, err) < 0)
		return -1;
	return 0;
}
