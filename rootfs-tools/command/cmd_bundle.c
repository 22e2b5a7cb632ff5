/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/list.h"
#include "rootfs-tools/bundle/image_bundle.h"
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/progress.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/store/use.h"

/* kist rootfs bundle, and the hidden halves of "kist run --image": run-bundle and run-end. */
struct options {
	struct make_options make;
	const char *net, *platform, *entrypoint, *upper, *container;
	bool copy, quiet;
	int jobs, owner;
};

#define BUNDLE_OPTION_ROWS \
	PLATFORM_OPTION_ROW(struct options, platform), \
	OPTION_ROW_TEXT("entrypoint", 0, struct options, entrypoint, "PROGRAM", \
			"in the place of the image's, also as a JSON array; \"\": none"),	\
	OPTION_ROW_TEXT("overlay", 0, struct options, upper, "DIR", \
			"keep there what the container changes: DIR/upper"), \
	OPTION_ROW_FLAG("copy", 0, struct options, copy, \
			"a plain tree of its own, without the store and overlayfs"), \
	OPTION_ROW_NUMBER("jobs", 'j', struct options, jobs, "N", \
			  "layers that are unpacked at once; the default is one for each CPU"), \
	OPTION_ROW_FLAG("quiet", 'q', struct options, quiet, "no progress bar"), \
	MAKE_OPTION_ROWS(struct options, )

static const struct option options[] = { BUNDLE_OPTION_ROWS, { 0 } };

static const struct option run_options[] = {
	BUNDLE_OPTION_ROWS,
	OPTION_ROW_TEXT("container", 0, struct options, container, "PATH",
			"where the container's state will be"),
	OPTION_ROW_NUMBER("owner", 0, struct options, owner, "PID", "who runs it"),
	{ 0 },
};

/* An image, or a file system in a file. */
static int open_image(struct cli *cli, const struct options *o, struct image *image,
		      struct image_bundle *bundle, struct error *err)
{
	const struct image_options options_here = { .platform = o->platform };
	const char *reference = cli->arguments.items[0], *file;

	bundle->image = image;
	bundle->file_system = image_file_system(cli->arena, reference, &file);
	if (bundle->file_system == NULL)
		return image_open(cli->arena, reference, &options_here, image, err);
	image->arena = cli->arena;
	image->reference = reference;
	image->kind = IMAGE_TAR;
	return 0;
}

/* The image's name, and behind "--" or the other words what is to run. */
static void prepare(struct cli *cli, const struct options *o, size_t words,
		    struct image_bundle *bundle, struct progress *progress)
{
	const struct arguments *arguments = &cli->arguments;

	bundle->make = o->make;
	bundle->entrypoint = o->entrypoint;
	bundle->upper = o->upper;
	bundle->copy = o->copy;
	bundle->unpack.jobs = (unsigned int)o->jobs;
	bundle->unpack.progress = o->quiet ? NULL : progress_show;
	bundle->unpack.context = progress;
	make_finish(cli->arena, &bundle->make, o->net, arguments->items + words,
		    arguments->count - words);
}

/* --- kist rootfs bundle ----------------------------------------------------------------- */

static const char *absolute_target(struct arena *arena, const char *target, struct error *err)
{
	char parent[PATH_MAX];
	size_t length = strlen(target), start;

	while (length > 1 && target[length - 1] == '/')
		length--;
	for (start = length; start > 0 && target[start - 1] != '/'; start--)
		;
	if (realpath(start > 0 ? arena_strndup(arena, target, start) : ".", parent) == NULL) {
		error_errno(err, "make %s", target);
		return NULL;
	}
	return arena_printf(arena, "%s/%.*s", strcmp(parent, "/") == 0 ? "" : parent,
			    (int)(length - start), target + start);
}

static int make_bundle(struct cli *cli, const struct options *o, struct image_bundle *bundle,
		       struct error *err)
{
	_cleanup_publish struct publish publish = PUBLISH_NONE;
	_cleanup_store struct store store = STORE_NONE;

	bundle->path = absolute_target(cli->arena, cli->arguments.items[1], err);
	if (bundle->path == NULL || publish_begin_path(bundle->path, &publish, err) < 0 ||
	    store_open(cli->arena, cli->global.store, STORE_USE, &store, err) < 0)
		return -1;
	bundle->fd = publish.root_fd;
	if (image_bundle_make(&store, bundle, err) < 0)
		return -1;
	if (!o->copy && store_use(&store, bundle->path, &bundle->layers, err) < 0)
		return -1;
	/* Of a bundle with an overlay everything but the store's layers is quickly made again. */
	return o->copy ? publish_commit(&publish, err) : publish_commit_unsynced(&publish, err);
}

