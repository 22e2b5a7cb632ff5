/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/tree/diff.h"
#include "rootfs-tools/tree/walk.h"

struct diff_command {
	bool json, quiet;
	const char *platform;
	word_list masked, ignored;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("json", 0, struct diff_command, json, "as JSON"),
	OPTION_ROW_FLAG("quiet", 'q', struct diff_command, quiet, "only the exit status"),
	OPTION_ROW_LIST("ignore", 'i', struct diff_command, ignored, "WHAT",
			"type, mode, owner, size, content, target, device, xattrs, links, time, "
			"hides; may come again"),
	MASK_OPTION_ROW(struct diff_command, masked),
	PLATFORM_OPTION_ROW(struct diff_command, platform),
	{ 0 },
};

static int parse_ignored(const word_list *words, unsigned int *ret, struct error *err)
{
	LIST_EACH(word, *words) {
		const struct diff_word *row = diff_words;

		while (row->word != NULL && strcmp(row->word, *word) != 0)
			row++;
		if (row->word == NULL)
			return error_set(err, "--ignore %s: no such word", *word);
		*ret &= ~row->bit;
	}
	return 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct diff_command *o = values;
	const struct image_options image = { .platform = o->platform,
					     .any_platform = o->platform == NULL };
	struct diff_options diff = { .look_at = COMPARE_ALL, .masked = o->masked.items,
				     .masked_count = o->masked.count, .json = o->json };
	struct diff_side a, b;
	size_t count;

	if (parse_ignored(&o->ignored, &diff.look_at, err) < 0 ||
	    diff_side_read(cli->arena, cli->arguments.items[0], &image, &a, err) < 0 ||
	    diff_side_read(cli->arena, cli->arguments.items[1], &image, &b, err) < 0 ||
	    diff_write(cli->arena, &a, &b, &diff, &cli->out, &count, err) < 0)
		return -1;
	if (o->quiet)
		cli->out.size = 0;
	return count > 0;
}

const struct command command_diff = {
	.name = "diff", .arguments = "A B",
	.summary = "how two images, layers or directories differ",
	.description =
		"A and B are images, directories, IMAGE#N for one layer, or IMAGE#1-N for what the "
		"first N make.  Lines begin with + (B alone has it), - (A alone) or ~ (what is "
		"different).  The exit status is 0 where there is no difference, 1 where there is "
		"one, 2 for an error.",
	.options = options, .size = sizeof(struct diff_command),
	.min = 2, .max = 2, .stop_after = -1, .failure = 2, .run = run,
};
