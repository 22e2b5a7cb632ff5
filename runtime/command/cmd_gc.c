/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "runtime/command/command.h"
#include "runtime/container.h"

/* What a killed kist left is recognised by its locks, which died with it (runtime/journal.h). */

static int collect(struct cli *cli, int root_fd, const char *id, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;
	struct error ignored;
	int abandoned;

	if (container_open(&c, cli->arena, cli_root(cli), root_fd, id, err) < 0) {
		/* An empty directory is the rest of a removal, and no container. */
		if (err->code == ENOENT)
			unlinkat(root_fd, id, AT_REMOVEDIR);
		return err->code == ENOENT ? 0 : -1;
	}
	abandoned = container_abandoned(&c, err);
	if (abandoned <= 0)
		return abandoned == 0 || err->code == ENOENT ? 0 : -1;
	if (container_lock(&c, err) < 0)
		return err->code == ENOENT ? 0 : -1;
	if (container_destroy(&c, c.complete ? container_plan(&c, &ignored) : NULL, err) < 0)
		return error_wrap(err, "clean up %s", id);
	text_printf(&cli->out, "%s\n", id);
	return 0;
}

static int run(struct cli *cli, const void *values _unused, struct error *err)
{
	_cleanup_fd int root_fd = cli_root_open(cli, false, err);
	word_list ids;
	int result = 0;

	if (root_fd < 0)
		return err->code == ENOENT ? 0 : -1;
	container_remove_drafts(root_fd);
	if (container_ids(cli->arena, root_fd, &ids, err) < 0)
		return -1;
	LIST_EACH(id, ids) {
		struct error one;

		if (collect(cli, root_fd, *id, &one) < 0) {
			warn("%s", one.text);
			result = error_set(err, "not everything could be cleaned up");
		}
	}
	return result;
}

const struct command command_gc = {
	.name = "gc", .arguments = "",
	.summary = "clean up after containers whose kist was killed",
	.description = "Prints the id of each.  Containers that run, and stopped ones that\n"
		       "somebody has yet to delete, are left alone.",
	.min = 0, .max = 0, .stop_after = -1, .run = run,
};
