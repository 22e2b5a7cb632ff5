/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/store/gc.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/list.h"
#include "rootfs-tools/publish.h"

bool store_is_used(const word_list *used, const char *name)
{
	LIST_EACH(known, *used)
		if (strcmp(*known, name) == 0)
			return true;
	return false;
}

/* Unpacking holds the lock that we have alone: what is hidden here is nobody's any more. */
static int hidden_remove(int dir_fd, struct store_collected *ret, struct error *err)
{
	DIR *dir = dir_list(dir_fd);
	int result = 0;

	if (dir == NULL)
		return error_errno(err, "list a directory of the store");
	for (struct dirent *entry; result == 0 && (entry = dir_next(dir)) != NULL;) {
		if (entry->d_name[0] != '.')
			continue;
		result = tree_remove(dir_fd, entry->d_name, err);
		ret->leftovers++;
	}
	if (result == 0 && errno != 0)
		result = error_errno(err, "list a directory of the store");
	closedir(dir);
	return result;
}

/*
 * A damaged record is as good as none; its directory goes as one that no record names.  One that
 * is of use where root is another, in a user namespace or outside of it, is theirs to collect.
 */
static int damaged_remove(const struct store *store, store_layer_list *kept,
			  struct store_collected *ret, struct error *err)
{
	word_list keys;

	if (store_names(store->arena, store->layers_fd, &keys, err) < 0)
		return -1;
	LIST_EACH(key, keys) {
		struct store_layer layer;
		int found = store_find(store, *key, &layer, err);

		if (found == 0 && layer.other_marks) {
			LIST_ADD(store->arena, kept, layer);
			continue;
		}
		if (found < 0 || (found == 0 && store_forget(store, &layer, err) < 0))
			return -1;
		ret->leftovers += found == 0;
	}
	return 0;
}

static int layers_remove(const struct store *store, const word_list *used,
			 store_layer_list *kept, bool keep_layers, struct store_collected *ret,
			 struct error *err)
{
	store_layer_list layers;

	if (store_list(store, &layers, err) < 0)
		return -1;
	LIST_EACH(layer, layers) {
		if (keep_layers || store_is_used(used, layer->name)) {
			LIST_ADD(store->arena, kept, *layer);
			continue;
		}
		if (store_remove(store, layer, err) < 0)
			return -1;
		ret->layers++;
		ret->bytes += layer->bytes;
	}
	return 0;
}

/* Directories that no record names: their maker was killed between the two renames. */
static int strays_remove(const struct store *store, const word_list *used,
			 const store_layer_list *kept, struct store_collected *ret,
			 struct error *err)
{
	word_list names;

	if (store_names(store->arena, store->data_fd, &names, err) < 0)
		return -1;
	LIST_EACH(name, names) {
		bool known = store_is_used(used, *name);

		LIST_EACH(layer, *kept)
			known = known || strcmp(layer->name, *name) == 0;
		if (known)
			continue;
		if (tree_remove(store->data_fd, *name, err) < 0)
			return error_wrap(err, "remove %s/l/%s", store->path, *name);
		ret->leftovers++;
	}
	return 0;
}

int store_collect(const struct store *store, bool keep_layers, struct store_collected *ret,
		  struct error *err)
{
	store_layer_list kept = { 0 };
	unsigned int runs;
	word_list used;

	*ret = (struct store_collected){ 0 };
	if (store_run_sweep(store, &runs, err) < 0 || hidden_remove(store->data_fd, ret, err) < 0 ||
	    hidden_remove(store->layers_fd, ret, err) < 0 ||
	    damaged_remove(store, &kept, ret, err) < 0 || store_used(store, &used, err) < 0 ||
	    layers_remove(store, &used, &kept, keep_layers, ret, err) < 0)
		return -1;
	ret->leftovers += runs;
	return strays_remove(store, &used, &kept, ret, err);
}
