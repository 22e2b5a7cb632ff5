/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "rootfs-tools/image/layer_read.h"
#include "rootfs-tools/image/layout.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/json_edit.h"

/* what: NULL where the error names it. */
static void found_error(struct validation *v, const char *what, const struct error *err)
{
	text_printf(v->out, "error: %s%s%s\n", what != NULL ? text_printable(v->arena, what) : "",
		    what != NULL ? ": " : "", text_printable(v->arena, err->text));
	v->errors++;
}

static void found_warning(struct validation *v, const char *what, const char *text)
{
	text_printf(v->out, "warning: %s: %s\n", text_printable(v->arena, what), text);
	v->warnings++;
}

/* --- one image ----------------------------------------------------------------------- */

static int ignore_entry(void *context _unused, const struct tar_entry *entry _unused,
			const char *digest _unused, uint32_t number _unused,
			struct error *err _unused)
{
	return 0;
}

static void check_layer(struct validation *v, const struct image *image, const char *what,
			size_t i)
{
	const struct layer_read read = { .image = image, .layer = i, .entry = ignore_entry };
	struct error err;

	v->layers++;
	if (!v->quick && layer_read(&read, &err) < 0)
		found_error(v, what, &err);
}

static void check_history(struct validation *v, const struct image *image, const char *what)
{
	const struct json *history = json_member(image->config.root, "history");
	size_t lines = 0;

	if (history == NULL || history->type != JSON_ARRAY)
		return;
	JSON_EACH(line, history) {
		const struct json *empty = json_member(line, "empty_layer");

		lines += empty == NULL || empty->type != JSON_BOOL || !empty->truth;
	}
	if (lines != image->layers.count)
		found_warning(v, what, arena_printf(v->arena, "the history has %zu lines with a "
						    "layer, and there are %zu layers", lines,
						    image->layers.count));
}

static void check_contents(struct validation *v, const struct image *image, const char *what)
{
	struct error err;

	check_history(v, image, what);
	for (size_t i = 0; i < image->layers.count; i++)
		if (interrupt_check(&err) == 0)
			check_layer(v, image, what, i);
}

static void check_reference(struct validation *v, const char *reference, const char *platform)
{
	const struct image_options options = { .platform = platform,
					       .any_platform = platform == NULL };
	_cleanup_image struct image image = IMAGE_NONE;
	struct error err;

	v->images++;
	if (image_open(v->arena, reference, &options, &image, &err) < 0)
		found_error(v, NULL, &err);
	else
		check_contents(v, &image, reference);
}

/* --- a layout ------------------------------------------------------------------------ */

/* Its size and its digest. */
static void check_blob(struct validation *v, const struct image *image, const char *what,
		       const struct descriptor *descriptor)
{
	_cleanup_stream struct stream *stream = NULL;
	const char *name = descriptor->digest.text;
	const unsigned char *data;
	struct blob blob;
	struct error err;

	if (image_blob_open(image, descriptor, &blob, &err) == 0)
		stream = stream_open(&blob, name, COMPRESSION_NONE, &descriptor->digest, NULL, NULL,
				     &err);
	while (stream != NULL && stream_next(stream, &data, &err) > 0)
		if (interrupt_check(&err) < 0)
			return;
	if (stream == NULL || stream_finish(stream, NULL, &err) < 0)
		found_error(v, what, &err);
}

static void check_parts(struct validation *v, struct image *image, const char *what)
{
	const struct json_source *source = &image->manifest.source;
	const struct json *layers = json_member(image->manifest.root, "layers");
	struct descriptor part;
	struct error err;

	if (descriptor_parse(image->arena, source, json_member(image->manifest.root, "config"),
			     &part, &err) < 0) {
		found_error(v, what, &err);
		return;
	}
	check_blob(v, image, what, &part);
	if (v->quick || layers == NULL || layers->type != JSON_ARRAY)
		return;
	JSON_EACH(layer, layers) {
		if (descriptor_parse(image->arena, source, layer, &part, &err) < 0)
			found_error(v, what, &err);
		else if (interrupt_check(&err) == 0)
			check_blob(v, image, what, &part);
	}
}

