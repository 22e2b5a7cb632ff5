/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/make/draft.h"

#include "base/list.h"
#include "rootfs-tools/image/index.h"
#include "rootfs-tools/image/layer_read.h"

#define MANIFEST_TYPE	"application/vnd.oci.image.manifest.v1+json"
#define CONFIG_TYPE	"application/vnd.oci.image.config.v1+json"

/* Docker's names of the same things: one manifest does not mix both. */
static const struct {
	const char *docker, *oci;
} types[] = {
	{ "application/vnd.docker.image.rootfs.diff.tar.gzip",
	  "application/vnd.oci.image.layer.v1.tar+gzip" },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd",
	  "application/vnd.oci.image.layer.v1.tar+zstd" },
	{ "application/vnd.docker.image.rootfs.diff.tar",
	  "application/vnd.oci.image.layer.v1.tar" },
};

static const char *oci_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(type, types[i].docker) == 0)
			return types[i].oci;
	return type;
}

void draft_begin(struct arena *arena, const struct platform *platform, struct draft *ret)
{
	*ret = (struct draft){ .arena = arena };
	ret->config = json_new(arena, JSON_OBJECT);
	ret->manifest = json_new(arena, JSON_OBJECT);
	json_set_string(arena, ret->config, "architecture", platform->architecture);
	json_set_string(arena, ret->config, "os", platform->os);
	if (platform->variant[0] != '\0')
		json_set_string(arena, ret->config, "variant", platform->variant);
}

void draft_begin_image(struct arena *arena, const struct image *image, struct draft *ret)
{
	draft_begin(arena, &image->platform, ret);
	ret->base = image;
	if (image->config.root != NULL)
		ret->config = json_copy(arena, image->config.root);
	if (image->kind == IMAGE_OCI && image->manifest.root != NULL)
		ret->manifest = json_copy(arena, image->manifest.root);
	for (size_t i = 0; i < image->layers.count; i++) {
		const struct image_layer *from = &image->layers.items[i];
		struct draft_layer layer = {
			.media_type = oci_type(from->descriptor.media_type),
			.digest = from->descriptor.digest, .diff_id = from->diff_id,
			.size = from->descriptor.size, .from_base = true, .base = i,
		};

		if (from->descriptor.json != NULL)
			layer.descriptor = json_copy(arena, from->descriptor.json);
		LIST_ADD(ret->arena, &ret->layers, layer);
	}
}

void draft_add_layer(struct draft *d, const struct layer_result *layer)
{
	*LIST_NEW(d->arena, &d->layers) = (struct draft_layer){
		.media_type = layer->media_type, .digest = layer->blob.digest,
		.diff_id = layer->diff_id, .size = layer->blob.size,
	};
}

struct json *draft_settings(struct draft *d)
{
	return json_demand(d->arena, d->config, "config", JSON_OBJECT);
}

/* --- history -------------------------------------------------------------------------- */

static bool is_empty_layer(const struct json *entry)
{
	const struct json *empty = json_member(entry, "empty_layer");

	return empty != NULL && empty->type == JSON_BOOL && empty->truth;
}

void draft_add_history(struct draft *d, const struct draft_history *h)
{
	struct json *list = json_demand(d->arena, d->config, "history", JSON_ARRAY);
	struct json *entry = json_new(d->arena, JSON_OBJECT);

	json_set_string(d->arena, entry, "created", epoch_created(d->arena, &d->epoch));
	if (h->author != NULL)
		json_set_string(d->arena, entry, "author", h->author);
	if (h->created_by != NULL)
		json_set_string(d->arena, entry, "created_by", h->created_by);
	if (h->comment != NULL)
		json_set_string(d->arena, entry, "comment", h->comment);
	if (h->empty_layer)
		json_set(d->arena, entry, "empty_layer", json_new_bool(d->arena, true));
	json_push(list, entry);
}

