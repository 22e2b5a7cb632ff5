/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/source.h"
#include "rootfs-tools/unpack/unpack.h"

/*
 * Layers, unpacked once.
 *
 *   STORE/lock                held shared by who uses layers, alone by who removes some
 *   STORE/layers/KEY          a JSON file: which directory the layer is in, and what it was then
 *   STORE/l/abcd/             its files, as a layer of overlayfs; never written to again
 *   STORE/bundles/…           which layers a bundle's root is made of (use.c)
 *   STORE/run/…               bundles of "kist run --image", thrown away behind it
 *
 * KEY is the diff_id, that is the digest of the layer's tar, "sha256-…"; of one that fits upon
 * its lower layers alone "chain-" and the digest of them all; or, of a tar without a diff_id,
 * "file-" and what stat(2) says of it.  A layer is published in two renames: its directory,
 * which means nothing alone, and then its file in layers/.  So there is no half one, whenever
 * kist ends.
 *
 * All of it is 0700: what a layer's programs may do, they may do in a container only.
 */
struct store {
	struct arena *arena;
	const char *path;		/* absolute */
	bool user_xattr; /* marks of overlayfs are user.overlay.*: not the host's root */
	int fd, data_fd, layers_fd;	/* owned: STORE, STORE/l, STORE/layers */
	int lock_fd;			/* owned */
};
#define STORE_NONE { .fd = -EBADF, .data_fd = -EBADF, .layers_fd = -EBADF, .lock_fd = -EBADF }

struct store_layer {
	const char *key;
	const char *name;		/* of its directory in l/ */
	uint64_t entries, bytes;
	const char *fingerprint;	/* of the directory's names and metadata */
	int64_t made;			/* time(2) */
	bool has_root;			/* it says whose "/" is, and its mode */
	bool hides_all;			/* of the layers below nothing is seen */
	bool other_marks;		/* of overlayfs, which we cannot use: store_find() says 0 */
};

enum store_access { STORE_USE, STORE_REMOVE };

/* path: NULL for the caller's own.  Made where it is not there.  Waits for who removes layers. */
int store_open(struct arena *arena, const char *path, enum store_access access,
	       struct store *ret, struct error *err);
void store_close(struct store *store);
#define _cleanup_store _cleanup(store_close)

/* 1: there; 0: not, or so damaged that it is as good as not there, with a warning. */
int store_find(const struct store *store, const char *key, struct store_layer *ret,
	       struct error *err);
/* The layer's directory, opened. */
int store_layer_open(const struct store *store, const struct store_layer *layer,
		     struct error *err);
/*
 * All layers of an image, the lowest first; those that are not there are unpacked.  ret: of
 * image->layers.count.
 */
int store_add_image(const struct store *store, const struct image *image,
		    const struct unpack_options *options, struct store_layer *ret,
		    struct error *err);

typedef LIST(struct store_layer) store_layer_list;
int store_list(const struct store *store, store_layer_list *ret, struct error *err);
/* Takes the layer out of layers/ and removes its directory. */
int store_remove(const struct store *store, const struct store_layer *layer, struct error *err);
/* Takes it out of layers/ alone: bundles keep the directory until gc. */
int store_forget(const struct store *store, const struct store_layer *layer, struct error *err);
/* 1: the directory is as it was when it was unpacked; 0: not, and ret_what says so. */
int store_verify(const struct store *store, const struct store_layer *layer,
		 const char **ret_what, struct error *err);

struct overlay;
/*
 * Directories that the layer does not name itself become what lower layers have there; whether
 * there were any, so that the layer as it is now fits upon those alone, or upon none.
 */
int store_adopt(const struct overlay *lower, int layer_fd, bool *ret_depends, struct error *err);
/* Of a directory: the same for the same names, types, modes, owners, sizes and times of change. */
int store_fingerprint(struct arena *arena, int dir_fd, const char **ret, struct error *err);

/* A directory of the store, made if missing; and the names in one that are not hidden. */
int store_below(const struct store *store, const char *name, struct error *err);
int store_names(struct arena *arena, int dir_fd, word_list *ret, struct error *err);