static int run_bundle(struct cli *cli, const void *values, struct error *err)
{
	const struct options *o = values;
	_cleanup_image struct image image = IMAGE_NONE;
	_cleanup_progress struct progress progress;
	struct image_bundle bundle = { 0 };

	progress_begin(&progress, "unpack");
	if (cli->arguments.dashes > 2)
		return error_set(err, "unexpected argument %s: \"--\" stands in front of the "
				 "command", cli->arguments.items[2]);
	if (open_image(cli, o, &image, &bundle, err) < 0)
		return -1;
	prepare(cli, o, 2, &bundle, &progress);
	if (make_bundle(cli, o, &bundle, err) < 0)
		return error_wrap(err, "bundle %s", cli->arguments.items[0]);
	return 0;
}

/* --- kist run --image -------------------------------------------------------------------- */

/* Behind the container, whoever deletes it, and whenever. */
static int set_end(struct cli *cli, const struct store *store, const struct store_run *run,
		   struct make_options *make, struct error *err)
{
	const char *const words[] = { NULL, "--store", store->path, "run-end", run->name };
	const char *kist = getenv("KIST_PROGRAM");
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (size < 0)
		return error_errno(err, "find kist-rootfs");
	self[size] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		LIST_ADD(cli->arena, &make->poststop,
			 i == 0 ? arena_strdup(cli->arena, self) : words[i]);
	if (kist != NULL)
		LIST_ADD(cli->arena, &make->poststop_env,
			 arena_printf(cli->arena, "KIST_PROGRAM=%s", kist));
	return 0;
}

static int make_run(struct cli *cli, const struct store *store, const struct options *o,
		    struct image_bundle *bundle, struct store_run *run, struct error *err)
{
	unsigned int ignored;

	if (store_run_sweep(store, &ignored, err) < 0 ||
	    store_run_begin(store, o->owner, o->container, run, err) < 0)
		return -1;
	bundle->path = run->path;
	bundle->fd = run->fd;
	bundle->throw_away = true;
	if (!bundle->copy && bundle->upper == NULL && bundle->file_system == NULL &&
	    image_bundle_overlay_possible(run->fd, run->path, err) < 0) {
		warn("%s", err->text);
		bundle->copy = bundle->image->kind != IMAGE_DIRECTORY;
	}
	if (set_end(cli, store, run, &bundle->make, err) < 0 ||
	    image_bundle_make(store, bundle, err) < 0 ||
	    store_run_use(store, run, &bundle->layers, err) < 0 || interrupt_check(err) < 0)
		return -1;
	text_printf(&cli->out, "%s\n", run->path);
	return 0;
}

static int run_run_bundle(struct cli *cli, const void *values, struct error *err)
{
	const struct options *o = values;
	_cleanup_image struct image image = IMAGE_NONE;
	_cleanup_progress struct progress progress;
	_cleanup_store struct store store = STORE_NONE;
	struct image_bundle bundle = { 0 };
	struct store_run run = STORE_RUN_NONE;
	struct error ignored;
	int result;

	progress_begin(&progress, "unpack");
	if (o->container == NULL || o->owner == 0)
		return error_set(err, "--container and --owner are required");
	if (open_image(cli, o, &image, &bundle, err) < 0)
		return -1;
	prepare(cli, o, 1, &bundle, &progress);
	if (store_open(cli->arena, cli->global.store, STORE_USE, &store, err) < 0)
		return -1;
	result = make_run(cli, &store, o, &bundle, &run, err);
	if (result < 0 && run.fd >= 0)
		store_run_end(&store, run.name, &ignored);
	fd_close(&run.fd);
	return result;
}

const struct command command_bundle = {
	.name = "bundle",
	.arguments = "IMAGE DIR [-- COMMAND...]",
	.summary = "an image to a bundle that kist runs",
	.description =
		"DIR gets a config.json, made from the image's config and the flags, and a root: "
		"an overlay of\nthe store's layers, unpacked once.  The runtime mounts it; "
		"nothing is mounted before.\nArguments take the place of the image's Cmd.",
	.options = options,
	.size = sizeof(struct options),
	.min = 2,
	.max = -1,
	.stop_after = -1,
	.run = run_bundle,
};

const struct command command_run_bundle = {
	.name = "run-bundle", .arguments = "IMAGE [-- COMMAND...]",
	.summary = "what \"kist run --image\" runs", .hidden = true,
	.options = run_options, .size = sizeof(struct options),
	.min = 1, .max = -1, .stop_after = -1, .run = run_run_bundle,
};
