/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/image/layout.h"

/* What the config says must fit what was asked for, and the layers. */

static int platform_apply(struct image *image, const struct selection *selection,
			  struct error *err)
{
	struct platform has;

	platform_read(image->config.root, &has);
	if (has.os[0] == '\0' || has.architecture[0] == '\0')
		return document_error(image->arena, &image->config.source, image->config.root, err,
				      "has no \"os\" or no \"architecture\"");
	/* What was in the index is more often complete. */
	if (has.variant[0] == '\0' && image->platform.variant != NULL)
		has.variant = image->platform.variant;
	image->platform = has;
	if (selection->any_platform || platform_match(&selection->platform, &has) > 0)
		return 0;
	return error_set(err, "is an image for %s, not for %s; --platform %s takes it",
			 platform_text(image->arena, &has),
			 platform_text(image->arena, &selection->platform),
			 platform_text(image->arena, &has));
}

static int diff_ids_apply(struct image *image, struct error *err)
{
	const struct json_source *source = &image->config.source;
	const struct json *rootfs = json_member(image->config.root, "rootfs");
	const struct json *ids = json_member(rootfs, "diff_ids");
	size_t count = 0;
	struct error why;

	if (ids == NULL || ids->type != JSON_ARRAY)
		return document_error(image->arena, source, image->config.root, err,
				      "has no array \"diff_ids\" in \"rootfs\"");
	if (ids->count != image->layers.count)
		return document_error(image->arena, source, ids, err, "has %u diff_ids for %zu "
				      "layers", ids->count, image->layers.count);
	JSON_EACH(id, ids) {
		if (id->type != JSON_STRING)
			return document_error(image->arena, source, id, err, "must be a digest");
		if (digest_parse(id->text, &image->layers.items[count++].diff_id, &why) < 0)
			return document_error(image->arena, source, id, err, "%s", why.text);
	}
	return 0;
}

int image_config_apply(struct image *image, const struct selection *selection, struct error *err)
{
	if (image->config.root->type != JSON_OBJECT)
		return document_error(image->arena, &image->config.source, image->config.root, err,
				      "must be an object");
	if (platform_apply(image, selection, err) < 0)
		return -1;
	return diff_ids_apply(image, err);
}
