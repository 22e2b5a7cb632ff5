/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"
#include "rootfs-tools/image/archive.h"
#include "rootfs-tools/image/layout.h"

/* Files of an image, in a directory or in an archive; and those of them that are JSON. */

static int missing(const char *name, struct error *err)
{
	return error_number(err, ENOENT, "%s", name);
}

int image_file_open(const struct image *image, const char *name, struct blob *ret,
		    struct error *err)
{
	const struct archive_member *member;
	_cleanup_fd int fd = -EBADF;
	struct stat st;

	if (image->members != NULL) {
		member = archive_find(image->members, name);
		if (member == NULL)
			return missing(name, err);
		fd = fcntl(image->file_fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return error_errno(err, "open %s", name);
		*ret = (struct blob){ fd_take(&fd), member->offset, member->size };
		return 0;
	}
	/* O_NONBLOCK: a fifo in the place of a blob must not stop us. */
	fd = path_open_read(image->dir_fd, name, err);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "look at %s", name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, "%s: is no regular file", name);
	*ret = (struct blob){ fd_take(&fd), 0, (uint64_t)st.st_size };
	return 0;
}

/* All bytes of a blob; its fd is closed. */
static char *blob_read(struct arena *arena, struct blob *blob, const char *name,
		       struct error *err)
{
	_cleanup_fd int fd = fd_take(&blob->fd);
	size_t done = 0;
	char *text;

	if (blob->size > IMAGE_MAX_DOCUMENT) {
		error_set(err, "%s: is too large: %ju bytes, at most %d are read", name,
			  (uintmax_t)blob->size, IMAGE_MAX_DOCUMENT);
		return NULL;
	}
	text = arena_alloc(arena, blob->size + 1);
	while (done < blob->size) {
		ssize_t n = pread(fd, text + done, blob->size - done,
				  (off_t)(blob->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			error_number(err, n < 0 ? errno : ENODATA, "read %s", name);
			return NULL;
		}
		done += (size_t)n;
	}
	return text;
}

static int document_read(const struct image *image, struct blob *blob, const char *name,
			 struct document *ret, struct error *err)
{
	char *text = blob_read(image->arena, blob, name, err);

	if (text == NULL)
		return -1;
	ret->source = (struct json_source){ .name = name, .text = text, .size = blob->size };
	digest_of(text, blob->size, &ret->descriptor.digest);
	ret->descriptor.size = blob->size;
	return 0;
}

static int document_parse(const struct image *image, struct document *document,
			  struct error *err)
{
	document->root = json_parse(image->arena, &document->source, err);
	if (document->root == NULL)
		return -1;
	if (document->root->type != JSON_OBJECT && document->root->type != JSON_ARRAY)
		return document_error(image->arena, &document->source, document->root, err,
				      "must be an object");
	return 0;
}

int image_file_read(const struct image *image, const char *name, struct document *ret,
		    struct error *err)
{
	struct document document = { .descriptor.media_type = "" };
	struct blob blob;

	if (image_file_open(image, name, &blob, err) < 0 ||
	    document_read(image, &blob, name, &document, err) < 0 ||
	    document_parse(image, &document, err) < 0)
		return -1;
	*ret = document;
	return 0;
}

int layout_file_read(int dir_fd, const char *name, struct arena *arena, char **ret_text,
		     size_t *ret_size, struct error *err)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, 0) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, "%s: is no regular file", name);
	return file_read_flags(dir_fd, name, O_NONBLOCK | O_NOCTTY, IMAGE_MAX_DOCUMENT, arena,
			       ret_text, ret_size, err);
}

int image_blob_open(const struct image *image, const struct descriptor *descriptor,
		    struct blob *ret, struct error *err)
{
	const char *name = arena_printf(image->arena, "blobs/%s",
					digest_path(image->arena, &descriptor->digest));

	if (image_file_open(image, name, ret, err) < 0) {
		if (err->code == ENOENT)
			error_set(err, "blob %s is missing", descriptor->digest.text);
		return -1;
	}
	if (ret->size != descriptor->size) {
		fd_close(&ret->fd);
		return error_set(err, "blob %s has %ju bytes, and its descriptor says %ju",
				 descriptor->digest.text, (uintmax_t)ret->size,
				 (uintmax_t)descriptor->size);
	}
	return 0;
}

int image_document_read(const struct image *image, const struct descriptor *descriptor,
			const char *what, struct document *ret, struct error *err)
{
	const char *name = arena_printf(image->arena, "%s %.19s…", what, descriptor->digest.text);
	struct document document = { 0 };
	struct digest_state state;
	struct digest digest;
	struct blob blob;

	if (descriptor->size > IMAGE_MAX_DOCUMENT)
		return error_set(err, "%s: is too large: %ju bytes, at most %d are read", name,
				 (uintmax_t)descriptor->size, IMAGE_MAX_DOCUMENT);
	if (image_blob_open(image, descriptor, &blob, err) < 0 ||
	    document_read(image, &blob, name, &document, err) < 0)
		return error_wrap(err, "%s", what);
	digest_begin(&state, &descriptor->digest);
	digest_update(&state, document.source.text, document.source.size);
	digest_end(&state, &digest);
	if (!digest_equal(&digest, &descriptor->digest))
		return error_set(err, "%s: its bytes have the digest %s, not %s", what, digest.text,
				 descriptor->digest.text);
	document.descriptor = *descriptor;
	if (document_parse(image, &document, err) < 0)
		return -1;
	*ret = document;
	return 0;
}

/* --- values ---------------------------------------------------------------------------- */

int document_error(struct arena *arena, const struct json_source *source, const struct json *at,
		   struct error *err, const char *fmt, ...)
{
	unsigned int line, column;
	const char *pointer = json_pointer(arena, at);
	char what[600];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	json_position(source, at->offset, &line, &column);
	return error_set(err, "%s:%u:%u: %s%s%s", source->name, line, column, pointer,
			 *pointer != '\0' ? ": " : "", what);
}

const char *document_string(struct arena *arena, const struct json_source *source,
			    const struct json *object, const char *key, struct error *err)
{
	const struct json *value = json_member(object, key);

	if (value == NULL) {
		document_error(arena, source, object, err, "has no \"%s\"", key);
		return NULL;
	}
	if (value->type != JSON_STRING) {
		document_error(arena, source, value, err, "must be a string, not %s",
			       json_describe(arena, value));
		return NULL;
	}
	return value->text;
}

int descriptor_parse(struct arena *arena, const struct json_source *source,
		     const struct json *json, struct descriptor *ret, struct error *err)
{
	struct descriptor descriptor = { .json = json };
	const struct json *size = json_member(json, "size");
	const char *digest;
	struct error why;

	if (json == NULL || json->type != JSON_OBJECT)
		return document_error(arena, source, json, err, "must be a descriptor, not %s",
				      json_describe(arena, json));
	descriptor.media_type = document_string(arena, source, json, "mediaType", err);
	if (descriptor.media_type == NULL)
		return -1;
	digest = document_string(arena, source, json, "digest", err);
	if (digest == NULL)
		return -1;
	if (digest_parse(digest, &descriptor.digest, &why) < 0)
		return document_error(arena, source, json_member(json, "digest"), err, "%s",
				      why.text);
	if (size == NULL)
		return document_error(arena, source, json, err, "has no \"size\"");
	if (size->type != JSON_NUMBER || !text_to_u64(size->text, INT64_MAX, &descriptor.size))
		return document_error(arena, source, size, err,
				      "must be a number of bytes, not %s",
				      json_describe(arena, size));
	*ret = descriptor;
	return 0;
}
