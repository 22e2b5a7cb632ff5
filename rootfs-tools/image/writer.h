/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>

#include "config/json.h"
#include "rootfs-tools/blob/digest.h"
#include "rootfs-tools/blob/sink.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/tar/write.h"

/*
 * Where an image is written to:
 *
 *   [oci:]DIR[:TAG]              an OCI layout, new or with more images in it
 *   oci-archive:FILE[:TAG]       the same as a tar
 *   docker-archive:FILE[:NAME]   what "docker load" and "podman load" read
 *
 * Blobs are written one after the other; nothing of the image is to be seen
 * before writer_commit().  A new layout or archive appears whole, by a rename;
 * in a layout that is there, blobs get their name when they are whole, and
 * index.json is replaced in one step.  Such a layout is locked (flock on its
 * directory) from writer_open() on: who removes blobs must take the lock, too.
 */
enum writer_kind { WRITER_LAYOUT, WRITER_OCI_ARCHIVE, WRITER_DOCKER_ARCHIVE };

struct written_blob;

/* A blob that was written. */
struct stored {
	struct digest digest;
	uint64_t size;
};

struct writer {
	struct arena *arena;
	enum writer_kind kind;
	const char *path, *tag;		/* tag NULL: none was given */
	int dir_fd;			/* owned: the layout; an archive's directory */
	int blobs_fd;			/* owned: blobs/sha256 of a layout */
	struct publish publish;		/* of a new layout */
	bool fresh;
	int file_fd;			/* owned: the blob or archive that is being written */
	bool has_file;			/* and it has its temporary name */
	const struct json *index;	/* index.json of a layout that was there */

	struct sink sink;		/* of the blob */
	bool in_blob, is_config;	/* is_config: the blob is the config of a docker-archive */
	struct digest_state state;
	uint64_t blob_size, blob_start;
	struct written_blob *written;	/* what an archive has */
};
#define WRITER_NONE { .dir_fd = -EBADF, .blobs_fd = -EBADF, .file_fd = -EBADF, \
		      .publish = PUBLISH_NONE }

/* must_exist: no new layout is made, for commands that change one. */
int writer_open(struct arena *arena, const char *reference, bool must_exist, struct writer *ret,
		struct error *err);
/* One blob at a time; what is written to the sink is hashed and kept. */
int writer_blob_begin(struct writer *writer, struct sink **ret, struct error *err);
int writer_blob_end(struct writer *writer, struct stored *ret, struct error *err);
int writer_blob(struct writer *writer, const void *data, size_t size, struct stored *ret,
		struct error *err);
/* Whether the layout holds a blob of that digest and size. */
bool writer_has(const struct writer *writer, const struct digest *digest, uint64_t size);

/*
 * Ends it with the text of the new index.json of an OCI layout or archive, or of a
 * docker-archive's manifest.json.
 */
int writer_commit(struct writer *writer, const char *index, size_t size, struct error *err);
/* Removes what was not committed, and closes. */
void writer_close(struct writer *writer);
#define _cleanup_writer _cleanup(writer_close)

/* "abc….tar": how a blob is called in a docker-archive. */
const char *writer_docker_name(struct arena *arena, const struct digest *digest, bool is_config);

/* Splits "[oci:]DIR[:TAG]" and the like; *ret_tag is NULL where there is none. */
int writer_parse(struct arena *arena, const char *reference, enum writer_kind *ret_kind,
		 const char **ret_path, const char **ret_tag, struct error *err);
