/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/make/pack.h"

struct pack_options {
	struct output_options output;
	struct edit_options edit;
	struct owner_options owner;
	const char *base;
	bool is_upper, no_mask_volumes;
};

static const struct option options[] = {
	OPTION_ROW_TEXT("base", 'b', struct pack_options, base, "IMAGE",
			"only what changed since this image, as a layer on top of its own"),
	OPTION_ROW_FLAG("upper", 0, struct pack_options, is_upper,
			"DIR is the upper directory of an overlay on --base"),
	COMPRESS_OPTION_ROWS(struct pack_options, output),
	MASK_OPTION_ROW(struct pack_options, owner.masked),
	OPTION_ROW_FLAG("no-mask-volumes", 0, struct pack_options, no_mask_volumes,
			"with --base: look at the image's volumes, too"),
	OWNER_OPTION_ROWS(struct pack_options, owner),
	OPTION_ROW_TEXT("platform", 0, struct pack_options, output.platform, "OS/ARCH[/VARIANT]",
			"what it is for, or which of --base; the default is the host's"),
	HISTORY_OPTION_ROWS(struct pack_options, output),
	EDIT_OPTION_ROWS(struct pack_options, edit),
	{ 0 },
};

/* What a container mounts over its volumes is not the image's. */
static void mask_volumes(struct session *s, struct tree_walk_options *walk)
{
	const struct json *volumes = json_member(json_member(s->draft.config, "config"), "Volumes");
	const char **masked;
	size_t count = walk->masked_count;

	if (volumes == NULL || volumes->type != JSON_OBJECT || volumes->count == 0)
		return;
	masked = ARENA_NEWS(s->draft.arena, count + volumes->count, const char *);
	if (count > 0)
		memcpy(masked, walk->masked, count * sizeof(*masked));
	JSON_EACH(volume, volumes)
		masked[count++] = volume->key;
	walk->masked = masked;
	walk->masked_count = count;
}

static int pack_new(struct cli *cli, const struct pack_options *o, const struct bundle *bundle,
		    const struct tree_walk_options *walk, struct error *err)
{
	_cleanup_session struct session session = SESSION_NONE;

	if (bundle->upper)
		return error_set(err,
				 "%s: its root is an overlay; give the image that lies below it "
				 "as --base",
				 cli->arguments.items[0]);
	if (session_begin(cli->arena, cli->arguments.items[1], &o->output, &session, err) < 0)
		return -1;
	if (bundle->config != NULL)
		bundle_to_image(bundle, &session.draft, o->output.platform != NULL);
	if (edit_apply(&session.draft, &o->edit, err) < 0 ||
	    pack_directory(&session, bundle->root_fd, walk, err) < 0)
		return -1;
	return session_end(&session, &o->output, "kist rootfs pack", false, &cli->out, err);
}

static int pack_on_base(struct cli *cli, struct pack_options o, const struct bundle *bundle,
			struct tree_walk_options *walk, struct error *err)
{
	_cleanup_session struct session session = SESSION_NONE;
	bool empty = false;

	o.output.to = cli->arguments.items[1];
	if (session_begin_image(cli->arena, o.base, &o.output, &session, err) < 0)
		return -1;
	if (!o.no_mask_volumes)
		mask_volumes(&session, walk);
	walk->upper = bundle->upper || o.is_upper;
	if (edit_apply(&session.draft, &o.edit, err) < 0 ||
	    pack_changes(&session, bundle->root_fd, walk, &empty, err) < 0)
		return -1;
	if (empty)
		warn("nothing changed since %s: no layer was added", o.base);
	return session_end(&session, &o.output, "kist rootfs pack", empty, &cli->out, err);
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct pack_options *o = values;
	_cleanup_bundle struct bundle bundle = BUNDLE_NONE;
	struct tree_walk_options walk = { 0 };
	const char *target = cli->arguments.items[1];

	if (o->is_upper && o->base == NULL)
		return error_set(err, "--upper: wants --base, the image below the overlay");
	if (owner_options_apply(cli->arena, &o->owner, &walk, err) < 0 ||
	    bundle_open(cli->arena, cli->arguments.items[0], &bundle, err) < 0)
		return -1;
	if (pack_is_file_system(target)) {
		if (o->base != NULL || bundle.upper)
			return error_set(err, "%s: holds a whole root, so --base has no place",
					 target);
		return pack_file_system(cli->arena, target, bundle.root_fd, &walk, err);
	}
	return o->base != NULL ? pack_on_base(cli, *o, &bundle, &walk, err) :
				 pack_new(cli, o, &bundle, &walk, err);
}

const struct command command_pack = {
	.name = "pack", .arguments = "DIR IMAGE",
	.summary = "make an image of a directory or a bundle",
	.description =
		"DIR is a root file system, or a bundle, whose config.json becomes the image's. "
		"IMAGE is [oci:]DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], "
		"squashfs:FILE or erofs:FILE.  With SOURCE_DATE_EPOCH set, the same files give the "
		"same digest, which is printed.",
	.options = options, .size = sizeof(struct pack_options),
	.min = 2, .max = 2, .stop_after = -1, .run = run,
};
