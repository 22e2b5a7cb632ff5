/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/table.h"
#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/epoch.h"
#include "rootfs-tools/size_text.h"
#include "rootfs-tools/store/gc.h"

/* kist rootfs store ls|rm|verify. */
struct options {
	bool force, repair;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("force", 0, struct options, force, "rm: also what a bundle needs"),
	OPTION_ROW_FLAG("repair", 0, struct options, repair,
			"verify: forget damaged layers, so that the next bundle unpacks them anew"),
	{ 0 },
};

static int list(struct cli *cli, const struct store *store, struct error *err)
{
	struct table table = { .arena = cli->arena };
	store_layer_list layers;
	word_list used;

	if (store_list(store, &layers, err) < 0 || store_used(store, &used, err) < 0)
		return -1;
	table_row(&table, (const char *const[]){ "LAYER", "SIZE", "FILES", "UNPACKED", "USED",
						 "DIRECTORY", NULL });
	LIST_EACH(layer, layers)
		table_row(&table,
			  (const char *const[]){
				  layer->key, size_text(cli->arena, layer->bytes),
				  arena_printf(cli->arena, "%" PRIu64, layer->entries),
				  epoch_minute(cli->arena, layer->made),
				  store_is_used(&used, layer->name) ? "yes" : "no",
				  arena_printf(cli->arena, "%s/l/%s", store->path, layer->name),
				  NULL });
	table_print(&table, &cli->out);
	return 0;
}

/* By its key, the beginning of that, or of the digest in it. */
static bool is_named(const struct store_layer *layer, const char *word)
{
	const char *digits = strchr(layer->key, '-');
	const char *colon = strchr(word, ':');

	if (strncmp(layer->key, word, strlen(word)) == 0)
		return true;
	if (colon != NULL)
		word = colon + 1;
	return strlen(word) >= 4 && digits != NULL &&
	       (strncmp(digits + 1, word, strlen(word)) == 0 ||
		(strrchr(digits, '-') != digits &&
		 strncmp(strrchr(digits, '-') + 1, word, strlen(word)) == 0));
}

static bool is_wanted(const struct cli *cli, const struct store_layer *layer)
{
	if (cli->arguments.count == 1)
		return true;
	for (size_t i = 1; i < cli->arguments.count; i++)
		if (is_named(layer, cli->arguments.items[i]))
			return true;
	return false;
}

static int check_words(struct cli *cli, const store_layer_list *layers, struct error *err)
{
	for (size_t i = 1; i < cli->arguments.count; i++) {
		bool found = false;

		LIST_EACH(layer, *layers)
			found = found || is_named(layer, cli->arguments.items[i]);
		if (!found)
			return error_set(err, "no layer %s in the store; \"kist rootfs store ls\" "
					 "lists them", cli->arguments.items[i]);
	}
	return 0;
}

static int remove_some(struct cli *cli, const struct store *store, bool force,
		       struct error *err)
{
	store_layer_list layers;
	word_list used;

	if (cli->arguments.count == 1)
		return error_set(err, "which layers? \"kist rootfs gc\" removes all that nobody "
				 "needs");
	if (store_list(store, &layers, err) < 0 || store_used(store, &used, err) < 0 ||
	    check_words(cli, &layers, err) < 0)
		return -1;
	LIST_EACH(layer, layers) {
		if (!is_wanted(cli, layer))
			continue;
		if (!force && store_is_used(&used, layer->name))
			return error_set(err, "%s is part of a bundle's root; remove the bundle "
					 "first, or say --force", layer->key);
		if (store_remove(store, layer, err) < 0)
			return -1;
		text_printf(&cli->out, "%s\n", layer->key);
	}
	return 0;
}

static int verify(struct cli *cli, const struct store *store, bool repair, struct error *err)
{
	store_layer_list layers;
	unsigned int damaged = 0;

	if (store_list(store, &layers, err) < 0 || check_words(cli, &layers, err) < 0)
		return -1;
	LIST_EACH(layer, layers) {
		const char *what = NULL;
		int good = is_wanted(cli, layer) ? store_verify(store, layer, &what, err) : 1;

		if (good < 0)
			return -1;
		if (!is_wanted(cli, layer))
			continue;
		text_printf(&cli->out, "%s: %s\n", layer->key, good ? "as unpacked" : what);
		damaged += !good;
		if (!good && repair && store_forget(store, layer, err) < 0)
			return -1;
	}
	if (damaged == 0)
		return 0;
	if (cli_flush(cli, err) < 0)
		return -1;
	error_set(err, "%u layer%s of the store changed", damaged, damaged == 1 ? "" : "s");
	return error_hint(err, repair ? "forgotten: the next bundle unpacks them anew" :
					"--repair forgets them");
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct options *o = values;
	const char *word = cli->arguments.items[0];
	_cleanup_store struct store store = STORE_NONE;
	bool removes = strcmp(word, "rm") == 0 || o->repair;

	if (strcmp(word, "ls") != 0 && strcmp(word, "rm") != 0 && strcmp(word, "verify") != 0)
		return error_set(err, "store %s: must be ls, rm or verify", word);
	if (store_open(cli->arena, cli->global.store, removes ? STORE_REMOVE : STORE_USE, &store,
		       err) < 0)
		return -1;
	if (strcmp(word, "ls") == 0)
		return list(cli, &store, err);
	if (strcmp(word, "rm") == 0)
		return remove_some(cli, &store, o->force, err);
	return verify(cli, &store, o->repair, err);
}

const struct command command_store = {
	.name = "store", .arguments = "ls|rm|verify [LAYER...]",
	.summary = "the layers that were unpacked",
	.description = "LAYER is a digest or the first letters of one.  verify compares names, "
		       "types, modes, owners,\nsizes and times of change with what was unpacked; "
		       "without LAYER of all.",
	.options = options, .size = sizeof(struct options),
	.min = 1, .max = -1, .stop_after = -1, .run = run,
};
