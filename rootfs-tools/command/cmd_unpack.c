/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/progress.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/unpack/id_maps.h"
#include "rootfs-tools/unpack/unpack.h"

/* kist rootfs unpack: an image to a directory that was not there. */
struct options {
	const char *platform;
	word_list uid_maps, gid_maps;
	bool rootless, quiet, no_sync;
	int jobs, max_entries, max_ratio, max_gigabytes;
};

static const struct option options[] = {
	PLATFORM_OPTION_ROW(struct options, platform),
	OPTION_ROW_LIST("uid-map", 0, struct options, uid_maps, "CONTAINER:HOST[:SIZE]",
			"owners in the image to those on the host; may come again"),
	OPTION_ROW_LIST("gid-map", 0, struct options, gid_maps, "CONTAINER:HOST[:SIZE]",
			"and their groups"),
	OPTION_ROW_FLAG("rootless", 0, struct options, rootless,
			"all files are the caller's; owners go to user.rootlesscontainers, and "
			"devices become empty files"),
	OPTION_ROW_NUMBER("jobs", 'j', struct options, jobs, "N",
			  "layers that are read at once; the default is one for each CPU"),
	OPTION_ROW_FLAG("quiet", 'q', struct options, quiet, "no progress bar"),
	OPTION_ROW_FLAG("no-sync", 0, struct options, no_sync,
			"do not wait for the disk; after a power failure files may be empty"),
	OPTION_ROW_NUMBER("max-entries", 0, struct options, max_entries, "N",
			  "refuse a layer with more entries (4,000,000)"),
	OPTION_ROW_NUMBER("max-size", 0, struct options, max_gigabytes, "GB",
			  "refuse an image whose files are larger together (4,398)"),
	OPTION_ROW_NUMBER("max-ratio", 0, struct options, max_ratio, "N",
			  "refuse a layer of more than a GiB that is compressed further (200)"),
	{ 0 },
};

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct options *o = values;
	const struct image_options image_options = { .platform = o->platform };
	_cleanup_image struct image image = IMAGE_NONE;
	_cleanup_publish struct publish publish = PUBLISH_NONE;
	_cleanup_progress struct progress progress;
	struct unpack_options unpack = {
		.rootless = o->rootless, .jobs = (unsigned int)o->jobs,
		.limits = {
			.entries = (uint64_t)o->max_entries,
			.bytes = (uint64_t)o->max_gigabytes * 1000000000,
			.stream.ratio = (unsigned int)o->max_ratio,
		},
		.progress = o->quiet ? NULL : progress_show, .context = &progress,
	};
	const char *reference = cli->arguments.items[0], *target = cli->arguments.items[1];

	progress_begin(&progress, "unpack");
	if (o->rootless && o->uid_maps.count + o->gid_maps.count > 0)
		return error_set(err, "--rootless and --uid-map: either of them");
	if (id_maps_parse(cli->arena, &o->uid_maps, &unpack.uid_maps, err) < 0 ||
	    id_maps_parse(cli->arena, &o->gid_maps, &unpack.gid_maps, err) < 0)
		return -1;
	/* What is there already is told before anything is fetched. */
	if (publish_begin_path(target, &publish, err) < 0)
		return -1;
	if (image_open(cli->arena, reference, &image_options, &image, err) < 0)
		return -1;
	if (image.kind == IMAGE_DIRECTORY)
		return error_set(err, "%s: is a directory already: there is nothing to unpack",
				 reference);
	if (unpack_layers(&image, 0, image.layers.count, publish.root_fd, &unpack, NULL, err) < 0)
		return error_wrap(err, "unpack %s", reference);
	return o->no_sync ? publish_commit_unsynced(&publish, err) :
			    publish_commit(&publish, err);
}

const struct command command_unpack = {
	.name = "unpack",
	.arguments = "IMAGE DIR",
	.summary = "an image to a directory: its root file system",
	.description =
		"The layers are applied one upon the other; everything is verified, and DIR "
		"appears when all is there, or not at all.  An ordinary user needs --rootless.",
	.options = options,
	.size = sizeof(struct options),
	.min = 2, .max = 2, .stop_after = -1,
	.run = run,
};
