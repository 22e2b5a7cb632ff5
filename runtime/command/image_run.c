/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command/image_run.h"

#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "runtime/beside.h"

#define PROGRAM		"kist-rootfs"

/* The flags that "kist-rootfs run-bundle" knows, too. */
static const struct option image_flags[] = {
	OPTION_ROW_TEXT("platform", 0, struct image_options, platform, "", ""),
	OPTION_ROW_TEXT("entrypoint", 0, struct image_options, entrypoint, "", ""),
	OPTION_ROW_TEXT("overlay", 0, struct image_options, overlay, "", ""),
	OPTION_ROW_FLAG("copy", 0, struct image_options, copy, ""),
	{ 0 },
};
static const struct option made_flags[] = { MAKE_OPTION_ROWS(struct made_options, ), { 0 } };

static const struct option all_image_flags[] = {
	IMAGE_OPTION_ROWS(struct image_options, ),
	{ 0 },
};

bool image_run_named(const char *word)
{
	return strpbrk(word, "/:") != NULL;
}

bool image_run_is_bundle(struct cli *cli, const char *directory, struct error *err)
{
	if (access(arena_printf(cli->arena, "%s/config.json", directory), F_OK) < 0 ||
	    access(arena_printf(cli->arena, "%s/rootfs", directory), F_OK) < 0)
		return false;
	error_set(err, "%s is a bundle: \"%s run --bundle %s ID\" runs it", directory, cli->name,
		  directory);
	return true;
}

void image_run_meant(struct cli *cli, const char *id, struct error *err)
{
	if (access(id, F_OK) < 0)
		error_hint(err,
			   "an image has \"/\" or \":\" in it: docker://%s is one in a registry",
			   id);
	else if (!image_run_is_bundle(cli, id, err))
		error_set(err, "there is no config.json here, but %s: \"%s run ./%s\" runs it as "
			  "an image", id, cli->name, id);
}

int image_run_flags(struct cli *cli, const struct image_options *image,
		    const struct made_options *made, struct error *err)
{
	word_list words = { 0 };

	option_words(cli->arena, all_image_flags, image, &words);
	if (words.count > 0)
		return error_set(err, "%s: is for images alone", words.items[0]);
	if (made->make.rootfs != NULL)
		return 0;
	option_words(cli->arena, made_flags, made, &words);
	if (words.count > 0)
		return error_set(err, "%s: is for --rootfs and images: a bundle says that in its "
				 "config.json", words.items[0]);
	return 0;
}

static const char *const *command_line(struct cli *cli, const struct image_options *image,
				       const struct made_options *made, const char *id,
				       const char *const *args, size_t arg_count)
{
	struct arena *arena = cli->arena;
	word_list words = { 0 };

	LIST_ADD(arena, &words, PROGRAM);
	if (image->store != NULL)
		LIST_ADD(arena, &words, arena_printf(arena, "--store=%s", image->store));
	LIST_ADD(arena, &words, "run-bundle");
	LIST_ADD(arena, &words, arena_printf(arena, "--owner=%d", (int)getpid()));
	LIST_ADD(arena, &words, arena_printf(arena, "--container=%s/%s", cli_root(cli), id));
	option_words(arena, image_flags, image, &words);
	option_words(arena, made_flags, made, &words);
	LIST_ADD(arena, &words, image->image);
	LIST_ADD(arena, &words, "--");
	for (size_t i = 0; i < arg_count; i++)
		LIST_ADD(arena, &words, args[i]);
	LIST_ADD(arena, &words, NULL);
	return words.items;
}

/* From the bundle to the container: a bundle that nobody knows of would stay. */
static struct hold hold;

const char *image_run_bundle(struct cli *cli, const struct image_options *image,
			     const struct made_options *made, const char *id,
			     const char *const *args, size_t arg_count, struct error *err)
{
	const char *const *words = command_line(cli, image, made, id, args, arg_count);
	char *output;
	int status;

	hold_begin(&hold);
	status = beside_run(cli->arena, PROGRAM, words, &hold, &output, err);
	if (status < 0)
		return NULL;
	output[strcspn(output, "\n")] = '\0';
	if (status == 0 && output[0] == '/')
		return output;
	if (status == 0 || cli->global.log != NULL)
		error_set(err, "image %s: no bundle could be made of it", image->image);
	return NULL;
}

void image_run_forget(struct cli *cli, const char *bundle)
{
	const char *slash = strrchr(bundle, '/');
	const char *store = arena_strndup(cli->arena, bundle,
					  (size_t)(slash - bundle) - strlen("/run"));
	const char *const words[] = { PROGRAM, "--store", store, "run-end", slash + 1, NULL };
	struct error err;
	char *output;

	if (beside_run(cli->arena, PROGRAM, words, NULL, &output, &err) < 0)
		warn("remove %s: %s", bundle, err.text);
}

void image_run_done(void)
{
	hold_end(&hold);
}