/* "the subject might not exist", distribution-spec 1.1: where it does, it is what is meant. */
static void check_subject(struct validation *v, struct image *image, const char *what)
{
	struct descriptor subject;
	const char *name;
	struct blob blob;
	struct error err;
	int found = manifest_subject(image, &subject, &err);

	if (found < 0)
		found_error(v, what, &err);
	if (found <= 0)
		return;
	name = arena_printf(image->arena, "blobs/%s", digest_path(image->arena, &subject.digest));
	if (image_file_open(image, name, &blob, &err) == 0)
		fd_close(&blob.fd);
	else if (err.code == ENOENT)
		return;
	check_blob(v, image, what, &subject);
}

static void check_image(struct validation *v, struct image *image,
			const struct descriptor *descriptor)
{
	const struct selection selection = { .any_platform = true };
	const char *what = descriptor->digest.text;
	struct error err;

	v->images++;
	if (layout_manifest_load(image, descriptor, &selection, &err) < 0) {
		found_error(v, what, &err);
		return;
	}
	check_contents(v, image, what);
	check_subject(v, image, what);
}

static void check_artifact(struct validation *v, struct image *image, const char *what)
{
	struct error err;

	v->artifacts++;
	if (artifact_check(image, &err) < 0)
		found_error(v, what, &err);
	check_parts(v, image, what);
	check_subject(v, image, what);
}

/* What an attestation says is not looked at. */
static void check_manifest(struct validation *v, struct image *image,
			   const struct descriptor *descriptor)
{
	bool is_attestation = descriptor_is_attestation(descriptor);
	const char *what = descriptor->digest.text;
	struct error err;

	if (layout_manifest_read(image, descriptor, &err) < 0) {
		v->images += !is_attestation;
		v->attestations += is_attestation;
		found_error(v, what, &err);
	} else if (is_attestation) {
		v->attestations++;
		check_parts(v, image, what);
	} else if (manifest_is_artifact(image->manifest.root)) {
		check_artifact(v, image, what);
	} else {
		check_image(v, image, descriptor);
	}
}

/* In an arena of its own: a layout may have thousands. */
static void check_document(struct validation *v, int dir_fd, const struct descriptor *descriptor)
{
	_cleanup_arena struct arena arena = { 0 };
	struct image image = IMAGE_NONE;
	const char *what = descriptor->digest.text;

	image.arena = &arena;
	image.kind = IMAGE_OCI;
	image.dir_fd = dir_fd; /* borrowed: the image is not closed */
	image.reference = what;
	if (media_type_is_manifest(descriptor->media_type)) {
		check_manifest(v, &image, descriptor);
	} else {
		/* "MUST NOT generate an error", image-spec 1.1, image-index.md. */
		found_warning(v, what,
			      arena_printf(&arena, "is \"%.100s\", which is no image",
					   text_printable(&arena, descriptor->media_type)));
		if (!v->quick)
			check_blob(v, &image, what, descriptor);
	}
}

static void check_index(struct validation *v, int dir_fd, const char *name,
			const struct json_source *source, unsigned int depth);

static void check_nested(struct validation *v, int dir_fd, const struct descriptor *descriptor,
			 unsigned int depth)
{
	const char *file = arena_printf(v->arena, "blobs/%s",
					digest_path(v->arena, &descriptor->digest));
	struct json_source source = { .name = file };
	struct digest digest;
	struct error err;
	char *text;
	/* A fifo in its place must not stop us. */
	_cleanup_fd int fd = path_open_strict(dir_fd, file, O_RDONLY | O_NONBLOCK, &err);

	if (fd < 0 || fd_read_all(fd, IMAGE_MAX_DOCUMENT, v->arena, &text, &source.size,
				  &err) < 0) {
		found_error(v, file, &err);
		return;
	}
	source.text = text;
	digest_of(text, source.size, &digest);
	if (!digest_equal(&digest, &descriptor->digest) || source.size != descriptor->size) {
		error_set(&err, "its bytes are not those of the descriptor");
		found_error(v, file, &err);
		return;
	}
	check_index(v, dir_fd, file, &source, depth + 1);
}

struct validated {
	struct digest_node node;
	struct descriptor descriptor;
};

