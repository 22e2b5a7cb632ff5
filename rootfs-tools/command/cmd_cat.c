/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/tree/image.h"

/* kist rootfs cat. */
struct options {
	const char *platform;
};

static const struct option options[] = {
	PLATFORM_OPTION_ROW(struct options, platform),
	{ 0 },
};

static int cat(struct cli *cli, const struct image *image, const struct tree *tree,
	       const char *path, struct error *err)
{
	struct tree_node *node;
	const char *rest;

	if (tree_resolve(tree, path, &node, &rest, err) < 0)
		return -1;
	if (*rest != '\0')
		return error_number(err, ENOENT, "%s in %s", path, image->reference);
	if (tree_is_dir(node))
		return error_number(err, EISDIR, "%s in %s", path, image->reference);
	if (!S_ISREG(node->inode->mode))
		return error_set(err, "%s in %s is no regular file", path, image->reference);
	return image_tree_copy(cli->arena, image, node, STDOUT_FILENO, err);
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct options *o = values;
	const struct image_options image_options = { .platform = o->platform };
	_cleanup_image struct image image = IMAGE_NONE;
	struct tree tree;

	if (image_open(cli->arena, cli->arguments.items[0], &image_options, &image, err) < 0 ||
	    image_tree_read(cli->arena, &image, &tree, err) < 0)
		return error_wrap(err, "cat");
	for (size_t i = 1; i < cli->arguments.count; i++)
		if (cat(cli, &image, &tree, cli->arguments.items[i], err) < 0)
			return error_wrap(err, "cat");
	return 0;
}

const struct command command_cat = {
	.name = "cat", .arguments = "IMAGE PATH...",
	.summary = "print files of an image",
	.description = "Nothing is unpacked; the layers' digests are checked.",
	.options = options, .size = sizeof(struct options),
	.min = 2, .max = -1, .stop_after = -1, .run = run,
};
