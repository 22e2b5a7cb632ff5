/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/make/index_collect.h"
#include "rootfs-tools/size_text.h"
#include "rootfs-tools/store/gc.h"

/* kist rootfs gc. */
struct options {
	bool keep_layers;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("keep-layers", 0, struct options, keep_layers,
			"remove only what killed programs left"),
	{ 0 },
};

static int collect_layout(struct cli *cli, const char *layout, struct error *err)
{
	_cleanup_writer struct writer writer = WRITER_NONE;
	struct index_collected collected;

	if (writer_open(cli->arena, layout, true, &writer, err) < 0)
		return -1;
	if (writer.kind != WRITER_LAYOUT || writer.tag != NULL)
		return error_set(err, "%s: must be an OCI layout in a directory, without a tag",
				 layout);
	if (index_collect(&writer, &collected, err) < 0)
		return -1;
	text_printf(&cli->out, "removed of %s: %u blobs (%s)\n", writer.path, collected.blobs,
		    size_text(cli->arena, collected.bytes));
	return 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct options *o = values;
	_cleanup_store struct store store = STORE_NONE;
	struct store_collected collected;

	for (size_t i = 0; i < cli->arguments.count; i++)
		if (collect_layout(cli, cli->arguments.items[i], err) < 0)
			return -1;
	if (cli->arguments.count > 0)
		return 0;
	if (store_open(cli->arena, cli->global.store, STORE_REMOVE, &store, err) < 0 ||
	    store_collect(&store, o->keep_layers, &collected, err) < 0)
		return -1;
	text_printf(&cli->out, "removed: %u layers (%s), %u leftovers\n", collected.layers,
		    size_text(cli->arena, collected.bytes), collected.leftovers);
	return 0;
}

const struct command command_gc = {
	.name = "gc", .arguments = "[LAYOUT]...",
	.summary = "remove layers that no bundle needs, and what was left behind",
	.description = "Waits until nobody unpacks.  Bundles whose config.json is gone need "
		       "nothing.  With LAYOUTs, OCI layouts: instead removes blobs of these that "
		       "no image in them needs.",
	.options = options, .size = sizeof(struct options),
	.min = 0, .max = -1, .stop_after = -1, .run = run,
};
