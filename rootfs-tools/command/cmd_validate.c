/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/image/validate.h"
#include "rootfs-tools/interrupt.h"

/* kist rootfs validate. */
struct options {
	const char *platform;
	bool quick, strict;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("quick", 0, struct options, quick,
			"index, manifests and configs alone: no layer is read"),
	OPTION_ROW_FLAG("strict", 0, struct options, strict, "warnings count as errors"),
	OPTION_ROW_TEXT("platform", 0, struct options, platform, "OS/ARCH[/VARIANT]",
			"of several platforms this one alone; the default is all"),
	{ 0 },
};

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct options *o = values;
	struct validation v = { .arena = cli->arena, .out = &cli->out, .quick = o->quick };

	validate(&v, cli->arguments.items[0], o->platform);
	if (interrupt_check(err) < 0)
		return -1;
	text_printf(&cli->out, "%u image%s, %u layer%s", v.images, v.images == 1 ? "" : "s",
		    v.layers, v.layers == 1 ? "" : "s");
	if (v.attestations > 0)
		text_printf(&cli->out, ", %u attestation%s", v.attestations,
			    v.attestations == 1 ? "" : "s");
	if (v.artifacts > 0)
		text_printf(&cli->out, ", %u artifact%s", v.artifacts, v.artifacts == 1 ? "" : "s");
	text_add(&cli->out, ": ");
	if (v.errors + v.warnings == 0)
		text_add(&cli->out, o->quick ? "documents valid\n" : "valid\n");
	else
		text_printf(&cli->out, "%u error%s, %u warning%s\n", v.errors,
			    v.errors == 1 ? "" : "s", v.warnings, v.warnings == 1 ? "" : "s");
	return v.errors > 0 || (o->strict && v.warnings > 0);
}

const struct command command_validate = {
	.name = "validate", .arguments = "IMAGE",
	.summary = "check all descriptors, digests, documents and layers",
	.description = "Of a layout without a tag, all images in it.  The exit status is 1 where "
		       "an error was found.",
	.options = options, .size = sizeof(struct options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
