/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/epoch.h"
#include "rootfs-tools/tree/image.h"

/* kist rootfs ls. */
enum { FLUSH_SIZE = 1 << 16 };

struct options {
	const char *platform;
	bool detailed, recursive, directory;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("long", 'l', struct options, detailed,
			"mode, links, owner, group, size and time of each"),
	OPTION_ROW_FLAG("recursive", 'R', struct options, recursive, "all that is below, too"),
	OPTION_ROW_FLAG("directory", 'd', struct options, directory,
			"the directory itself, not what is in it"),
	PLATFORM_OPTION_ROW(struct options, platform),
	{ 0 },
};

static void mode_text(mode_t mode, char ret[11])
{
	static const char rwx[] = "rwxrwxrwx";
	const char type = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : S_ISCHR(mode) ? 'c' :
			  S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : '-';

	ret[0] = type;
	for (int i = 0; i < 9; i++)
		ret[1 + i] = mode & (0400 >> i) ? rwx[i] : '-';
	if (mode & S_ISUID)
		ret[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		ret[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		ret[9] = mode & S_IXOTH ? 't' : 'T';
	ret[10] = '\0';
}

static void add_details(struct text *out, const struct tree_inode *inode)
{
	char mode[11];

	mode_text(inode->mode, mode);
	text_printf(out, "%s %3u %5u %5u ", mode, S_ISDIR(inode->mode) ? 1 : inode->links,
		    inode->uid, inode->gid);
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		text_printf(out, "%6u,%4u ", major(inode->device), minor(inode->device));
	else
		text_printf(out, "%11" PRIu64 " ", S_ISREG(inode->mode) ? inode->size : 0);
	text_printf(out, "%16s ", epoch_minute(out->arena, inode->mtime));
}

static void add_node(struct text *out, const struct options *o, const struct tree_node *node,
		     const char *name)
{
	if (node->inode == NULL)
		return;
	if (o->detailed)
		add_details(out, node->inode);
	text_add(out, text_printable(out->arena, name));
	if (o->detailed && S_ISLNK(node->inode->mode))
		text_printf(out, " -> %s", text_printable(out->arena, node->inode->target));
	text_add(out, "\n");
}

/* What was written goes: paths together can be a thousand times as long as the layer. */
static int list_below(struct cli *cli, const struct options *o, const struct tree_node *node,
		      struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	struct text all = cli->out;
	const struct tree_node *at = node;
	int status = 0;

	cli->out = (struct text){ .arena = &arena };
	while (status == 0 && (at = tree_walk_next(node, at)) != NULL) {
		add_node(&cli->out, o, at, arena_printf(&arena, "/%s", tree_path(&arena, at)));
		if (cli->out.size < FLUSH_SIZE)
			continue;
		status = cli_flush(cli, err);
		arena_free(&arena);
		cli->out = (struct text){ .arena = &arena };
	}
	if (status == 0)
		status = cli_flush(cli, err);
	cli->out = all;
	return status;
}

static int list(struct cli *cli, const struct options *o, const struct tree_node *node,
		struct error *err)
{
	struct arena *arena = cli->arena;

	if (o->directory || !tree_is_dir(node)) {
		add_node(&cli->out, o, node, arena_printf(arena, "/%s", tree_path(arena, node)));
		return 0;
	}
	if (o->recursive)
		return list_below(cli, o, node, err);
	for (const struct tree_node *at = tree_first(node); at != NULL; at = tree_next(node, at))
		add_node(&cli->out, o, at, at->name);
	return 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct options *o = values;
	const struct image_options image_options = { .platform = o->platform };
	const char *path = cli->arguments.count > 1 ? cli->arguments.items[1] : "/", *rest;
	_cleanup_image struct image image = IMAGE_NONE;
	struct tree_node *node;
	struct tree tree;

	if (image_open(cli->arena, cli->arguments.items[0], &image_options, &image, err) < 0 ||
	    image_tree_read(cli->arena, &image, &tree, err) < 0)
		return error_wrap(err, "ls");
	if (tree_resolve(&tree, path, &node, &rest, err) < 0)
		return error_wrap(err, "ls");
	if (*rest != '\0')
		return error_number(err, ENOENT, "ls: %s in %s", path, image.reference);
	return list(cli, o, node, err);
}

const struct command command_ls = {
	.name = "ls", .arguments = "IMAGE [PATH]",
	.summary = "list files of an image, as a container would see them",
	.description = "The layers are read, and nothing is unpacked.  Symlinks on the way are "
		       "followed.",
	.options = options, .size = sizeof(struct options),
	.min = 1, .max = 2, .stop_after = -1, .run = run,
};
