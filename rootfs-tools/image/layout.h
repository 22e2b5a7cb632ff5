/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/source.h"

/*
 * The two kinds of documents that say what an image consists of: an OCI layout's index and
 * manifests, and the manifest.json of a docker-archive.  Both fill image->manifest, config,
 * platform and layers, and check that they agree.
 */

/* What was asked for. */
struct selection {
	const char *tag;		/* or NULL */
	struct digest digest;		/* or unset */
	struct platform platform;
	bool any_platform;
};

/* Of an index; Docker's is called a manifest list. */
bool media_type_is_index(const char *type);
bool media_type_is_manifest(const char *type);
/*
 * What BuildKit puts beside an image, to say how it was made: a manifest whose layers are JSON
 * (docs/attestations/attestation-storage.md there).  No image, whatever else its descriptor says.
 */
bool descriptor_is_attestation(const struct descriptor *descriptor);
int layout_load(struct image *image, const struct selection *selection, struct error *err);
/* The same where the manifest is known already; and the manifest alone, of anything. */
int layout_manifest_load(struct image *image, const struct descriptor *descriptor,
			 const struct selection *selection, struct error *err);
int layout_manifest_read(struct image *image, const struct descriptor *descriptor,
			 struct error *err);
int docker_archive_load(struct image *image, const struct selection *selection, struct error *err);

/*
 * What is kept in the form of an image and is none: a signature of cosign, an SBOM that ORAS
 * pushed, a chart (image-spec 1.1, manifest.md, "Guidelines for Artifact Usage").  Of a manifest:
 * its config is none of an image, or none of its layers is.
 */
bool manifest_is_artifact(const struct json *manifest);
/* As it says itself, or what its config is. */
const char *manifest_artifact_type(const struct json *manifest);
bool media_type_is_config(const char *type);
/* artifactType and "layers" are what the spec wants; the blobs are not looked at. */
int artifact_check(struct image *image, struct error *err);
/* What a manifest belongs to, which need not be there: 1, 0 where it names nothing, or -1. */
int manifest_subject(struct image *image, struct descriptor *ret, struct error *err);

/* A file of the layout or archive, by its name there; fd's errno ENOENT when there is none. */
int image_file_open(const struct image *image, const char *name, struct blob *ret,
		    struct error *err);
/* A whole one of at most IMAGE_MAX_DOCUMENT bytes, as JSON; its digest is computed, not checked. */
int image_file_read(const struct image *image, const char *name, struct document *ret,
		    struct error *err);
/* Of a layout that is a directory; a fifo in its place is an error, where open() would wait. */
int layout_file_read(int dir_fd, const char *name, struct arena *arena, char **ret_text,
		     size_t *ret_size, struct error *err);
/* image->platform and the layers' diff_ids from image->config. */
int image_config_apply(struct image *image, const struct selection *selection, struct error *err);

/* "%s:%u:%u: %s: what" about a value of a document; returns -1. */
int document_error(struct arena *arena, const struct json_source *source, const struct json *at,
		   struct error *err, const char *fmt, ...) _printf(5, 6);
/* The member of an object that must be a string; NULL and *err otherwise. */
const char *document_string(struct arena *arena, const struct json_source *source,
			    const struct json *object, const char *key, struct error *err);
