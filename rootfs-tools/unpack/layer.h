/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/tar/tar.h"
#include "rootfs-tools/unpack/dirs.h"
#include "rootfs-tools/unpack/touched.h"
#include "rootfs-tools/unpack/unpack.h"

/*
 * A layer's entries into a directory: runs in the confined process alone (unpack.c), so that
 * nothing here is the only wall.  Still no name of an entry ever leaves the root: each is one
 * component below a directory that dirs.c holds open.
 */
enum { LAYER_MAX_DEPTH = DIRS_MAX };

/* A name, cut into clean components: "./usr//bin/" is "usr/bin", two of them. */
struct layer_path {
	char text[TAR_MAX_PATH];	/* "" for the root itself */
	size_t parent;			/* bytes of the directory in front of the last component */
	const char *name;		/* that component, in text */
	bool slash;			/* it was written with a "/" behind it */
};

struct layer {
	struct arena *arena;
	const struct unpack_options *options;
	bool upper;			/* there are layers below: whiteouts remove files */
	bool privileged;		/* may give files away, and make devices */
	uint32_t uid, gid;		/* what new files get by themselves */
	struct dirs dirs;
	struct touched touched;		/* paths of this layer: its whiteouts spare them */
	struct touched hidden;		/* whiteouts that are done: again they would find nothing */
	struct unpack_report report;	/* of all layers */
	uint64_t entries;		/* of this one */
	uint64_t implied;		/* and directories that none of them names */
	struct layer_path path, link;	/* scratch of the entry at work */
	bool warned_xattr;
	bool inherits;			/* a directory has ACLs that new files inherit */
	/* Called after each entry: progress. */
	int (*tick)(void *context, struct error *err);
	void *context;
};

/* root_fd is borrowed. */
int layer_init(struct layer *layer, struct arena *arena, int root_fd,
	       const struct unpack_options *options, struct error *err);
/* All entries of a tar, to its end. */
int layer_apply(struct layer *layer, struct tar *tar, bool upper, struct error *err);

/* Cleans a name; an entry's that leaves the root, or can't be a file's, is refused. */
int layer_path_set(struct layer_path *path, const char *text, struct error *err);

/* layer_make.c: makes what the entry says; parent_fd holds layer->path.name. */
int layer_make(struct layer *layer, struct tar *tar, const struct tar_entry *entry,
	       int parent_fd, struct error *err);

/* whiteout.c: 1 when the entry was one, and is done. */
int whiteout_apply(struct layer *layer, const struct tar_entry *entry, struct error *err);
/* Whether the kernel would take a file for one of overlayfs's own whiteouts. */
bool whiteout_is_overlay(const struct tar_entry *entry);
/* A directory comes to where this layer has a whiteout: it hides all below. */
int whiteout_opaque(struct layer *layer, int dir_fd, struct error *err);

/* owner.c: whom it belongs to, mode, attributes, times. */
/* Of a file or directory that is open; is_new: nothing has to be taken away first. */
int owner_apply_fd(struct layer *layer, const struct tar_entry *entry, int fd, bool is_new,
		   struct error *err);
/* Of a symlink, device or fifo, by its name. */
int owner_apply_name(struct layer *layer, const struct tar_entry *entry, int parent_fd,
		     const char *name, struct error *err);
