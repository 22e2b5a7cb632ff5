/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "rootfs-tools/image/layout.h"
#include "rootfs-tools/json_edit.h"

/* Signatures and the like, which have the form of an image. */

#define EMPTY "application/vnd.oci.empty.v1+json"

bool media_type_is_config(const char *type)
{
	return strcmp(type, "application/vnd.oci.image.config.v1+json") == 0 ||
	       strcmp(type, "application/vnd.docker.container.image.v1+json") == 0;
}

/* Also one that cannot be unpacked here: encrypted, or of a compression that nobody knows yet. */
static bool is_layer(const char *type)
{
	static const char *const begins[] = { "application/vnd.oci.image.layer.",
					      "application/vnd.docker.image.rootfs." };

	for (size_t i = 0; type != NULL && i < ARRAY_SIZE(begins); i++)
		if (strncmp(type, begins[i], strlen(begins[i])) == 0)
			return true;
	return type == NULL;
}

bool manifest_is_artifact(const struct json *manifest)
{
	const char *config = json_text(json_member(manifest, "config"), "mediaType");
	const struct json *layers = json_member(manifest, "layers");

	if (config == NULL)
		return json_member(manifest, "artifactType") != NULL;
	if (!media_type_is_config(config))
		return true;
	/* cosign's signatures, which are older than artifactType, have the config of an image. */
	if (layers == NULL || layers->type != JSON_ARRAY || layers->count == 0)
		return false;
	JSON_EACH(layer, layers)
		if (is_layer(json_text(layer, "mediaType")))
			return false;
	return true;
}

const char *manifest_artifact_type(const struct json *manifest)
{
	const char *type = json_text(manifest, "artifactType");
	const struct json *layers = json_member(manifest, "layers");

	if (type == NULL)
		type = json_text(json_member(manifest, "config"), "mediaType");
	if (type != NULL && media_type_is_config(type) && layers != NULL &&
	    layers->type == JSON_ARRAY && layers->first != NULL)
		type = json_text(layers->first, "mediaType");
	return type != NULL ? type : "";
}

/* RFC 6838, 4.2. */
static bool is_media_type(const char *type)
{
#define FIRST "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	static const char first[] = FIRST, more[] = FIRST "!#$&-^_.+";
	size_t above = strspn(type, more), below;

	if (above == 0 || above > 127 || type[above] != '/' || strspn(type, first) == 0)
		return false;
	type += above + 1;
	below = strspn(type, more);
	return below > 0 && below <= 127 && type[below] == '\0' && strspn(type, first) > 0;
}

int artifact_check(struct image *image, struct error *err)
{
	const struct document *manifest = &image->manifest;
	const struct json *type = json_member(manifest->root, "artifactType");
	const struct json *layers = json_member(manifest->root, "layers");
	const char *config = json_text(json_member(manifest->root, "config"), "mediaType");

	if (type != NULL && type->type != JSON_STRING)
		return document_error(image->arena, &manifest->source, type, err,
				      "must be a media type, not %s",
				      json_describe(image->arena, type));
	if (type != NULL && !is_media_type(type->text))
		return document_error(image->arena, &manifest->source, type, err,
				      "\"%.150s\" is no media type",
				      text_printable(image->arena, type->text));
	if (type == NULL && config != NULL && strcmp(config, EMPTY) == 0)
		return document_error(image->arena, &manifest->source, manifest->root, err,
				      "has no \"artifactType\", and an empty config");
	if (layers == NULL || layers->type != JSON_ARRAY)
		return document_error(image->arena, &manifest->source, manifest->root, err,
				      "has no array \"layers\"");
	return 0;
}

int manifest_subject(struct image *image, struct descriptor *ret, struct error *err)
{
	const struct document *manifest = &image->manifest;
	const struct json *subject = json_member(manifest->root, "subject");

	if (subject == NULL)
		return 0;
	return descriptor_parse(image->arena, &manifest->source, subject, ret, err) < 0 ? -1 : 1;
}
