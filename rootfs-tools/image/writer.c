/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "rootfs-tools/image/layout.h"
#include "rootfs-tools/image/writer_archive.h"
#include "rootfs-tools/interrupt.h"

#define LAYOUT_TEXT	"{\"imageLayoutVersion\":\"1.0.0\"}"
/* One is enough: the layout is locked, so whoever left it there is dead. */
#define BLOB_TEMPORARY	".kist-blob"
#define INDEX_TEMPORARY	".kist-index.json"

/* --- references ----------------------------------------------------------------------- */

static const struct {
	const char *prefix;
	enum writer_kind kind;
} kinds[] = {
	{ "oci:", WRITER_LAYOUT },
	{ "oci-archive:", WRITER_OCI_ARCHIVE },
	{ "docker-archive:", WRITER_DOCKER_ARCHIVE },
};

/* What source.c reads and pack_fs.c writes: as the name of a directory it would be a trap. */
static const char *const others[] = {
	"tar:", "dir:", "docker-daemon:", "containers-storage:", "squashfs:", "erofs:",
};

static bool is_other(const char *reference)
{
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strncmp(reference, others[i], strlen(others[i])) == 0)
			return true;
	return false;
}

static int check_tag(struct arena *arena, const char *tag, struct error *err)
{
	for (const char *at = tag; *at != '\0'; at++)
		if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
		      (*at >= '0' && *at <= '9') || strchr("-._:@/+", *at) != NULL))
			return error_set(err, "%s: a tag has letters, digits and -._:@/+ only",
					 text_printable(arena, tag));
	return *tag != '\0' ? 0 : error_set(err, "the tag is empty");
}

int writer_parse(struct arena *arena, const char *reference, enum writer_kind *ret_kind,
		 const char **ret_path, const char **ret_tag, struct error *err)
{
	const char *rest = reference, *colon;

	*ret_kind = WRITER_LAYOUT;
	*ret_tag = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t length = strlen(kinds[i].prefix);

		if (strncmp(reference, kinds[i].prefix, length) == 0) {
			*ret_kind = kinds[i].kind;
			rest = reference + length;
		}
	}
	colon = strchr(rest, ':');
	if ((colon != NULL && strncmp(colon, "://", 3) == 0) || is_other(reference))
		return error_set(err, "%s: images are written to oci:DIR, oci-archive:FILE and "
				 "docker-archive:FILE; skopeo copies them to a registry",
				 reference);
	*ret_path = colon != NULL ? arena_strndup(arena, rest, (size_t)(colon - rest)) : rest;
	if (**ret_path == '\0')
		return error_set(err, "%s: has no path", reference);
	if (strstr(rest, "@sha256:") != NULL || strstr(rest, "@sha512:") != NULL)
		return error_set(err, "%s: an image is written under a tag, not a digest",
				 reference);
	if (colon == NULL)
		return 0;
	*ret_tag = colon + 1;
	return check_tag(arena, *ret_tag, err);
}

/* --- layouts -------------------------------------------------------------------------- */

static int layout_lock(struct writer *w, struct error *err)
{
	while (flock(w->dir_fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return error_errno(err, "lock %s", w->path);
		if (interrupt_check(err) < 0)
			return -1;
	}
	return 0;
}

static int layout_blobs(struct writer *w, struct error *err)
{
	if ((mkdirat(w->dir_fd, "blobs", 0755) < 0 && errno != EEXIST) ||
	    (mkdirat(w->dir_fd, "blobs/sha256", 0755) < 0 && errno != EEXIST))
		return error_errno(err, "make %s/blobs/sha256", w->path);
	w->blobs_fd = path_open(w->dir_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY, err);
	return w->blobs_fd >= 0 ? 0 : error_wrap(err, "open %s", w->path);
}

static const struct json *layout_read(struct writer *w, const char *name, struct error *err)
{
	struct json_source source = { arena_printf(w->arena, "%s/%s", w->path, name), NULL, 0 };
	const struct json *json;
	char *text;

	if (layout_file_read(w->dir_fd, name, w->arena, &text, &source.size, err) < 0) {
		error_wrap(err, "%s", w->path);
		return NULL;
	}
	source.text = text;
	json = json_parse(w->arena, &source, err);
	if (json == NULL || json->type == JSON_OBJECT)
		return json;
	error_set(err, "%s: must be an object", source.name);
	return NULL;
}

static int layout_check(struct writer *w, struct error *err)
{
	const struct json *layout, *version, *manifests;

	if (faccessat(w->dir_fd, "oci-layout", F_OK, 0) < 0)
		return error_set(err, "%s: is there, and is no OCI layout (it has no file "
				 "oci-layout)", w->path);
	layout = layout_read(w, "oci-layout", err);
	if (layout == NULL)
		return -1;
	version = json_member(layout, "imageLayoutVersion");
	if (version == NULL || version->type != JSON_STRING || strncmp(version->text, "1.", 2) != 0)
		return error_set(err, "%s/oci-layout: imageLayoutVersion must be 1.0.0", w->path);
	w->index = layout_read(w, "index.json", err);
	if (w->index == NULL)
		return -1;
	manifests = json_member(w->index, "manifests");
	if (manifests != NULL && manifests->type != JSON_ARRAY)
		return error_set(err, "%s/index.json: /manifests must be an array", w->path);
	return 0;
}

static int layout_open(struct writer *w, bool must_exist, struct error *err)
{
	w->dir_fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dir_fd >= 0) {
		if (layout_lock(w, err) < 0 || layout_check(w, err) < 0 || layout_blobs(w, err) < 0)
			return -1;
		unlinkat(w->blobs_fd, BLOB_TEMPORARY, 0);
		return 0;
	}
	if (errno != ENOENT || must_exist)
		return error_errno(err, "open %s", w->path);
	if (publish_begin_path(w->path, &w->publish, err) < 0)
		return -1;
	w->fresh = true;
	w->dir_fd = fcntl(w->publish.root_fd, F_DUPFD_CLOEXEC, 3);
	if (w->dir_fd < 0)
		return error_errno(err, "open %s", w->path);
	if (file_replace(w->dir_fd, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), 0644, err) < 0)
		return -1;
	return layout_blobs(w, err);
}

