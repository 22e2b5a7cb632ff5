/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/facts.h"

#include <sys/stat.h>

#include "base/fd.h"
#include "rootfs-tools/json_edit.h"

static const char *const kinds[] = {
	[IMAGE_OCI] = "OCI image", [IMAGE_DOCKER] = "docker-archive", [IMAGE_TAR] = "root tar",
	[IMAGE_DIRECTORY] = "directory",
};

/* The next line of the history that has a layer; NULL: there is none. */
static const struct json *next_line(const struct json *line)
{
	while (line != NULL) {
		const struct json *empty = json_member(line, "empty_layer");

		if (empty == NULL || empty->type != JSON_BOOL || !empty->truth)
			return line;
		line = line->next;
	}
	return NULL;
}

static int stored_size(const struct image *image, size_t layer, uint64_t *ret, struct error *err)
{
	struct blob blob = { .fd = -EBADF };
	struct stat st;

	if (image->kind == IMAGE_TAR) {
		*ret = fstat(image->file_fd, &st) == 0 && S_ISREG(st.st_mode) ?
		       (uint64_t)st.st_size : 0;
		return 0;
	}
	if (image_layer_open(image, layer, &blob, err) < 0)
		return -1;
	*ret = blob.size;
	if (blob.size == UINT64_MAX)
		*ret = fstat(blob.fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	fd_close(&blob.fd);
	return 0;
}

int image_facts_read(struct arena *arena, const struct image *image, struct image_facts *ret,
		     struct error *err)
{
	const struct json *history = json_member(image->config.root, "history");
	const struct json *line = next_line(history != NULL ? history->first : NULL);

	*ret = (struct image_facts){ .kind = kinds[image->kind] };
	ret->layers.items = ARENA_NEWS(arena, image->layers.count + 1, struct layer_facts);
	for (size_t i = 0; i < image->layers.count; i++) {
		const struct image_layer *layer = &image->layers.items[i];
		struct layer_facts *facts = &ret->layers.items[ret->layers.count++];

		if (digest_is_set(&layer->descriptor.digest))
			facts->digest = layer->descriptor.digest.text;
		if (digest_is_set(&layer->diff_id))
			facts->diff_id = layer->diff_id.text;
		facts->media_type = layer->descriptor.media_type;
		if (stored_size(image, i, &facts->size, err) < 0)
			return -1;
		ret->size += facts->size;
		if (line == NULL)
			continue;
		facts->created_by = json_text(line, "created_by");
		facts->created = json_text(line, "created");
		facts->comment = json_text(line, "comment");
		line = next_line(line->next);
	}
	return 0;
}
