/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/loop.h"
#include "rootfs-tools/image/archive.h"
#include "rootfs-tools/image/fetch.h"
#include "rootfs-tools/image/layout.h"

/* --- references ------------------------------------------------------------------------ */

enum form { FORM_OCI, FORM_OCI_ARCHIVE, FORM_DOCKER_ARCHIVE, FORM_TAR, FORM_DIRECTORY, FORM_FETCH,
	    FORM_PATH };

static const struct {
	const char *prefix;
	enum form form;
} prefixes[] = {
	{ "oci:", FORM_OCI },
	{ "oci-archive:", FORM_OCI_ARCHIVE },
	{ "docker-archive:", FORM_DOCKER_ARCHIVE },
	{ "tar:", FORM_TAR },
	{ "dir:", FORM_DIRECTORY },
	{ "docker://", FORM_FETCH },
	{ "docker-daemon:", FORM_FETCH },
	{ "containers-storage:", FORM_FETCH },
};

struct reference {
	enum form form;
	const char *path;
	struct selection selection;
};

static enum form form_of(const char *text, const char **ret_rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t length = strlen(prefixes[i].prefix);

		if (strncmp(text, prefixes[i].prefix, length) != 0)
			continue;
		*ret_rest = text + length;
		return prefixes[i].form;
	}
	*ret_rest = text;
	return FORM_PATH;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The longest beginning that is a path: paths may have ":" and "@" in them, and tags "/". */
static int suffix_split(struct arena *arena, const char *text, struct reference *ret,
			struct error *err)
{
	ret->path = text;
	if (strcmp(text, "-") == 0 || exists(text))
		return 0;
	for (size_t at = strlen(text); at-- > 1;) {
		const char *path;

		if (text[at] != ':' && text[at] != '@')
			continue;
		path = arena_strndup(arena, text, at);
		if (strcmp(path, "-") != 0 && !exists(path))
			continue;
		ret->path = path;
		if (text[at] == '@')
			return digest_parse(text + at + 1, &ret->selection.digest, err);
		ret->selection.tag = text + at + 1;
		return 0;
	}
	error_number(err, ENOENT, "open");
	if (ret->form == FORM_PATH && strstr(text, "://") != NULL)
		return error_set(err,
				 "images are DIR:TAG, oci:, oci-archive:, docker-archive:, tar:, "
				 "dir:, docker://, docker-daemon: and containers-storage:");
	/* A name as Docker knows it, which looks in its registry by itself. */
	return ret->form != FORM_PATH || *text == '/' || *text == '.' ? -1 :
	       error_hint(err, "an image in a registry is docker://%s", text);
}

static int reference_parse(struct arena *arena, const char *text,
			   const struct image_options *options, struct reference *ret,
			   struct error *err)
{
	const char *rest;

	ret->form = form_of(text, &rest);
	ret->path = rest;
	if (platform_parse(arena, options->platform, &ret->selection.platform, err) < 0)
		return -1;
	ret->selection.any_platform = options->any_platform;
	if (*rest == '\0')
		return error_set(err, "an image without a name");
	if (ret->form == FORM_FETCH)
		return 0;
	return suffix_split(arena, rest, ret, err);
}

/* --- kinds ----------------------------------------------------------------------------- */

static int layout_open(struct image *image, const struct reference *reference, struct error *err)
{
	struct document marker;

	image->kind = IMAGE_OCI;
	if (image_file_read(image, "oci-layout", &marker, err) < 0)
		return error_wrap(err, "this is no OCI layout");
	return layout_load(image, &reference->selection, err);
}

static int tar_image_open(struct image *image, struct error *err)
{
	struct image_layer *layer = ARENA_NEW(image->arena, struct image_layer);
	struct stat st;

	if (fstat(image->file_fd, &st) < 0)
		return error_errno(err, "look at it");
	layer->compression = COMPRESSION_DETECT;
	layer->descriptor.media_type = "";
	layer->descriptor.size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : UINT64_MAX;
	image->kind = IMAGE_TAR;
	image->members = NULL;
	image->layers.items = layer;
	image->layers.count = 1;
	return platform_host(image->arena, &image->platform, err);
}

static int archive_open(struct image *image, const struct reference *reference,
			struct error *err)
{
	struct archive_index *index = ARENA_NEW(image->arena, struct archive_index);
	enum form form = reference->form;

	if (archive_index_read(image->arena, &image->file_fd, form != FORM_PATH, index, err) < 0)
		return -1;
	image->members = index;
	if (form == FORM_PATH && archive_find(index, "oci-layout") != NULL)
		form = FORM_OCI_ARCHIVE;
	else if (form == FORM_PATH && archive_find(index, "manifest.json") != NULL)
		form = FORM_DOCKER_ARCHIVE;
	if (form == FORM_OCI_ARCHIVE)
		return layout_open(image, reference, err);
	if (form == FORM_DOCKER_ARCHIVE) {
		image->kind = IMAGE_DOCKER;
		return docker_archive_load(image, &reference->selection, err);
	}
	return tar_image_open(image, err);
}