void draft_drop_history(struct draft *d, size_t count)
{
	const struct json *old = json_member(d->config, "history");
	const struct json **end;
	size_t layers = 0, keep;
	struct json *kept;

	if (old == NULL || old->type != JSON_ARRAY)
		return;
	JSON_EACH(entry, old)
		layers += !is_empty_layer(entry);
	/* A history that does not fit the layers tells nothing about what remains. */
	keep = layers == d->layers.count && layers >= count ? layers - count : 0;
	kept = json_copy(d->arena, old);
	kept->count = 0;
	for (end = &kept->first; keep > 0; end = &((struct json *)(uintptr_t)*end)->next) {
		keep -= !is_empty_layer(*end);
		kept->count++;
	}
	*end = NULL;
	json_set(d->arena, d->config, "history", kept);
}

/* --- saving --------------------------------------------------------------------------- */

static int copy_stored(struct draft *d, struct draft_layer *layer, struct writer *writer,
		       struct error *err)
{
	_cleanup_stream struct stream *stream = NULL;
	struct stored stored;
	struct blob blob;
	const unsigned char *data;
	struct sink *sink;
	ssize_t n;

	if (image_layer_open(d->base, layer->base, &blob, err) < 0)
		return -1;
	/* As it is: uncompressed for the stream, which verifies the digest of these very bytes. */
	stream = stream_open(&blob, layer->digest.text, COMPRESSION_NONE, &layer->digest, NULL,
			     NULL, err);
	if (stream == NULL || writer_blob_begin(writer, &sink, err) < 0)
		return -1;
	while ((n = stream_next(stream, &data, err)) > 0)
		if (sink_write(sink, data, (size_t)n, err) < 0)
			return -1;
	return n < 0 || stream_finish(stream, &(struct stream_result){ 0 }, err) < 0 ?
		       -1 : writer_blob_end(writer, &stored, err);
}

/* The tar in another compression than it has. */
static int copy_tar(struct draft *d, struct draft_layer *layer, struct writer *writer,
		    const struct compress_choice *choice, struct error *err)
{
	_cleanup_layer struct layer_writer *out = NULL;
	struct layer_result result;

	if (layer_begin(d->arena, writer, choice, &d->epoch, &out, err) < 0 ||
	    layer_read_tar(d->arena, d->base, layer->base, &out->sink, err) < 0 ||
	    layer_end(out, &result, err) < 0)
		return -1;
	*layer = (struct draft_layer){ .media_type = result.media_type,
				       .digest = result.blob.digest, .diff_id = result.diff_id,
				       .size = result.blob.size };
	return 0;
}

/* Only sha256 has a folder that a writer makes. */
static bool may_copy(const struct draft *d, const struct draft_layer *layer)
{
	return d->base->kind == IMAGE_OCI && strncmp(layer->digest.text, "sha256:", 7) == 0 &&
	       layer->descriptor != NULL;
}

static int save_layers(struct draft *d, struct writer *w, struct error *err)
{
	static const struct compress_choice none = { COMPRESS_NONE, 0 };
	bool docker = w->kind == WRITER_DOCKER_ARCHIVE;

	for (size_t i = 0; i < d->layers.count; i++) {
		struct draft_layer *layer = &d->layers.items[i];
		int status = 0;

		if (!layer->from_base)
			continue;
		if (docker || !may_copy(d, layer))
			status = copy_tar(d, layer, w, docker ? &none : &d->compress, err);
		else if (!writer_has(w, &layer->digest, layer->size))
			status = copy_stored(d, layer, w, err);
		if (status < 0)
			return error_wrap(err, "copy layer %zu", i + 1);
	}
	return 0;
}

static struct json *new_descriptor(struct arena *arena, const char *type,
				   const struct digest *digest, uint64_t size)
{
	struct json *descriptor = json_new(arena, JSON_OBJECT);

	json_set_string(arena, descriptor, "mediaType", type);
	json_set_string(arena, descriptor, "digest", digest->text);
	json_set(arena, descriptor, "size", json_new_u64(arena, size));
	return descriptor;
}

