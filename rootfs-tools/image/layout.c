/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/layout.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "rootfs-tools/json_edit.h"

bool media_type_is_index(const char *type)
{
	return strcmp(type, IMAGE_TYPE_INDEX) == 0 ||
	       strcmp(type, "application/vnd.docker.distribution.manifest.list.v2+json") == 0;
}

bool media_type_is_manifest(const char *type)
{
	return strcmp(type, "application/vnd.oci.image.manifest.v1+json") == 0 ||
	       strcmp(type, "application/vnd.docker.distribution.manifest.v2+json") == 0;
}

bool descriptor_is_attestation(const struct descriptor *descriptor)
{
	const char *type = json_text(json_member(descriptor->json, "annotations"),
				     "vnd.docker.reference.type");

	return type != NULL && strcmp(type, "attestation-manifest") == 0;
}

/* --- which manifest -------------------------------------------------------------------- */

/* A document that was looked into. */
struct known {
	struct digest_node node;
	struct digest digest;
	bool known[2];			/* an index: chosen or not */
	bool is_read, is_artifact;	/* a manifest */
};

/* What the search has found so far. */
struct search {
	struct image *image;
	const struct selection *selection;
	struct descriptor found;
	const char *tag;
	unsigned int match;		/* how well its platform fits */
	bool ambiguous;			/* as well as another one of another name */
	bool images;			/* there are some, of whatever platform */
	const char *artifact;		/* the type of one that is no image; NULL: none */
	struct text seen;		/* platforms or tags, for the error */
	struct digest_node *known;
};

static const char *ref_name(const struct json *descriptor)
{
	return json_text(json_member(descriptor, "annotations"), IMAGE_REF_NAME);
}

static void note_seen(struct search *search, const char *what)
{
	if (search->seen.size < 400)
		text_printf(&search->seen, "%s%s", search->seen.size > 0 ? ", " : "", what);
}

static void consider(struct search *search, const struct descriptor *descriptor, const char *tag)
{
	const struct json *json = json_member(descriptor->json, "platform");
	struct platform platform = { 0 };
	unsigned int match = 1;

	search->images = true;
	if (json != NULL) {
		platform_read(json, &platform);
		match = platform_match(&search->selection->platform, &platform);
		if (strcmp(platform.os, "unknown") != 0)
			note_seen(search, platform_text(search->image->arena, &platform));
	} else {
		note_seen(search, tag != NULL ? tag : "one of no platform");
	}
	if (match == 0 && search->selection->any_platform && search->match == 0 &&
	    strcmp(platform.os, "unknown") != 0 && search->found.media_type == NULL)
		match = 1;	/* better than none: the first */
	if (match == 0 || match < search->match)
		return;
	if (match == search->match) {
		search->ambiguous |= !digest_equal(&descriptor->digest, &search->found.digest) &&
				     (json == NULL || tag != search->tag);
		return;
	}
	search->ambiguous = false;
	search->match = match;
	search->found = *descriptor;
	search->tag = tag;
}

static int index_search(struct search *search, const struct document *index, unsigned int depth,
			const char *tag, bool chosen, struct error *err);

static struct known *known_of(struct search *search, const struct digest *digest)
{
	struct digest_node **at = digest_find(&search->known, digest);
	struct known *it = (struct known *)*at;

	if (it == NULL) {
		it = ARENA_NEW(search->image->arena, struct known);
		it->digest = *digest;
		it->node.digest = &it->digest;
		*at = &it->node;
	}
	return it;
}

/*
 * Once is enough: a few MB are room for thousands of entries that all name one index, whose
 * entries name another.  What was not chosen then may be chosen now.
 */
static bool is_known(struct search *search, const struct digest *digest, bool chosen)
{
	struct known *it = known_of(search, digest);
	bool known = it->known[chosen];

	it->known[chosen] = true;
	return known;
}

/*
 * Descriptors need not tell artifacts from images, but those of images in an index mostly have a
 * platform.  Where the manifest cannot be read, whoever takes it says why.
 */
static bool is_artifact(struct search *search, const struct descriptor *descriptor)
{
	_cleanup_arena struct arena arena = { 0 };
	struct image image = *search->image; /* borrowed: it is not closed */
	struct known *it;
	struct error ignored;

	if (json_member(descriptor->json, "platform") != NULL &&
	    json_member(descriptor->json, "artifactType") == NULL)
		return false;
	it = known_of(search, &descriptor->digest);
	if (it->is_read)
		return it->is_artifact;
	it->is_read = true;
	image.arena = &arena;
	if (image_document_read(&image, descriptor, "manifest", &image.manifest, &ignored) < 0)
		return false;
	it->is_artifact = manifest_is_artifact(image.manifest.root);
	if (it->is_artifact && search->artifact == NULL)
		search->artifact = arena_strdup(search->image->arena,
						manifest_artifact_type(image.manifest.root));
	return it->is_artifact;
}

