/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command/run_source.h"

#include <errno.h>
#include <sys/random.h>

#include "base/list.h"
#include "config/load.h"

/* All that is odd, not only the first thing; notes are for "check" alone. */
static int check_strictly(struct cli *cli, const struct create_options *create,
			  struct error *err)
{
	const char *directory = create->bundle != NULL ? create->bundle : ".";
	struct diagnosis found = { 0 };
	const struct plan *plan;
	unsigned int count = 0;

	if (plan_diagnose(cli->arena, directory, create->config, &found, &plan, err) < 0)
		return -1;
	LIST_EACH(finding, found.findings) {
		if (finding->severity == SEVERITY_NOTE)
			continue;
		warn("%s", finding->text);
		count++;
	}
	if (count == 0)
		return 0;
	return error_set(err, "--strict: %u thing%s wrong with the configuration", count,
			 count == 1 ? " is" : "s are");
}

/* What nobody else has: 64 bits from the kernel. */
static const char *new_id(struct arena *arena)
{
	uint64_t random = 0;

	(void)!getrandom(&random, sizeof(random), 0);
	return arena_printf(arena, "kist-%016llx", (unsigned long long)random);
}

static int unexpected(const char *word, struct error *err)
{
	return error_set(err, "unexpected argument %s: \"--\" stands in front of the command",
			 word);
}

/* What stands in front of the command: so many words, of which the last is the id. */
static int id_of(struct cli *cli, size_t count, const char **ret, struct error *err)
{
	const struct arguments *words = &cli->arguments;

	if (words->dashes > count)
		return unexpected(words->items[count], err);
	*ret = words->dashes == count ? words->items[count - 1] : new_id(cli->arena);
	return 0;
}

/* "--image IMAGE [ID]", or "IMAGE [ID]"; an id has none of the letters. */
static bool is_image(const struct cli *cli, const struct run_source *source)
{
	return source->image.image != NULL ||
	       (source->made.make.rootfs == NULL && source->create.bundle == NULL &&
		source->create.config == NULL && cli->arguments.dashes > 0 &&
		image_run_named(cli->arguments.items[0]));
}

/* What is no UTF-8 has no place in JSON: the word is named, not a line of a file that is gone. */
static int blame(struct cli *cli, const struct run_source *source, struct error *err)
{
	static const struct option rows[] = { MADE_OPTION_ROWS(struct made_options, ), { 0 } };
	const struct arguments *arguments = &cli->arguments;
	word_list words = { 0 };

	option_words(cli->arena, rows, &source->made, &words);
	for (size_t i = arguments->dashes; i < arguments->count; i++)
		LIST_ADD(cli->arena, &words, arguments->items[i]);
	LIST_EACH(word, words)
		if (text_utf8(cli->arena, *word) != *word)
			return error_set(err, "%s: must be UTF-8, as a config.json is", *word);
	return -1;
}

static int bundle_of_image(struct cli *cli, struct run_source *source, const char **ret_id,
			   struct bundle *ret, struct error *err)
{
	const struct arguments *words = &cli->arguments;
	size_t before = source->image.image == NULL;

	if (before > 0 && image_run_is_bundle(cli, words->items[0], err))
		return -1;
	if (id_of(cli, before + 1, ret_id, err) < 0)
		return -1;
	if (before > 0)
		source->image.image = words->items[0];
	if (container_id_check(*ret_id, err) < 0)
		return -1;
	source->create.bundle = image_run_bundle(cli, &source->image, &source->made, *ret_id,
					    words->items + words->dashes,
					    words->count - words->dashes, err);
	if (source->create.bundle == NULL)
		return -1;
	if (bundle_load(cli->arena, &source->create, ret, err) < 0)
		return blame(cli, source, err);
	return 0;
}

static int bundle_of_rootfs(struct cli *cli, struct run_source *source, const char **ret_id,
			    struct bundle *ret, struct error *err)
{
	const struct arguments *words = &cli->arguments;
	bool dashed = words->dashes < words->count;

	/* A program without "--" in front of it would be the id. */
	if (!dashed && words->count == 1 && image_run_named(words->items[0]))
		return unexpected(words->items[0], err);
	if (id_of(cli, 1, ret_id, err) < 0)
		return -1;
	if (made_bundle(cli->arena, &source->made, words->items + words->dashes,
			words->count - words->dashes, ret, err) < 0)
		return blame(cli, source, err);
	return 0;
}

int run_source_load(struct cli *cli, struct run_source *source, const char **ret_id,
		    struct bundle *ret, struct error *err)
{
	const struct arguments *words = &cli->arguments;
	const struct create_options *create = &source->create;
	const bool bundle = create->bundle != NULL || create->config != NULL;
	const char *root = source->made.make.rootfs, *image = source->image.image;

	if ((image != NULL) + (root != NULL) + bundle > 1)
		return error_set(err, "--image, --rootfs and --bundle or --config: one of them");
	if (is_image(cli, source))
		return bundle_of_image(cli, source, ret_id, ret, err);
	if (image_run_flags(cli, &source->image, &source->made, err) < 0)
		return -1;
	if (root != NULL)
		return bundle_of_rootfs(cli, source, ret_id, ret, err);
	if (words->count != 1)
		return error_set(err,
				 "\"run\" requires exactly 1 argument: %s run [OPTIONS] ID, "
				 "or --rootfs DIR [ID] [-- COMMAND], or IMAGE, which has \"/\" or "
				 "\":\" in it, as docker://NAME",
				 cli->name);
	*ret_id = words->items[0];
	if (source->strict && check_strictly(cli, create, err) < 0)
		return -1;
	if (bundle_load(cli->arena, create, ret, err) == 0)
		return 0;
	if (err->code == ENOENT && !bundle)
		image_run_meant(cli, words->items[0], err);
	return -1;
}

void run_source_forget(struct cli *cli, const struct run_source *source)
{
	if (source->image.image != NULL && source->create.bundle != NULL)
		image_run_forget(cli, source->create.bundle);
}
