/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dump.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/command/command.h"
#include "runtime/create.h"

struct plan_options {
	const char *bundle, *config;
	bool json;
};

static const struct option options[] = {
	OPTION_ROW_TEXT("bundle", 'b', struct plan_options, bundle, "DIR",
			"the same as the argument"),
	OPTION_ROW_TEXT("config", 'f', struct plan_options, config, "FILE",
			"instead of config.json in the bundle"),
	OPTION_ROW_FLAG("json", 0, struct plan_options, json, "as JSON"),
	{ 0 },
};

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct plan_options *plan = values;
	struct create_options create = { .bundle = plan->bundle, .config = plan->config };
	struct bundle bundle;

	if (cli->arguments.count > 0)
		create.bundle = cli->arguments.items[0];
	if (bundle_load(cli->arena, &create, &bundle, err) < 0)
		return -1;
	text_add(&cli->out, plan->json ?
		 plan_dump_json(cli->arena, bundle.plan, cgroup_host_version()) :
		 plan_dump_text(cli->arena, bundle.plan, cgroup_host_version()));
	return 0;
}

const struct command command_plan = {
	.name = "plan", .arguments = "[BUNDLE]",
	.summary = "show what would be done to run a bundle, in order",
	.description = "Needs no privileges, and changes nothing.",
	.options = options, .size = sizeof(struct plan_options),
	.min = 0, .max = 1, .stop_after = -1, .run = run,
};
