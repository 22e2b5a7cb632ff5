/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "config/lint.h"
#include "config/load.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/command/command.h"

struct check_options {
	const char *bundle, *config;
};

static const struct option options[] = {
	OPTION_ROW_TEXT("bundle", 'b', struct check_options, bundle, "DIR",
			"the same as the argument"),
	OPTION_ROW_TEXT("config", 'f', struct check_options, config, "FILE",
			"instead of config.json in the bundle"),
	{ 0 },
};

static const char *const severity_names[] = {
	[SEVERITY_NOTE] = "note",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct check_options *check = values;
	const char *bundle = check->bundle != NULL ? check->bundle : ".";
	unsigned int counts[ARRAY_SIZE(severity_names)] = { 0 };
	struct diagnosis found = { 0 };
	const struct plan *plan = NULL;

	if (cli->arguments.count > 0)
		bundle = cli->arguments.items[0];
	if (plan_diagnose(cli->arena, bundle, check->config, &found, &plan, err) < 0)
		return -1;
	if (plan != NULL)
		plan_lint(cli->arena, plan, cgroup_host_version(), &found);
	LIST_EACH(finding, found.findings) {
		counts[finding->severity]++;
		text_printf(&cli->out, "%s: %s\n", severity_names[finding->severity],
			    text_printable(cli->arena, finding->text));
	}
	if (counts[SEVERITY_ERROR] == 0)
		return 0;
	if (cli_flush(cli, err) < 0)
		return -1;
	return error_set(err, "%s cannot be run: %u error%s", bundle, counts[SEVERITY_ERROR],
			 counts[SEVERITY_ERROR] == 1 ? "" : "s");
}

const struct command command_check = {
	.name = "check", .arguments = "[BUNDLE]",
	.summary = "say all that is wrong or odd with a bundle",
	.description = "Unknown properties, missing files, programs without their interpreter,\n"
		       "limits that this host does not have.  Exits with 1 when it cannot be run.",
	.options = options, .size = sizeof(struct check_options),
	.min = 0, .max = 1, .stop_after = -1, .run = run,
};
