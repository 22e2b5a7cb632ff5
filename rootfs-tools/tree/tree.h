/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/tar/write.h"

/*
 * What a root file system holds, in memory and without its data: names that
 * lead to inodes, as a kernel has them, so that hard links need no special
 * rule.  It is made from a directory (walk.h), or of layers put on top of each
 * other (layer.h), and then compared (compare.h) or written (make/pack.h).
 *
 * The names of a directory come in the order of their bytes, whatever order
 * they were added in: that is what makes a layer reproducible.
 */
/* Where the data of a regular file is: read again when it is needed. */
struct tree_source {
	uint32_t layer, entry;	/* of layers: which entry of which */
	dev_t device;		/* of directories: the file that was seen there */
	ino_t inode;
};

struct tree_inode {
	mode_t mode;
	uint32_t uid, gid;
	dev_t device;
	int64_t mtime;
	uint32_t mtime_ns;
	uint64_t size;
	const char *target;		/* of a symlink */
	const struct tar_xattr *xattrs;	/* by name */
	size_t xattr_count;
	const char *digest;		/* of the data, in hexadecimal digits; NULL: not known */
	struct tree_source source;
	const struct tree_node *first;	/* name of those that tree_link_names() has met */
	uint32_t links;			/* as many it has met */
	bool wanted;			/* delta.c: some name of it is in the delta */
};

struct tree_node {
	const char *name;
	struct tree_node *parent;	/* NULL: the root */
	struct tree_node *left, *right;	/* among its brothers: a treap */
	struct tree_node *children;	/* the top of theirs */
	uint64_t priority;
	struct tree_inode *inode;	/* NULL: a whiteout */
	uint32_t layer;			/* the last that named it or something below it */
	bool opaque;			/* hides what layers below have in it */
	bool implied;			/* a directory that no entry named */
};

struct tree {
	struct arena *arena;
	struct tree_node *root;
	uint64_t random;		/* state of the priorities */
	size_t count;			/* of nodes ever made: bounded by TREE_MAX */
	size_t bytes;			/* of targets and attributes of layers: by TREE_MAX_BYTES */
};
enum { TREE_MAX = 1 << 23, TREE_MAX_BYTES = 1 << 28 };

void tree_init(struct tree *tree, struct arena *arena);
struct tree_node *tree_find_child(const struct tree_node *dir, const char *name);
/* The one with that name, new and without an inode where there was none; NULL: too many. */
struct tree_node *tree_add_child(struct tree *tree, struct tree_node *dir, const char *name,
				 struct error *err);
/*
 * The node of the same path as one of another tree, made where it is missing, with its parents:
 * they share their inodes.
 */
struct tree_node *tree_add_path(struct tree *tree, const struct tree_node *like,
				struct error *err);
void tree_drop(struct tree_node *node);
bool tree_is_dir(const struct tree_node *node);

/* The names of a directory in order; next may be asked also when node was removed. */
struct tree_node *tree_first(const struct tree_node *dir);
struct tree_node *tree_next(const struct tree_node *dir, const struct tree_node *node);
/* The next of a walk through all: first what is below it.  NULL behind the last. */
struct tree_node *tree_walk_next(const struct tree_node *top, const struct tree_node *node);

/* "usr/bin/env", "" for the root. */
const char *tree_path(struct arena *arena, const struct tree_node *node);
/* Follows no symlink.  NULL where there is none; path may begin or end with slashes. */
struct tree_node *tree_find(const struct tree *tree, const char *path);
/* The same through symlinks, which never leave the root; -1: a loop, or not below a directory. */
int tree_resolve(const struct tree *tree, const char *path, struct tree_node **ret,
		 const char **ret_rest, struct error *err);

/* Sets first and links of all inodes. */
void tree_link_names(struct tree *tree);
/* A tar's member for the node: its inode's facts, and for a later name of it a hard link. */
void tree_member(struct arena *arena, const struct tree_node *node, struct tar_member *ret);
