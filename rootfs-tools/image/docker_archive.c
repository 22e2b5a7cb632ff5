/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "rootfs-tools/image/layout.h"

/*
 * manifest.json: an array with an object for each image: "Config", a file; "RepoTags", names;
 * "Layers", files, the lowest first.  Only the config has a digest, in its file's name; its
 * diff_ids are what the layers are held against.
 */

/* "debian" means "debian:latest", and registries may be left out. */
static bool name_matches(const char *name, const char *wanted)
{
	size_t length = strlen(name), end = strlen(wanted);
	const char *colon = strrchr(wanted, ':');
	bool has_tag = colon != NULL && strchr(colon, '/') == NULL;

	if (!has_tag) {
		if (length < 7 || strcmp(name + length - 7, ":latest") != 0)
			return false;
		length -= 7;
	}
	if (length < end || strncmp(name + length - end, wanted, end) != 0)
		return false;
	return length == end || name[length - end - 1] == '/';
}

/* The name that matches: of an image without a wish, its first. */
static bool is_wanted(const struct json *entry, const char *wanted, const char **ret_tag)
{
	const struct json *tags = json_member(entry, "RepoTags");

	if (tags == NULL || tags->type != JSON_ARRAY)
		return wanted == NULL;
	JSON_EACH(tag, tags) {
		const char *colon = tag->type == JSON_STRING ? strrchr(tag->text, ':') : NULL;

		if (tag->type != JSON_STRING)
			continue;
		/* A tag alone will do, too: "oci-archive:x.tar:12" and this read the same. */
		if (wanted == NULL || name_matches(tag->text, wanted) ||
		    (colon != NULL && strcmp(colon + 1, wanted) == 0)) {
			*ret_tag = tag->text;
			return true;
		}
	}
	return wanted == NULL;
}

static void add_tags(struct text *seen, const struct json *entry)
{
	const struct json *tags = json_member(entry, "RepoTags");

	if (tags == NULL || tags->type != JSON_ARRAY)
		return;
	JSON_EACH(tag, tags)
		if (tag->type == JSON_STRING && seen->size < 400)
			text_printf(seen, "%s%s", seen->size > 0 ? ", " : "", tag->text);
}

static const struct json *entry_find(struct image *image, const struct selection *selection,
				     struct error *err)
{
	const struct json *found = NULL, *root = image->index.root;
	struct text seen = { .arena = image->arena };

	if (root->type != JSON_ARRAY || root->count == 0) {
		document_error(image->arena, &image->index.source, root, err,
			       "must be an array of images");
		return NULL;
	}
	JSON_EACH(entry, root) {
		const char *tag = NULL;

		add_tags(&seen, entry);
		if (!is_wanted(entry, selection->tag, &tag))
			continue;
		if (found != NULL) {
			error_set(err, "there are several images: name one with :NAME:TAG");
			error_hint(err, "there is: %s", seen.size > 0 ? seen.data : "no name");
			return NULL;
		}
		found = entry;
		image->tag = tag;
	}
	if (found == NULL)
		error_set(err, "no image is named \"%s\"; there is: %s", selection->tag,
			  seen.size > 0 ? seen.data : "none with a name");
	return found;
}

/* The config's name has its sha256 in it: with ".json" behind, or "blobs/sha256/" in front. */
static int config_digest_check(struct image *image, const char *name, struct error *err)
{
	const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
	const struct digest *digest = &image->config.descriptor.digest;

	if (strncmp(base, "sha256:", 7) == 0)
		base += 7;
	if (strspn(base, "0123456789abcdef") != 64)
		return 0;
	if (strncmp(digest_hex(digest), base, 64) != 0)
		return error_set(err, "config %s: its bytes have the digest %s", name,
				 digest->text);
	return 0;
}

static int layers_read(struct image *image, const struct json *layers, struct error *err)
{
	const struct json_source *source = &image->index.source;
	size_t count = 0;

	if (layers == NULL || layers->type != JSON_ARRAY)
		return document_error(image->arena, source,
				      layers != NULL ? layers : image->index.root, err,
				      "must have an array \"Layers\"");
	if (layers->count > IMAGE_MAX_LAYERS)
		return document_error(image->arena, source, layers, err, "has %u layers, and at "
				      "most %d are unpacked", layers->count, IMAGE_MAX_LAYERS);
	image->layers.items = ARENA_NEWS(image->arena, layers->count + 1, struct image_layer);
	JSON_EACH(item, layers) {
		struct image_layer *layer = &image->layers.items[count];
		struct blob blob;

		if (item->type != JSON_STRING)
			return document_error(image->arena, source, item, err,
					      "must be the name of a layer");
		if (image_file_open(image, item->text, &blob, err) < 0)
			return error_wrap(err, "layer %zu", count + 1);
		close(blob.fd);
		layer->compression = COMPRESSION_DETECT;
		layer->member = item->text;
		layer->descriptor.media_type = "";
		layer->descriptor.size = blob.size;
		count++;
	}
	image->layers.count = count;
	return 0;
}

int docker_archive_load(struct image *image, const struct selection *selection,
			struct error *err)
{
	const struct json *entry;
	const char *config;

	if (image_file_read(image, "manifest.json", &image->index, err) < 0)
		return -1;
	entry = entry_find(image, selection, err);
	if (entry == NULL)
		return -1;
	if (digest_is_set(&selection->digest))
		return error_set(err, "a docker-archive has no digests of images: name one with "
				 ":NAME:TAG");
	config = document_string(image->arena, &image->index.source, entry, "Config", err);
	if (config == NULL || image_file_read(image, config, &image->config, err) < 0 ||
	    config_digest_check(image, config, err) < 0 ||
	    layers_read(image, json_member(entry, "Layers"), err) < 0)
		return -1;
	return image_config_apply(image, selection, err);
}
