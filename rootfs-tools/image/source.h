/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "config/json.h"
#include "rootfs-tools/blob/stream.h"
#include "rootfs-tools/image/platform.h"

/*
 * An image, wherever it is.  A reference is one of
 *
 *   oci:DIR[:TAG|@DIGEST]            an OCI image layout
 *   oci-archive:FILE[:TAG|@DIGEST]   the same as a tar
 *   docker-archive:FILE[:NAME:TAG]   what "docker save" and "podman save" write
 *   tar:FILE, tar:-                  the tar of one root file system, "-" is stdin
 *   dir:DIR                          a root file system as it is
 *   docker://…, and skopeo's others  fetched by skopeo, where that is installed
 *   PATH[:TAG|@DIGEST], -            one of the first five, told by looking at it
 *
 * Archives may be compressed.  Everything that image_open() returns was checked: digests are
 * well-formed, manifest and config have the digest and size that was asked for, the numbers of
 * layers and diff_ids agree, sizes and counts are within the bounds below.  Layers are checked
 * while they are read (stream.h).
 */
#define IMAGE_TYPE_INDEX "application/vnd.oci.image.index.v1+json"
/* The annotation of a descriptor in index.json that is its tag. */
#define IMAGE_REF_NAME	 "org.opencontainers.image.ref.name"
enum {
	IMAGE_MAX_DOCUMENT = 4 << 20,	/* bytes of an index, manifest or config */
	IMAGE_MAX_LAYERS = 1024,
	IMAGE_MAX_INDEX_DEPTH = 4,	/* indexes in indexes */
};
#define IMAGE_MAX_ENTRIES	UINT64_C(4000000)	/* of one layer */
#define IMAGE_MAX_BYTES		(UINT64_C(1) << 42)	/* of files, holes and all */

enum image_kind { IMAGE_OCI, IMAGE_DOCKER, IMAGE_TAR, IMAGE_DIRECTORY };

struct descriptor {
	const char *media_type;		/* "" where the source has none */
	struct digest digest;		/* unset where the source has none (docker-archive, tar) */
	uint64_t size;			/* of what is stored */
	const struct json *json;	/* the whole of it, annotations and all; or NULL */
};

/* A JSON document of the image: its bytes, its tree, and the descriptor that led to it. */
struct document {
	struct descriptor descriptor;
	struct json_source source;
	const struct json *root;	/* NULL where the image has no such document */
};

struct image_layer {
	struct descriptor descriptor;
	enum compression compression;	/* DETECT: by its first bytes */
	struct digest diff_id;		/* of the uncompressed tar; unset for a plain tar */
	const char *member;		/* docker-archive: its name in the archive */
};

struct image_options {
	const char *platform;		/* "os/architecture[/variant]"; NULL: the host's */
	bool any_platform;		/* another one is no error (inspect, validate) */
};

struct archive_index;			/* where the members of a tar are (archive.h) */

struct image {
	struct arena *arena;
	const char *reference;		/* as given */
	const char *tag;		/* the name it was found by, or NULL */
	enum image_kind kind;
	struct document index;		/* index.json, or manifest.json of a docker-archive */
	struct document manifest;	/* of IMAGE_OCI alone */
	struct document config;		/* not for IMAGE_TAR and IMAGE_DIRECTORY */
	struct platform platform;
	LIST(struct image_layer) layers;	/* the lowest first; none for IMAGE_DIRECTORY */
	int dir_fd;			/* owned: the layout, or the root of IMAGE_DIRECTORY */
	int file_fd;			/* owned: the archive or tar; may be a pipe */
	struct archive_index *members;	/* of an archive */
	const char *fetched;		/* what skopeo fetched, removed by image_close() */
	int fetched_fd;			/* owned: the lock on it */
};

int image_open(struct arena *arena, const char *reference, const struct image_options *options,
	       struct image *ret, struct error *err);
void image_close(struct image *image);
#define _cleanup_image _cleanup(image_close)
#define IMAGE_NONE { .dir_fd = -EBADF, .file_fd = -EBADF, .fetched_fd = -EBADF }

/* A blob's bytes as they are stored, not yet verified; its size agrees with the descriptor's. */
int image_blob_open(const struct image *image, const struct descriptor *descriptor,
		    struct blob *ret, struct error *err);
int image_layer_open(const struct image *image, size_t layer, struct blob *ret,
		     struct error *err);
/* Its bytes, decompressed and verified; takes over the blob that image_layer_open() gave. */
struct stream *image_layer_stream(struct arena *arena, const struct image *image, size_t layer,
				  struct blob *blob, const struct stream_limits *limits,
				  struct error *err);
/* As messages call it: "layer 2 of 4 (sha256:0123456789ab…)". */
const char *image_layer_name(struct arena *arena, const struct image *image, size_t layer);
/* A JSON blob, verified: bytes and tree.  what: how messages call it ("manifest"). */
int image_document_read(const struct image *image, const struct descriptor *descriptor,
			const char *what, struct document *ret, struct error *err);
/* A descriptor of an OCI document, checked.  source names it in messages. */
int descriptor_parse(struct arena *arena, const struct json_source *source,
		     const struct json *json, struct descriptor *ret, struct error *err);