static int entry_search(struct search *search, const struct descriptor *descriptor,
			unsigned int depth, const char *tag, bool chosen, struct error *err)
{
	struct document document;

	if (media_type_is_manifest(descriptor->media_type)) {
		if (chosen && !descriptor_is_attestation(descriptor) &&
		    !is_artifact(search, descriptor))
			consider(search, descriptor, tag);
		return 0;
	}
	if (!media_type_is_index(descriptor->media_type) ||
	    is_known(search, &descriptor->digest, chosen))
		return 0;
	if (depth == IMAGE_MAX_INDEX_DEPTH)
		return error_set(err, "index %s: is nested too deeply: more than %d indexes in "
				 "each other", descriptor->digest.text, IMAGE_MAX_INDEX_DEPTH);
	if (image_document_read(search->image, descriptor, "index", &document, err) < 0)
		return -1;
	return index_search(search, &document, depth + 1, tag, chosen, err);
}

/* Which entries of an index count: those of the tag or digest, and all below them. */
static bool is_chosen(const struct search *search, const struct descriptor *descriptor,
		      const char *name)
{
	const struct selection *selection = search->selection;

	if (digest_is_set(&selection->digest))
		return digest_equal(&selection->digest, &descriptor->digest);
	if (selection->tag != NULL)
		return name != NULL && strcmp(name, selection->tag) == 0;
	return true;
}

static int index_search(struct search *search, const struct document *index, unsigned int depth,
			const char *tag, bool chosen, struct error *err)
{
	struct arena *arena = search->image->arena;
	const struct json *manifests = json_member(index->root, "manifests");
	struct descriptor descriptor;

	if (manifests == NULL || manifests->type != JSON_ARRAY)
		return document_error(arena, &index->source, index->root, err,
				      "is no index: it has no array \"manifests\"");
	if (json_member(index->root, "layers") != NULL ||
	    json_member(index->root, "config") != NULL)
		return document_error(arena, &index->source, index->root, err,
				      "is an index and a manifest at once");
	JSON_EACH(item, manifests) {
		const char *name = ref_name(item);
		bool is_it;

		if (descriptor_parse(arena, &index->source, item, &descriptor, err) < 0)
			return -1;
		is_it = chosen || is_chosen(search, &descriptor, name);
		/* Indexes are looked into for a digest; what another tag names is left alone. */
		if (!is_it && !digest_is_set(&search->selection->digest)) {
			if (name != NULL)
				note_seen(search, name);
			continue;
		}
		if (entry_search(search, &descriptor, depth, name != NULL ? name : tag, is_it,
				 err) < 0)
			return -1;
	}
	return 0;
}

static int not_found(const struct search *search, struct error *err)
{
	const struct selection *selection = search->selection;
	const char *seen = search->seen.size > 0 ? search->seen.data : "none";

	if (search->artifact != NULL && !search->images)
		return error_set(err, "is an artifact, \"%.100s\", and no image of a container",
				 text_printable(search->image->arena, search->artifact));
	if (digest_is_set(&selection->digest))
		return error_set(err, "no image has the digest %s", selection->digest.text);
	if (selection->tag != NULL && search->match == 0 && search->found.media_type == NULL &&
	    search->tag == NULL && strchr(seen, '/') == NULL)
		return error_set(err, "no image is tagged \"%s\"; there is: %s", selection->tag,
				 seen);
	return error_set(err, "no image for %s; there is: %s",
			 platform_text(search->image->arena, &selection->platform), seen);
}

static int manifest_find(struct image *image, const struct selection *selection,
			 struct descriptor *ret, struct error *err)
{
	struct search search = {
		.image = image, .selection = selection, .seen.arena = image->arena,
	};
	bool all = selection->tag == NULL && !digest_is_set(&selection->digest);

	if (index_search(&search, &image->index, 0, NULL, all, err) < 0)
		return -1;
	if (search.match == 0)
		return not_found(&search, err);
	if (search.ambiguous)
		return error_set(err, "there are several images: %s; name one with :TAG or @DIGEST",
				 search.seen.data);
	*ret = search.found;
	image->tag = search.tag;
	return 0;
}

/* --- what is in it --------------------------------------------------------------------- */