static int save_config(struct draft *d, struct writer *w, struct stored *ret, struct error *err)
{
	struct json *rootfs = json_demand(d->arena, d->config, "rootfs", JSON_OBJECT);
	struct json *diff_ids = json_new(d->arena, JSON_ARRAY);
	struct text text = { .arena = d->arena };

	for (size_t i = 0; i < d->layers.count; i++)
		json_push(diff_ids, json_new_string(d->arena, d->layers.items[i].diff_id.text));
	json_set_string(d->arena, rootfs, "type", "layers");
	json_set(d->arena, rootfs, "diff_ids", diff_ids);
	json_print(&text, d->config);
	w->is_config = true;
	if (writer_blob(w, text.data, text.size, ret, err) < 0)
		return error_wrap(err, "config");
	w->is_config = false;
	return 0;
}

static int save_manifest(struct draft *d, struct writer *w, const struct stored *config,
			 struct stored *ret, struct error *err)
{
	struct json *layers = json_new(d->arena, JSON_ARRAY);
	struct text text = { .arena = d->arena };

	for (size_t i = 0; i < d->layers.count; i++) {
		const struct draft_layer *layer = &d->layers.items[i];
		struct json *descriptor = layer->descriptor;

		if (descriptor == NULL)
			descriptor = new_descriptor(d->arena, layer->media_type, &layer->digest,
						    layer->size);
		json_set_string(d->arena, descriptor, "mediaType", layer->media_type);
		json_push(layers, descriptor);
	}
	json_set(d->arena, d->manifest, "schemaVersion", json_new_u64(d->arena, 2));
	json_set_string(d->arena, d->manifest, "mediaType", MANIFEST_TYPE);
	json_set(d->arena, d->manifest, "config",
		 new_descriptor(d->arena, CONFIG_TYPE, &config->digest, config->size));
	json_set(d->arena, d->manifest, "layers", layers);
	json_print(&text, d->manifest);
	if (writer_blob(w, text.data, text.size, ret, err) < 0)
		return error_wrap(err, "manifest");
	return 0;
}

/* [{"Config": …, "RepoTags": […], "Layers": […]}] */
static int commit_docker(struct draft *d, struct writer *w, const struct stored *config,
			 struct error *err)
{
	struct json *list = json_new(d->arena, JSON_ARRAY),
		    *entry = json_new(d->arena, JSON_OBJECT);
	struct json *tags = json_new(d->arena, JSON_ARRAY),
		    *layers = json_new(d->arena, JSON_ARRAY);
	struct text text = { .arena = d->arena };

	if (w->tag != NULL) {
		const char *slash = strrchr(w->tag, '/');
		bool tagged = strchr(slash != NULL ? slash : w->tag, ':') != NULL;

		json_push(tags, json_new_string(d->arena, arena_printf(d->arena, "%s%s", w->tag,
								       tagged ? "" : ":latest")));
	}
	for (size_t i = 0; i < d->layers.count; i++)
		json_push(layers, json_new_string(d->arena, writer_docker_name(
			d->arena, &d->layers.items[i].digest, false)));
	json_set_string(d->arena, entry, "Config",
			writer_docker_name(d->arena, &config->digest, true));
	json_set(d->arena, entry, "RepoTags", tags);
	json_set(d->arena, entry, "Layers", layers);
	json_push(list, entry);
	json_print(&text, list);
	return writer_commit(w, text.data, text.size, err);
}

int draft_save(struct draft *d, struct writer *w, struct stored *ret, struct error *err)
{
	struct stored config, manifest;
	struct json *descriptor;

	json_set_string(d->arena, d->config, "created",
			d->created != NULL ? d->created : epoch_created(d->arena, &d->epoch));
	if (save_layers(d, w, err) < 0 || save_config(d, w, &config, err) < 0)
		return -1;
	if (w->kind == WRITER_DOCKER_ARCHIVE) {
		*ret = config;
		return commit_docker(d, w, &config, err);
	}
	if (save_manifest(d, w, &config, &manifest, err) < 0)
		return -1;
	*ret = manifest;
	descriptor = new_descriptor(d->arena, MANIFEST_TYPE, &manifest.digest, manifest.size);
	return index_commit(w, d->base != NULL ? &d->base->manifest.descriptor.digest : NULL,
			    descriptor, err);
}
