/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/list.h"
#include "rootfs-tools/bundle/image_config.h"
#include "rootfs-tools/bundle/user.h"
#include "rootfs-tools/progress.h"
#include "rootfs-tools/smoke/subject.h"
#include "rootfs-tools/store/store.h"
#include "rootfs-tools/unpack/id_maps.h"

/*
 * An image: its layers in the store, where they are unpacked once, and the configuration that
 * "kist rootfs bundle" would make.  Nothing of it is written anywhere else.
 */
struct opening {
	struct arena *arena;
	struct subject *subject;
	struct image image;
	struct store *store;
	struct store_layer *layers;	/* the lowest first */
	struct error *err;
};

static void add_words(struct arena *arena, const struct json *object, const char *key,
		      word_list *list)
{
	const struct json *value = json_member(object, key);

	if (value == NULL || (value->type != JSON_ARRAY && value->type != JSON_OBJECT))
		return;
	JSON_EACH(item, value) {
		/* ExposedPorts and Volumes are sets: objects of empty objects. */
		const char *word = value->type == JSON_OBJECT ? item->key :
				   item->type == JSON_STRING ? item->text : NULL;

		if (word != NULL)
			LIST_ADD(arena, list, word);
	}
}

static const char *word_of(const struct json *object, const char *key)
{
	const struct json *value = json_member(object, key);

	return value != NULL && value->type == JSON_STRING ? value->text : NULL;
}

static void read_metadata(struct opening *o)
{
	const struct json *config = json_member(o->image.config.root, "config");
	struct subject *subject = o->subject;

	subject->has_image_config = o->image.config.root != NULL;
	subject->architecture = word_of(o->image.config.root, "architecture");
	if (config == NULL)
		return;
	add_words(o->arena, config, "Entrypoint", &subject->entrypoint);
	add_words(o->arena, config, "Cmd", &subject->cmd);
	add_words(o->arena, config, "Env", &subject->env);
	add_words(o->arena, config, "ExposedPorts", &subject->exposed);
	add_words(o->arena, config, "Volumes", &subject->volumes);
	subject->labels = json_member(config, "Labels");
	subject->user = word_of(config, "User");
	subject->workdir = word_of(config, "WorkingDir");
	subject->stop_signal = word_of(config, "StopSignal");
}

/* What made each layer, from the history; those without a layer are left out there. */
static void name_layers(struct opening *o)
{
	const struct json *history = json_member(o->image.config.root, "history");
	const struct json *step = history != NULL ? history->first : NULL;

	for (size_t i = 0; i < o->image.layers.count; i++) {
		struct subject_layer *layer = LIST_NEW(o->arena, &o->subject->layers);
		const struct json *empty;

		while (step != NULL && (empty = json_member(step, "empty_layer")) != NULL &&
		       empty->type == JSON_BOOL && empty->truth)
			step = step->next;
		layer->created_by = step != NULL ? word_of(step, "created_by") : NULL;
		layer->name = arena_printf(o->arena, "%zu: %s", i + 1, layer->created_by != NULL ?
					   layer->created_by : o->layers[i].key);
		layer->size = o->layers[i].bytes;
		step = step != NULL ? step->next : NULL;
	}
}

/* A layer that comes twice counts where it is highest: overlayfs takes no directory twice. */
static void add_directories(struct opening *o)
{
	for (size_t i = o->image.layers.count; i-- > 0;) {
		const char *path = arena_printf(o->arena, "%s/l/%s", o->store->path,
						o->layers[i].name);
		bool there = false;

		LIST_EACH(known, o->subject->directories)
			there = there || strcmp(*known, path) == 0;
		if (!there)
			LIST_ADD(o->arena, &o->subject->directories, path);
		if (o->layers[i].hides_all)
			break;
	}
}

static int find_user(struct opening *o, const char *text, struct make_options *make)
{
	size_t count = o->image.layers.count;
	int *fds = ARENA_NEWS(o->arena, count + 1, int);
	struct overlay overlay = { .arena = o->arena, .layer_fds = fds,
				   .user_xattr = o->store->user_xattr };
	struct image_user user;
	int result = -1;

	while (overlay.count < count) {
		const struct store_layer *layer =
			&o->layers[o->image.layers.count - 1 - overlay.count];
		int fd = store_layer_open(o->store, layer, o->err);

		if (fd < 0)
			break;
		fds[overlay.count++] = fd;
		if (layer->hides_all)
			count = overlay.count;
	}
	if (overlay.count == count)
		result = image_user_find(&overlay, text, &user, o->err);
	while (overlay.count > 0)
		fd_close(&fds[--overlay.count]);
	if (result < 0)
		return -1;
	make->user = arena_printf(o->arena, "%u:%u", user.uid, user.gid);
	LIST_EACH(group, user.groups)
		LIST_ADD(o->arena, &make->groups, *group);
	return 0;
}

static int make_config(struct opening *o, const struct subject_options *options)
{
	struct make_options make = {
		.rootfs = "/", .capabilities = MAKE_CAPABILITIES_IMAGE, .net = MAKE_NET_PRIVATE,
	};
	const char *user, *text;

	for (size_t i = 0; i < options->arg_count; i++)
		LIST_ADD(o->arena, &make.args, options->args[i]);
	/* What is said behind "--" is all that is run, so that nobody needs to know its parts. */
	if (image_config_apply_to(o->arena, &o->image, options->arg_count > 0 ? "" : NULL, &make,
				  &user, o->err) < 0 || find_user(o, user, &make) < 0)
		return -1;
	text = config_make(o->arena, &make, o->err);
	if (text == NULL)
		return -1;
	o->subject->source = (struct json_source){ "config.json", text, strlen(text) };
	o->subject->config = json_parse(o->arena, &o->subject->source, o->err);
	return o->subject->config != NULL ? 0 : -1;
}

static int open_layers(struct opening *o, const struct subject_options *options)
{
	_cleanup_progress struct progress progress;
	struct unpack_options unpack = { .rootless = ids_are_one(),
					 .progress = progress_show,
					 .context = &progress };

	progress_begin(&progress, "unpack");
	/* Never closed: its lock holds the layers as long as the run. */
	if (store_open(o->arena, options->store, STORE_USE, o->store, o->err) < 0)
		return -1;
	o->layers = ARENA_NEWS(o->arena, o->image.layers.count + 1, struct store_layer);
	return store_add_image(o->store, &o->image, &unpack, o->layers, o->err);
}

int subject_image(struct arena *arena, const char *word, const struct subject_options *options,
		  struct subject *ret, struct error *err)
{
	const struct image_options image_options = { .platform = options->platform };
	struct opening o = { .arena = arena, .subject = ret, .image = IMAGE_NONE, .err = err,
			     .store = ARENA_NEW(arena, struct store) };
	int result = -1;

	*o.store = (struct store)STORE_NONE;
	ret->kind = SUBJECT_IMAGE;
	if (image_open(arena, word, &image_options, &o.image, err) < 0)
		return -1;
	if (o.image.layers.count == 0)
		error_set(err, "%s: has no layers to run", word);
	else if (open_layers(&o, options) == 0 && make_config(&o, options) == 0)
		result = 0;
	if (result == 0) {
		read_metadata(&o);
		name_layers(&o);
		add_directories(&o);
		ret->bundle = o.store->path;
	}
	image_close(&o.image);
	return result;
}
