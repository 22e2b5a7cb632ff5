/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "config/json_write.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/store/overlay.h"

enum { NAME_LENGTH = 4, NAME_TRIES = 8 };

/* A layer on its way into the store. */
struct draft {
	struct publish publish;
	const char *name;
	bool begun;
	bool damaged;			/* its record, which is to be replaced */
};

/* --- keys and names --------------------------------------------------------------------- */

/* What nobody else has, for names and for tars that nothing can name twice. */
static const char *random_name(struct arena *arena, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char bytes[16] = { 0 };
	char *name = arena_alloc(arena, length + 1);

	(void)!getrandom(bytes, sizeof(bytes), 0);
	for (size_t i = 0; i < length; i++)
		name[i] = letters[bytes[i] % (sizeof(letters) - 1)];
	return name;
}

static const char *layer_key(struct arena *arena, const struct image *image, size_t i)
{
	const struct digest *diff_id = &image->layers.items[i].diff_id;
	struct stat st;
	char *key;

	if (digest_is_set(diff_id)) {
		key = arena_strdup(arena, diff_id->text);
		*strchr(key, ':') = '-';
		return key;
	}
	if (fstat(image->file_fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink == 0)
		return arena_printf(arena, "once-%s", random_name(arena, 12));
	return arena_printf(arena, "file-%llx-%llx-%llx-%llx.%lx-%llx.%lx",
			    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
			    (unsigned long long)st.st_size, (unsigned long long)st.st_mtim.tv_sec,
			    (unsigned long)st.st_mtim.tv_nsec,
			    (unsigned long long)st.st_ctim.tv_sec,
			    (unsigned long)st.st_ctim.tv_nsec);
}

/* The layer upon those below it: the chain id of the image spec. */
static const char *chain_key(const struct store *store, const struct image *image, size_t i)
{
	struct digest chain = image->layers.items[0].diff_id;
	char *key;

	for (size_t j = 1; j <= i; j++) {
		const char *pair = arena_printf(store->arena, "%s %s", chain.text,
						image->layers.items[j].diff_id.text);

		digest_of(pair, strlen(pair), &chain);
	}
	key = arena_printf(store->arena, "chain-%s", chain.text);
	*strchr(key, ':') = '-';
	return key;
}

/* By itself, or upon its lower layers: which of the two it is, its first unpacking has shown. */
static int layer_find(const struct store *store, const struct image *image, size_t i,
		      struct store_layer *ret, struct error *err)
{
	int found = store_find(store, layer_key(store->arena, image, i), ret, err);

	if (found == 0 && digest_is_set(&image->layers.items[i].diff_id))
		return store_find(store, chain_key(store, image, i), ret, err);
	return found;
}

/* --- in ---------------------------------------------------------------------------------- */

/* Four letters: the shorter, the more layers go into one string of an older kernel (overlay.h). */
static int draft_begin(const struct store *store, struct draft *draft, struct error *err)
{
	for (int tries = 0; tries < NAME_TRIES; tries++) {
		draft->name = random_name(store->arena, NAME_LENGTH);
		draft->publish = (struct publish)PUBLISH_NONE;
		if (publish_begin(store->data_fd, draft->name, &draft->publish, err) == 0) {
			draft->begun = true;
			return 0;
		}
		if (err->code != EEXIST)
			break;
	}
	return error_wrap(err, "add a layer to the store %s", store->path);
}

/* Nothing had the name when it began; of so few there may be something by now. */
static int draft_publish(const struct store *store, struct draft *draft, struct error *err)
{
	for (int tries = 0; tries < NAME_TRIES; tries++) {
		if (publish_commit(&draft->publish, err) == 0)
			return 0;
		if (err->code != EEXIST)
			break;
		draft->name = random_name(store->arena, NAME_LENGTH);
		snprintf(draft->publish.name, sizeof(draft->publish.name), "%s", draft->name);
	}
	return -1;
}

static int record_write(const struct store *store, const struct store_layer *layer,
			struct error *err)
{
	struct json_writer w = { .text = { .arena = store->arena }, .indent = "\t" };

	json_write_object(&w, NULL);
	json_write_string(&w, "directory", layer->name);
	json_write_string(&w, "marks", store->user_xattr ? "user" : "trusted");
	json_write_u64(&w, "entries", layer->entries);
	json_write_u64(&w, "bytes", layer->bytes);
	json_write_u64(&w, "made", (uint64_t)layer->made);
	json_write_bool(&w, "root", layer->has_root);
	json_write_bool(&w, "hides", layer->hides_all);
	json_write_string(&w, "fingerprint", layer->fingerprint);
	json_write_end(&w);
	return file_replace(store->layers_fd, layer->key, w.text.data, w.text.size, 0600, err);
}

/* What the layer is laid upon, the highest first. */
struct stack {
	struct overlay overlay;
	int *fds;			/* owned; the lowest last */
};

static int stack_open(const struct store *store, const struct store_layer *layers, size_t count,
		      struct stack *ret, struct error *err)
{
	ret->fds = ARENA_NEWS(store->arena, count + 1, int);
	ret->overlay = (struct overlay){ store->arena, ret->fds, 0, store->user_xattr };
	for (size_t i = count; i > 0; i--) {
		int fd = store_layer_open(store, &layers[i - 1], err);

		if (fd < 0)
			return -1;
		ret->fds[ret->overlay.count++] = fd;
		if (layers[i - 1].hides_all)
			break;
	}
	return 0;
}

static void stack_close(struct stack *stack)
{
	while (stack->overlay.count > 0)
		fd_close(&stack->fds[--stack->overlay.count]);
}

static int draft_adopt(const struct store *store, const struct image *image, size_t layer,
		       int root_fd, struct store_layer *layers, struct error *err)
{
	struct stack lower = { 0 };
	bool depends = false;
	size_t below = layers[layer].hides_all ? 0 : layer;
	int result = stack_open(store, layers, below, &lower, err);

	if (result == 0)
		result = store_adopt(&lower.overlay, root_fd, &depends, err);
	stack_close(&lower);
	if (result == 0 && depends && digest_is_set(&image->layers.items[layer].diff_id))
		layers[layer].key = chain_key(store, image, layer);
	return result;
}

/* The directory first: a record never names one that is not there. */
static int draft_commit(const struct store *store, const struct image *image,
			struct draft *draft, const struct unpack_target *target,
			struct store_layer *layers, struct error *err)
{
	struct store_layer *layer = &layers[target->layer], there;
	int root_fd = draft->publish.root_fd, found;

	layer->entries = target->report.entries;
	layer->bytes = target->report.bytes;
	layer->made = time(NULL);
	layer->has_root = target->report.has_root;
	layer->hides_all = target->report.hides_all;
	if (draft_adopt(store, image, target->layer, root_fd, layers, err) < 0)
		return -1;
	/* Another kist, or the same image, has brought it meanwhile: one is enough. */
	if (!draft->damaged && (found = store_find(store, layer->key, &there, err)) != 0) {
		if (found > 0)
			*layer = there;
		return found > 0 ? 0 : -1;
	}
	if (store_fingerprint(store->arena, root_fd, &layer->fingerprint, err) < 0 ||
	    draft_publish(store, draft, err) < 0)
		return -1;
	layer->name = draft->name;
	return record_write(store, layer, err);
}

struct batch {
	struct draft *drafts;
	struct unpack_target *targets;
	size_t count;
};

/* The layers that are not there. */
static int batch_begin(const struct store *store, const struct image *image,
		       struct store_layer *layers, struct batch *batch, struct error *err)
{
	for (size_t i = 0; i < image->layers.count; i++) {
		int found = layer_find(store, image, i, &layers[i], err);

		if (found < 0)
			return -1;
		if (found)
			continue;
		layers[i] = (struct store_layer){ .key = layer_key(store->arena, image, i) };
		batch->drafts[batch->count].damaged =
			faccessat(store->layers_fd, layers[i].key, F_OK, 0) == 0;
		if (draft_begin(store, &batch->drafts[batch->count], err) < 0)
			return -1;
		batch->targets[batch->count] = (struct unpack_target){
			.layer = i, .dir_fd = batch->drafts[batch->count].publish.root_fd,
		};
		batch->count++;
	}
	return 0;
}

int store_add_image(const struct store *store, const struct image *image,
		    const struct unpack_options *options, struct store_layer *ret,
		    struct error *err)
{
	size_t count = image->layers.count;
	struct unpack_options overlay = *options;
	struct batch batch = {
		.drafts = ARENA_NEWS(store->arena, count + 1, struct draft),
		.targets = ARENA_NEWS(store->arena, count + 1, struct unpack_target),
	};
	int result;

	overlay.mode = UNPACK_OVERLAY;
	overlay.user_xattr = store->user_xattr;
	result = batch_begin(store, image, ret, &batch, err);
	if (result == 0 && batch.count > 0)
		result = unpack_each(image, batch.targets, batch.count, &overlay, err);
	/* From below: each is laid upon those that are in the store then. */
	for (size_t i = 0; i < batch.count && result == 0; i++)
		result = draft_commit(store, image, &batch.drafts[i], &batch.targets[i], ret, err);
	for (size_t i = 0; i < count; i++)
		if (batch.drafts[i].begun)
			publish_abort(&batch.drafts[i].publish);
	return result;
}

/* --- out --------------------------------------------------------------------------------- */

int store_forget(const struct store *store, const struct store_layer *layer, struct error *err)
{
	if (unlinkat(store->layers_fd, layer->key, 0) < 0 && errno != ENOENT)
		return error_errno(err, "remove %s from the store", layer->key);
	return 0;
}

int store_remove(const struct store *store, const struct store_layer *layer, struct error *err)
{
	if (store_forget(store, layer, err) < 0)
		return -1;
	if (tree_remove(store->data_fd, layer->name, err) < 0)
		return error_wrap(err, "remove %s from the store", layer->key);
	return 0;
}

int store_verify(const struct store *store, const struct store_layer *layer,
		 const char **ret_what, struct error *err)
{
	_cleanup_fd int fd = store_layer_open(store, layer, err);
	const char *now;

	if (fd < 0 || store_fingerprint(store->arena, fd, &now, err) < 0) {
		*ret_what = arena_strdup(store->arena, err->text);
		return 0;
	}
	*ret_what = "changed since it was unpacked";
	return strcmp(now, layer->fingerprint) == 0;
}
