/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/make_option.h"
#include "rootfs-tools/bundle/image_config.h"
#include "rootfs-tools/store/store.h"

/*
 * A bundle of an image: config.json, and a root.
 *
 * The root is an overlay of the store's layers that is mounted by the runtime, as the first of
 * the mounts and on "/": nothing is mounted on the host, so nothing has to be taken away, and an
 * ordinary user has it in the container's user namespace.  Changes go to overlay/upper in the
 * bundle.  With copy it is a plain tree in rootfs/.
 *
 * The paths of an overlay are absolute, so such a bundle stays where it was made.
 */
struct image_bundle {
	const struct image *image;	/* with file_system: only its reference counts */
	const char *file_system; /* "squashfs" or "erofs": the image is a file with one; or NULL */
	const char *path;		/* absolute: where the bundle will be */
	int fd;				/* borrowed: the directory that is to be filled */
	struct make_options make;	/* what the user said */
	const char *entrypoint;		/* or NULL */
	const char *upper;		/* a directory to be kept, with upper/ and work/; or NULL */
	bool copy;
	bool throw_away;		/* what it changes need not outlive the host's next crash */
	struct unpack_options unpack;
	/* Filled: what of the store it needs. */
	word_list layers;
};

/*
 * "squashfs:FILE", "erofs:FILE", or a plain path to such a file: the type and *ret_file.  NULL:
 * it is another kind of image.
 */
const char *image_file_system(struct arena *arena, const char *reference, const char **ret_file);
/* What the root is made of, for who mounts it himself: directories, the highest first. */
int image_lowers(const struct store *store, const struct image *image,
		 const struct unpack_options *unpack, word_list *ret_paths,
		 word_list *ret_names, struct error *err);
/* Whether overlayfs can write to that directory's file system; else *err says what to do. */
int image_bundle_overlay_possible(int fd, const char *path, struct error *err);
int image_bundle_make(const struct store *store, struct image_bundle *bundle,
		      struct error *err);