/* Thousands of entries may lead to one image, or to one index with thousands that do. */
static bool is_done(struct validation *v, const struct descriptor *descriptor)
{
	struct digest_node **at = digest_find(&v->done, &descriptor->digest);
	struct validated *it = (struct validated *)*at;
	struct error err;

	if (it == NULL) {
		it = ARENA_NEW(v->arena, struct validated);
		it->descriptor = *descriptor;
		it->node.digest = &it->descriptor.digest;
		*at = &it->node;
		return false;
	}
	if (it->descriptor.size != descriptor->size ||
	    strcmp(it->descriptor.media_type, descriptor->media_type) != 0) {
		error_set(&err, "two descriptors of it have another size or mediaType");
		found_error(v, descriptor->digest.text, &err);
	}
	return true;
}

static void check_descriptor(struct validation *v, int dir_fd, const struct json_source *source,
			     const struct json *entry, unsigned int depth)
{
	struct descriptor descriptor;
	struct error err;

	if (descriptor_parse(v->arena, source, entry, &descriptor, &err) < 0) {
		found_error(v, source->name, &err);
		return;
	}
	if (is_done(v, &descriptor))
		return;
	if (media_type_is_index(descriptor.media_type))
		check_nested(v, dir_fd, &descriptor, depth);
	else
		check_document(v, dir_fd, &descriptor);
}

static void check_index(struct validation *v, int dir_fd, const char *name,
			const struct json_source *source, unsigned int depth)
{
	const struct json *root, *version, *manifests;
	struct error err;

	root = json_parse(v->arena, source, &err);
	version = json_member(root, "schemaVersion");
	manifests = json_member(root, "manifests");
	if (root != NULL && depth > IMAGE_MAX_INDEX_DEPTH)
		error_set(&err, "indexes in indexes, more than %d deep", IMAGE_MAX_INDEX_DEPTH);
	else if (root != NULL && (version == NULL || version->type != JSON_NUMBER ||
				  strcmp(version->text, "2") != 0))
		error_set(&err, "schemaVersion is not 2");
	else if (root != NULL && (manifests == NULL || manifests->type != JSON_ARRAY))
		error_set(&err, "has no array \"manifests\"");
	else if (root != NULL) {
		JSON_EACH(entry, manifests)
			if (interrupt_check(&err) == 0)
				check_descriptor(v, dir_fd, source, entry, depth);
		return;
	}
	found_error(v, name, &err);
}

static void check_version(struct validation *v, int dir_fd)
{
	struct json_source source = { .name = "oci-layout" };
	const struct json *root;
	const char *version;
	struct error err;
	char *text;

	if (layout_file_read(dir_fd, "oci-layout", v->arena, &text, &source.size, &err) < 0) {
		found_error(v, "oci-layout", &err);
		return;
	}
	source.text = text;
	root = json_parse(v->arena, &source, &err);
	version = json_text(root, "imageLayoutVersion");
	if (root != NULL && (version == NULL || strcmp(version, "1.0.0") != 0)) {
		error_set(&err, "imageLayoutVersion is not 1.0.0");
		root = NULL;
	}
	if (root == NULL)
		found_error(v, "oci-layout", &err);
}

static void check_layout(struct validation *v, int dir_fd)
{
	struct json_source source = { .name = "index.json" };
	struct error err;
	char *text;

	check_version(v, dir_fd);
	if (layout_file_read(dir_fd, "index.json", v->arena, &text, &source.size, &err) < 0) {
		found_error(v, "index.json", &err);
		return;
	}
	source.text = text;
	check_index(v, dir_fd, "index.json", &source, 0);
}

void validate(struct validation *v, const char *reference, const char *platform)
{
	const char *path = strncmp(reference, "oci:", 4) == 0 ? reference + 4 : reference;
	_cleanup_fd int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (platform == NULL && dir_fd >= 0 &&
	    (faccessat(dir_fd, "oci-layout", F_OK, 0) == 0 ||
	     faccessat(dir_fd, "index.json", F_OK, 0) == 0))
		check_layout(v, dir_fd);
	else
		check_reference(v, reference, platform);
}
