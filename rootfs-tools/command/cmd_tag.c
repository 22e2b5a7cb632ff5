/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/image/index.h"

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	const char *reference = cli->arguments.items[0], *to = cli->arguments.items[1], *path, *tag;
	_cleanup_writer struct writer writer = WRITER_NONE;
	enum writer_kind kind;

	if (writer_parse(cli->arena, arena_printf(cli->arena, "oci:x:%s", to), &kind, &path, &tag,
			 err) < 0 ||
	    writer_parse(cli->arena, reference, &kind, &path, &tag, err) < 0)
		return -1;
	if (strncmp(to, path, strlen(path)) == 0 && to[strlen(path)] == ':')
		return error_set(err, "%s: a tag stands without its layout: %s", to,
				 to + strlen(path) + 1);
	if (kind != WRITER_LAYOUT)
		return error_set(err, "%s: only an OCI layout in a directory has tags to change",
				 reference);
	if (writer_open(cli->arena, reference, true, &writer, err) < 0)
		return -1;
	return index_tag_commit(&writer, tag, to, err);
}

const struct command command_tag = {
	.name = "tag", .arguments = "IMAGE TAG",
	.summary = "give an image of a layout one more tag",
	.min = 2, .max = 2, .stop_after = -1, .run = run,
};