bool writer_has(const struct writer *w, const struct digest *digest, uint64_t size)
{
	struct stat st;

	if (w->kind != WRITER_LAYOUT)
		return archive_has(w, digest);
	return strncmp(digest->text, "sha256:", 7) == 0 &&
	       fstatat(w->blobs_fd, digest_hex(digest), &st, 0) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == size;
}

static int layout_blob_begin(struct writer *w, struct error *err)
{
	w->file_fd = openat(w->blobs_fd, BLOB_TEMPORARY,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (w->file_fd < 0)
		return error_errno(err, "create a blob in %s", w->path);
	w->has_file = true;
	return 0;
}

/* Mode 0644 whatever the umask: others read what root packs. */
static int layout_blob_end(struct writer *w, const struct stored *blob, struct error *err)
{
	if (fchmod(w->file_fd, 0644) < 0 || (!w->fresh && fsync(w->file_fd) < 0) ||
	    renameat(w->blobs_fd, BLOB_TEMPORARY, w->blobs_fd, digest_hex(&blob->digest)) < 0)
		return error_errno(err, "write a blob in %s", w->path);
	w->has_file = false;
	fd_close(&w->file_fd);
	return 0;
}

static int layout_commit(struct writer *w, const char *text, size_t size, struct error *err)
{
	_cleanup_fd int fd = -EBADF;

	unlinkat(w->dir_fd, INDEX_TEMPORARY, 0);
	fd = openat(w->dir_fd, INDEX_TEMPORARY,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(err, "write %s/index.json", w->path);
	/* The blobs' names must be on the disk before an index that leads to them. */
	if (fd_write_all(fd, text, size) < 0 || fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
	    (!w->fresh && fsync(w->blobs_fd) < 0) ||
	    renameat(w->dir_fd, INDEX_TEMPORARY, w->dir_fd, "index.json") < 0) {
		error_errno(err, "write %s/index.json", w->path);
		unlinkat(w->dir_fd, INDEX_TEMPORARY, 0);
		return -1;
	}
	return w->fresh ? publish_commit(&w->publish, err) : 0;
}

/* --- all kinds ------------------------------------------------------------------------ */

int writer_open(struct arena *arena, const char *reference, bool must_exist, struct writer *ret,
		struct error *err)
{
	*ret = (struct writer)WRITER_NONE;
	ret->arena = arena;
	if (writer_parse(arena, reference, &ret->kind, &ret->path, &ret->tag, err) < 0)
		return -1;
	if (ret->kind == WRITER_LAYOUT)
		return layout_open(ret, must_exist, err);
	return archive_open(ret, err);
}

static int blob_write(struct sink *sink, const void *data, size_t size, struct error *err)
{
	struct writer *w = (struct writer *)((char *)sink - offsetof(struct writer, sink));

	digest_update(&w->state, data, size);
	w->blob_size += size;
	if (fd_write_all(w->file_fd, data, size) < 0)
		return error_errno(err, "write to %s", w->path);
	return interrupt_check(err);
}

int writer_blob_begin(struct writer *w, struct sink **ret, struct error *err)
{
	assert(!w->in_blob);
	if ((w->kind == WRITER_LAYOUT ? layout_blob_begin(w, err) : archive_blob_begin(w, err)) < 0)
		return -1;
	digest_begin(&w->state, NULL);
	w->in_blob = true;
	w->blob_size = 0;
	w->sink.write = blob_write;
	*ret = &w->sink;
	return 0;
}

int writer_blob_end(struct writer *w, struct stored *ret, struct error *err)
{
	struct stored blob = { .size = w->blob_size };

	digest_end(&w->state, &blob.digest);
	w->in_blob = false;
	if ((w->kind == WRITER_LAYOUT ? layout_blob_end(w, &blob, err) :
					archive_blob_end(w, &blob, err)) < 0)
		return -1;
	*ret = blob;
	return 0;
}

int writer_blob(struct writer *w, const void *data, size_t size, struct stored *ret,
		struct error *err)
{
	struct sink *sink;

	if (writer_blob_begin(w, &sink, err) < 0 || sink_write(sink, data, size, err) < 0)
		return -1;
	return writer_blob_end(w, ret, err);
}

int writer_commit(struct writer *w, const char *index, size_t size, struct error *err)
{
	if (w->kind == WRITER_LAYOUT)
		return layout_commit(w, index, size, err);
	return archive_commit(w, index, size, LAYOUT_TEXT, err);
}

void writer_close(struct writer *w)
{
	if (w->in_blob)
		digest_drop(&w->state);
	if (w->has_file && w->kind == WRITER_LAYOUT)
		unlinkat(w->blobs_fd, BLOB_TEMPORARY, 0);
	else if (w->has_file)
		archive_remove(w);
	fd_close(&w->file_fd);
	fd_close(&w->blobs_fd);
	fd_close(&w->dir_fd);
	publish_abort(&w->publish);
}