static int compression_of(const char *media_type, enum compression *ret)
{
	static const struct { const char *type; enum compression compression; } known[] = {
#define OCI	"application/vnd.oci.image.layer."
#define DOCKER	"application/vnd.docker.image.rootfs."
		{ OCI "v1.tar+gzip", COMPRESSION_GZIP },
		{ OCI "v1.tar+zstd", COMPRESSION_ZSTD },
		{ OCI "v1.tar", COMPRESSION_NONE },
		{ OCI "nondistributable.v1.tar+gzip", COMPRESSION_GZIP },
		{ OCI "nondistributable.v1.tar+zstd", COMPRESSION_ZSTD },
		{ OCI "nondistributable.v1.tar", COMPRESSION_NONE },
		{ DOCKER "diff.tar.gzip", COMPRESSION_GZIP },
		{ DOCKER "diff.tar.zstd", COMPRESSION_ZSTD },
		{ DOCKER "diff.tar", COMPRESSION_NONE },
		{ DOCKER "foreign.diff.tar.gzip", COMPRESSION_GZIP },
		{ DOCKER "foreign.diff.tar", COMPRESSION_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].type, media_type) != 0)
			continue;
		*ret = known[i].compression;
		return 0;
	}
	return -1;
}

static int layers_parse(struct image *image, const struct json *layers, struct error *err)
{
	const struct json_source *source = &image->manifest.source;
	size_t count = 0;

	if (layers->count > IMAGE_MAX_LAYERS)
		return document_error(image->arena, source, layers, err, "has %u layers, and at "
				      "most %d are unpacked", layers->count, IMAGE_MAX_LAYERS);
	image->layers.items = ARENA_NEWS(image->arena, layers->count + 1, struct image_layer);
	JSON_EACH(item, layers) {
		struct image_layer *layer = &image->layers.items[count++];

		if (descriptor_parse(image->arena, source, item, &layer->descriptor, err) < 0)
			return -1;
		if (compression_of(layer->descriptor.media_type, &layer->compression) < 0)
			return document_error(image->arena, source, json_member(item, "mediaType"),
					      err, "\"%.100s\" is no layer that can be unpacked",
					      text_printable(image->arena,
							     layer->descriptor.media_type));
	}
	image->layers.count = count;
	return 0;
}

/* A document that can be read as something else, too, is refused (CVE-2021-41190). */
int layout_manifest_read(struct image *image, const struct descriptor *descriptor,
			 struct error *err)
{
	const struct document *manifest = &image->manifest;
	const struct json *version, *type;

	if (image_document_read(image, descriptor, "manifest", &image->manifest, err) < 0)
		return -1;
	version = json_member(manifest->root, "schemaVersion");
	type = json_member(manifest->root, "mediaType");
	if (json_member(manifest->root, "manifests") != NULL)
		return document_error(image->arena, &manifest->source, manifest->root, err,
				      "is a manifest and an index at once");
	if (version == NULL || version->type != JSON_NUMBER || strcmp(version->text, "2") != 0)
		return document_error(image->arena, &manifest->source,
				      version != NULL ? version : manifest->root, err,
				      "schemaVersion must be 2");
	if (type != NULL && (type->type != JSON_STRING ||
			     strcmp(type->text, manifest->descriptor.media_type) != 0))
		return document_error(image->arena, &manifest->source, type, err,
				      "must be \"%s\", as its descriptor says",
				      manifest->descriptor.media_type);
	return 0;
}

static int config_type_check(const struct image *image, const struct descriptor *config,
			     struct error *err)
{
	if (media_type_is_config(config->media_type))
		return 0;
	return document_error(image->arena, &image->manifest.source,
			      json_member(config->json, "mediaType"), err,
			      "is \"%.100s\": this is no image of a container",
			      text_printable(image->arena, config->media_type));
}

int layout_manifest_load(struct image *image, const struct descriptor *descriptor,
			 const struct selection *selection, struct error *err)
{
	const struct document *manifest = &image->manifest;
	const struct json *config, *layers, *platform = json_member(descriptor->json, "platform");
	struct descriptor of_config;

	if (layout_manifest_read(image, descriptor, err) < 0)
		return -1;
	if (platform != NULL)
		platform_read(platform, &image->platform);
	config = json_member(manifest->root, "config");
	layers = json_member(manifest->root, "layers");
	if (config == NULL || layers == NULL || layers->type != JSON_ARRAY)
		return document_error(image->arena, &manifest->source, manifest->root, err,
				      "has no \"config\" or no array \"layers\"");
	if (descriptor_parse(image->arena, &manifest->source, config, &of_config, err) < 0 ||
	    config_type_check(image, &of_config, err) < 0 || layers_parse(image, layers, err) < 0 ||
	    image_document_read(image, &of_config, "config", &image->config, err) < 0)
		return -1;
	return image_config_apply(image, selection, err);
}

int layout_load(struct image *image, const struct selection *selection, struct error *err)
{
	struct descriptor descriptor;

	if (image_file_read(image, "index.json", &image->index, err) < 0 ||
	    manifest_find(image, selection, &descriptor, err) < 0)
		return -1;
	return layout_manifest_load(image, &descriptor, selection, err);
}
