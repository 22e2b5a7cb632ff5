/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/image/index.h"

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	const struct arguments *words = &cli->arguments;
	const char **tags = ARENA_NEWS(cli->arena, words->count, const char *), *path, *tag;
	_cleanup_writer struct writer writer = WRITER_NONE;
	enum writer_kind kind;
	size_t count = 0;

	if (writer_parse(cli->arena, words->items[0], &kind, &path, &tag, err) < 0)
		return -1;
	if (kind != WRITER_LAYOUT)
		return error_set(err, "%s: only an OCI layout in a directory has tags to remove",
				 words->items[0]);
	if (tag != NULL)
		tags[count++] = tag;
	for (size_t i = 1; i < words->count; i++)
		tags[count++] = words->items[i];
	if (count == 0)
		return error_set(err, "%s: which tag?", words->items[0]);
	if (writer_open(cli->arena, words->items[0], true, &writer, err) < 0)
		return -1;
	return index_remove_commit(&writer, tags, count, err);
}

const struct command command_rm = {
	.name = "rm", .arguments = "IMAGE [TAG]...", .summary = "remove tags from a layout",
	.description = "The layers stay until \"kist rootfs gc LAYOUT\".",
	.min = 1, .max = -1, .stop_after = -1, .run = run,
};
