/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/writer_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"

struct written_blob {
	struct written_blob *next;
	struct digest digest;
};

static const char *file_name(const struct writer *w)
{
	const char *slash = strrchr(w->path, '/');

	return slash != NULL ? slash + 1 : w->path;
}

static const char *temporary_name(const struct writer *w)
{
	return arena_printf(w->arena, ".%s.kist-%d", file_name(w), (int)getpid());
}

static int file_write_sink(struct sink *sink, const void *data, size_t size, struct error *err)
{
	struct writer *w = (struct writer *)((char *)sink - offsetof(struct writer, sink));

	return fd_write_all(w->file_fd, data, size) < 0 ? error_errno(err, "write to %s", w->path) :
							  0;
}

/* skopeo of an ordinary user gives directories that are not in the archive to root, and fails. */
static int write_directories(struct writer *w, struct error *err)
{
	static const char *const paths[] = { "blobs", "blobs/sha256" };
	struct tar_writer tar = { .out = &w->sink, .pax.arena = w->arena, .name.arena = w->arena };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct tar_member entry = { .path = paths[i], .mode = S_IFDIR | 0755 };

		if (tar_write_member(&tar, &entry, err) < 0)
			return -1;
	}
	return 0;
}

int archive_open(struct writer *w, struct error *err)
{
	const char *name = file_name(w), *temporary = temporary_name(w);
	size_t length = (size_t)(name - w->path);
	struct stat st;

	if (*name == '\0')
		return error_set(err, "%s: must be a file", w->path);
	w->dir_fd = open(length > 0 ? arena_strndup(w->arena, w->path, length) : ".",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dir_fd < 0)
		return error_errno(err, "open the directory of %s", w->path);
	/* It will be replaced, and that should not happen to /dev/sda. */
	if (fstatat(w->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, "%s: is there, and is no regular file", w->path);
	publish_remove_left(w->dir_fd, ".", arena_printf(w->arena, ".%s.kist-", file_name(w)),
			    "0123456789");
	unlinkat(w->dir_fd, temporary, 0);
	w->file_fd = openat(w->dir_fd, temporary,
			    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (w->file_fd < 0)
		return error_errno(err, "create %s", w->path);
	w->has_file = true;
	flock(w->file_fd, LOCK_EX | LOCK_NB);
	w->sink.write = file_write_sink;
	return w->kind == WRITER_OCI_ARCHIVE ? write_directories(w, err) : 0;
}

bool archive_has(const struct writer *w, const struct digest *digest)
{
	for (const struct written_blob *b = w->written; b != NULL; b = b->next)
		if (digest_equal(&b->digest, digest))
			return true;
	return false;
}

const char *writer_docker_name(struct arena *arena, const struct digest *digest, bool is_config)
{
	return arena_printf(arena, "%s.%s", digest_hex(digest), is_config ? "json" : "tar");
}

/* Where the next header goes; the blob's bytes are behind it. */
int archive_blob_begin(struct writer *w, struct error *err)
{
	static const char zeroes[TAR_RECORD];
	off_t at = lseek(w->file_fd, 0, SEEK_CUR);

	if (at < 0 || fd_write_all(w->file_fd, zeroes, sizeof(zeroes)) < 0)
		return error_errno(err, "write to %s", w->path);
	w->blob_start = (uint64_t)at;
	return 0;
}

static int pad(struct writer *w, uint64_t size, struct error *err)
{
	static const char zeroes[TAR_RECORD];

	if (fd_write_all(w->file_fd, zeroes, (size_t)(-size % TAR_RECORD)) < 0)
		return error_errno(err, "write to %s", w->path);
	return 0;
}

static const char *blob_name(struct writer *w, const struct digest *digest)
{
	if (w->kind == WRITER_OCI_ARCHIVE)
		return arena_printf(w->arena, "blobs/%s", digest_path(w->arena, digest));
	return writer_docker_name(w->arena, digest, w->is_config);
}

int archive_blob_end(struct writer *w, const struct stored *blob, struct error *err)
{
	unsigned char header[TAR_RECORD];
	struct written_blob *written;

	if (archive_has(w, &blob->digest)) {
		if (ftruncate(w->file_fd, (off_t)w->blob_start) < 0 ||
		    lseek(w->file_fd, (off_t)w->blob_start, SEEK_SET) < 0)
			return error_errno(err, "write to %s", w->path);
		return 0;
	}
	tar_header_file(blob_name(w, &blob->digest), blob->size, header);
	if (pwrite(w->file_fd, header, sizeof(header), (off_t)w->blob_start) != sizeof(header))
		return error_errno(err, "write to %s", w->path);
	written = ARENA_NEW(w->arena, struct written_blob);
	*written = (struct written_blob){ w->written, blob->digest };
	w->written = written;
	return pad(w, blob->size, err);
}

int archive_commit(struct writer *w, const char *index, size_t size, const char *layout,
		   struct error *err)
{
	struct tar_writer tar = { .out = &w->sink, .pax.arena = w->arena, .name.arena = w->arena };
	bool oci = w->kind == WRITER_OCI_ARCHIVE;

	w->sink.write = file_write_sink;
	if (oci && tar_write_file(&tar, "oci-layout", layout, strlen(layout), err) < 0)
		return -1;
	if (tar_write_file(&tar, oci ? "index.json" : "manifest.json", index, size, err) < 0 ||
	    tar_write_end(&tar, err) < 0)
		return -1;
	if (fsync(w->file_fd) < 0 ||
	    renameat(w->dir_fd, temporary_name(w), w->dir_fd, file_name(w)) < 0)
		return error_errno(err, "write %s", w->path);
	w->has_file = false;
	return 0;
}

void archive_remove(struct writer *w)
{
	unlinkat(w->dir_fd, temporary_name(w), 0);
}