static int directory_open(struct image *image, const struct reference *reference,
			  struct error *err)
{
	bool is_layout = reference->form == FORM_OCI ||
			 (reference->form == FORM_PATH &&
			  faccessat(image->dir_fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
			  faccessat(image->dir_fd, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0);

	if (is_layout)
		return layout_open(image, reference, err);
	image->kind = IMAGE_DIRECTORY;
	return platform_host(image->arena, &image->platform, err);
}

static int path_image_open(struct image *image, const struct reference *reference,
			   struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	enum form form = reference->form;
	const char *type;
	struct stat st;

	if (strcmp(reference->path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(reference->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "open");
	if (S_ISDIR(st.st_mode)) {
		if (form != FORM_OCI && form != FORM_DIRECTORY && form != FORM_PATH)
			return error_number(err, EISDIR, "open");
		image->dir_fd = fd_take(&fd);
		return directory_open(image, reference, err);
	}
	if (form == FORM_OCI || form == FORM_DIRECTORY)
		return error_number(err, ENOTDIR, "open");
	if (form == FORM_PATH && S_ISREG(st.st_mode) && st.st_size == 0)
		return error_set(err, "the file is empty");
	type = loop_detect(reference->path);
	if (type != NULL)
		return error_set(err,
				 "is a file system, %s, which kist run, bundle and "
				 "mount take as it is; %s unpacks it",
				 type,
				 strcmp(type, "erofs") == 0 ? "fsck.erofs --extract=DIR" :
							      "unsquashfs -d DIR");
	image->file_fd = fd_take(&fd);
	/* A pipe can be read once: what "-" is, is not looked at. */
	if (form == FORM_TAR || (form == FORM_PATH && strcmp(reference->path, "-") == 0))
		return tar_image_open(image, err);
	return archive_open(image, reference, err);
}

int image_open(struct arena *arena, const char *reference, const struct image_options *options,
	       struct image *ret, struct error *err)
{
	_cleanup_image struct image image = IMAGE_NONE;
	struct reference parsed = { 0 };
	int code;

	image.arena = arena;
	image.reference = reference;
	code = reference_parse(arena, reference, options, &parsed, err);
	if (code == 0 && parsed.form == FORM_FETCH) {
		code = fetch_image(arena, reference, &parsed.selection.platform, &image.fetched,
				   &image.fetched_fd, err);
		parsed.form = FORM_OCI;
		parsed.path = image.fetched;
	}
	if (code == 0)
		code = path_image_open(&image, &parsed, err);
	if (code == 0 && (image.kind == IMAGE_TAR || image.kind == IMAGE_DIRECTORY) &&
	    (parsed.selection.tag != NULL || digest_is_set(&parsed.selection.digest)))
		code = error_set(err, "%s is a root file system, which has no tags and no digest",
				 parsed.path);
	if (code < 0)
		return error_wrap(err, "%s", reference);
	*ret = image;
	image = (struct image)IMAGE_NONE;
	return 0;
}

void image_close(struct image *image)
{
	fd_close(&image->dir_fd);
	fd_close(&image->file_fd);
	if (image->fetched != NULL)
		fetch_remove(image->fetched);
	image->fetched = NULL;
	fd_close(&image->fetched_fd);
}

/* --- layers ---------------------------------------------------------------------------- */

int image_layer_open(const struct image *image, size_t layer, struct blob *ret,
		     struct error *err)
{
	const struct image_layer *it = &image->layers.items[layer];
	int fd;

	if (image->kind == IMAGE_OCI)
		return image_blob_open(image, &it->descriptor, ret, err);
	if (image->kind == IMAGE_DOCKER)
		return image_file_open(image, it->member, ret, err);
	fd = fcntl(image->file_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "open the archive");
	*ret = (struct blob){ fd, 0, it->descriptor.size };
	return 0;
}

const char *image_layer_name(struct arena *arena, const struct image *image, size_t layer)
{
	const struct image_layer *it = &image->layers.items[layer];

	if (image->kind == IMAGE_TAR)
		return image->reference;
	if (digest_is_set(&it->descriptor.digest))
		return arena_printf(arena, "layer %zu of %zu (%.19s…)", layer + 1,
				    image->layers.count, it->descriptor.digest.text);
	return arena_printf(arena, "layer %zu of %zu (%.60s)", layer + 1, image->layers.count,
			    it->member != NULL ? it->member : "");
}

struct stream *image_layer_stream(struct arena *arena, const struct image *image, size_t layer,
				struct blob *blob, const struct stream_limits *limits,
				struct error *err)
{
	const struct image_layer *it = &image->layers.items[layer];

	return stream_open(blob, image_layer_name(arena, image, layer), it->compression,
			   &it->descriptor.digest, &it->diff_id, limits, err);
}
