/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/make/insert.h"

struct insert_options {
	struct output_options output;
	struct owner_options owner;
	bool opaque, whiteout;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("opaque", 0, struct insert_options, opaque,
			"hide what the directory held before"),
	OPTION_ROW_FLAG("whiteout", 0, struct insert_options, whiteout,
			"take PATHs of the image away"),
	MASK_OPTION_ROW(struct insert_options, owner.masked),
	OWNER_OPTION_ROWS(struct insert_options, owner),
	TARGET_OPTION_ROWS(struct insert_options, output),
	COMPRESS_OPTION_ROWS(struct insert_options, output),
	HISTORY_OPTION_ROWS(struct insert_options, output),
	{ 0 },
};

static int check_arguments(const struct cli *cli, const struct insert_options *o,
			   struct error *err)
{
	if (o->whiteout && o->opaque)
		return error_set(err, "--opaque and --whiteout: either of them");
	if (!o->whiteout && cli->arguments.count != 3)
		return error_set(err, "insert wants IMAGE SOURCE TARGET: what is put where in the "
				 "image; or --whiteout IMAGE PATH...");
	return 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct insert_options *o = values;
	const char *const *words = cli->arguments.items;
	_cleanup_session struct session session = SESSION_NONE;
	struct tree_walk_options walk = { 0 };
	struct insert insert = { .opaque = o->opaque, .walk = &walk };
	int status;

	if (check_arguments(cli, o, err) < 0 ||
	    owner_options_apply(cli->arena, &o->owner, &walk, err) < 0 ||
	    session_begin_image(cli->arena, words[0], &o->output, &session, err) < 0)
		return -1;
	if (o->whiteout) {
		status = insert_whiteouts(&session, words + 1, cli->arguments.count - 1, err);
	} else {
		insert.source = words[1];
		insert.target = words[2];
		status = insert_files(&session, &insert, err);
	}
	if (status < 0)
		return -1;
	return session_end(&session, &o->output, "kist rootfs insert", false, &cli->out, err);
}

const struct command command_insert = {
	.name = "insert", .arguments = "IMAGE SOURCE TARGET",
	.summary = "put files into an image, or take some away, as a new layer",
	.description = "SOURCE, a file or directory, becomes TARGET of the image; a directory on a "
		       "directory joins it.  With \"/\" at its end, TARGET is where it goes into.",
	.options = options, .size = sizeof(struct insert_options),
	.min = 2, .max = -1, .stop_after = -1, .run = run,
};
