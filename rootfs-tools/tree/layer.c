/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tree/layer.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "rootfs-tools/image/layer_read.h"
#include "rootfs-tools/interrupt.h"

struct adder {
	struct tree *tree;
	struct tree_source source;
	unsigned int flags;
	struct error *err;
};

static int bad(const struct adder *a, const char *path, const char *what)
{
	return error_set(a->err, "%s: %s", text_printable(a->tree->arena, path), what);
}

/* --- names --------------------------------------------------------------------------- */

static void touch(struct tree_node *node, uint32_t layer)
{
	for (; node != NULL && node->layer < layer; node = node->parent)
		node->layer = layer;
}

static struct tree_inode *new_dir(const struct adder *a)
{
	struct tree_inode *inode = ARENA_NEW(a->tree->arena, struct tree_inode);

	inode->mode = S_IFDIR | 0755;
	return inode;
}

static struct tree_node *imply_dir(struct adder *a, struct tree_node *dir, const char *name)
{
	struct tree_node *node = tree_add_child(a->tree, dir, name, a->err);

	if (node == NULL || tree_is_dir(node))
		return node;
	if (node->inode != NULL) {
		bad(a, tree_path(a->tree->arena, node),
		    "a file lies below it, and it is no directory");
		return NULL;
	}
	/* Where there was a whiteout it is a new one; else what lies below may know more of it. */
	node->opaque = node->layer != 0;
	node->implied = !node->opaque;
	node->inode = new_dir(a);
	return node;
}

/* The directory at path, through symlinks; made where it is missing. */
static struct tree_node *find_dir(struct adder *a, const char *path)
{
	struct tree_node *node;
	const char *rest;
	char name[256];

	if (tree_resolve(a->tree, path, &node, &rest, a->err) < 0)
		return NULL;
	if (!tree_is_dir(node) && bad(a, path, "is no directory, and a file lies below it") < 0)
		return NULL;
	while (node != NULL && *(rest += strspn(rest, "/")) != '\0') {
		size_t here = strcspn(rest, "/");

		memcpy(name, rest, here);
		name[here] = '\0';
		rest += here;
		if (strcmp(name, "..") == 0)
			node = node->parent != NULL ? node->parent : node;
		else if (strcmp(name, ".") != 0)
			node = imply_dir(a, node, name);
	}
	if (node != NULL)
		touch(node, a->source.layer);
	return node;
}

/*
 * A path of an entry and its two parts, where nothing of it stays: an archive of a few bytes may
 * say the longest a million times.
 */
struct entry_path {
	char whole[TAR_MAX_PATH + 1], dir[TAR_MAX_PATH + 1];
	const char *name;		/* in whole */
};

/* Without "./" and "/" in front, and "/" behind; what leads out, or is too long, is refused. */
static int clean_path(const struct adder *a, const char *path, struct entry_path *ret)
{
	const char *given = path;
	char *at = ret->whole, *slash;

	while (*(path += strspn(path, "/")) != '\0') {
		size_t length = strcspn(path, "/");

		if (length > 255)
			return bad(a, given, "a name in it is too long");
		if (length == 2 && memcmp(path, "..", 2) == 0)
			return bad(a, given, "leads out of the root");
		if (length != 1 || *path != '.') {
			if (at > ret->whole)
				*at++ = '/';
			memcpy(at, path, length);
			at += length;
		}
		path += length;
	}
	*at = '\0';
	slash = strrchr(ret->whole, '/');
	ret->name = slash != NULL ? slash + 1 : ret->whole;
	snprintf(ret->dir, sizeof(ret->dir), "%.*s", slash != NULL ? (int)(slash - ret->whole) : 0,
		 ret->whole);
	return 0;
}

/* --- whiteouts ------------------------------------------------------------------------ */

/* What layers below a->source.layer have in the directory. */
static void hide_lower(struct adder *a, struct tree_node *dir)
{
	struct tree_node *next;

	for (struct tree_node *n = tree_first(dir); n != NULL; n = next) {
		next = tree_next(dir, n);
		if (n->layer < a->source.layer)
			tree_drop(n);
		else if (tree_is_dir(n))
			hide_lower(a, n);
	}
	if (a->flags & TREE_PARTIAL)
		dir->opaque = true;
}

static int add_whiteout(struct adder *a, struct tree_node *dir, const char *name)
{
	struct tree_node *node = tree_find_child(dir, name);

	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return bad(a, name, "a whiteout of nothing");
	if (node != NULL && node->layer == a->source.layer) {
		if (!tree_is_dir(node))
			return 0;
		hide_lower(a, node);
		if (node->inode->source.layer != a->source.layer)
			node->inode = new_dir(a);
		node->implied = false;
		return 0;
	}
	if (node != NULL)
		tree_drop(node);
	if (!(a->flags & TREE_PARTIAL))
		return 0;
	node = tree_add_child(a->tree, dir, name, a->err);
	if (node == NULL)
		return -1;
	node->layer = a->source.layer;
	return 0;
}

/* --- entries -------------------------------------------------------------------------- */

static const struct tar_xattr *copy_xattrs(struct arena *arena, const struct tar_entry *e)
{
	struct tar_xattr *copy = ARENA_NEWS(arena, e->xattrs.count + 1, struct tar_xattr);

	for (size_t i = 0; i < e->xattrs.count; i++) {
		const struct tar_xattr *from = &e->xattrs.items[i];
		size_t at = i;
		void *value = arena_alloc(arena, from->size + 1);

		for (; at > 0 && strcmp(copy[at - 1].name, from->name) > 0; at--)
			copy[at] = copy[at - 1];
		memcpy(value, from->value, from->size);
		copy[at] = (struct tar_xattr){ arena_strdup(arena, from->name), value, from->size };
	}
	return copy;
}

/* A few bytes of an archive may say a megabyte of what an inode keeps. */
static int count_bytes(const struct adder *a, const struct tar_entry *e)
{
	bool keeps_link = e->type == TAR_SYMLINK || (a->flags & TREE_PARTIAL);
	size_t size = keeps_link ? strlen(e->link) : 0;

	if (!(a->flags & TREE_NO_XATTRS))
		LIST_EACH(xattr, e->xattrs)
			size += strlen(xattr->name) + xattr->size;
	if (size > TREE_MAX_BYTES - a->tree->bytes)
		return error_set(a->err,
				 "%.300s: link targets and extended attributes are larger than %d "
				 "bytes together: refused",
				 text_printable(a->tree->arena, e->path), TREE_MAX_BYTES);
	a->tree->bytes += size;
	return 0;
}

static mode_t entry_mode(const struct tar_entry *e)
{
	static const mode_t types[] = {
		[TAR_FILE] = S_IFREG, [TAR_SYMLINK] = S_IFLNK, [TAR_CHARACTER] = S_IFCHR,
		[TAR_BLOCK] = S_IFBLK, [TAR_DIRECTORY] = S_IFDIR, [TAR_FIFO] = S_IFIFO,
	};

	return types[e->type] | (e->mode & 07777);
}

static struct tree_inode *make_inode(const struct adder *a, const struct tar_entry *e)
{
	struct arena *arena = a->tree->arena;
	struct tree_inode *inode = ARENA_NEW(arena, struct tree_inode);

	*inode = (struct tree_inode){
		.mode = entry_mode(e), .uid = (uint32_t)e->uid, .gid = (uint32_t)e->gid,
		.mtime = e->mtime.tv_sec, .mtime_ns = (uint32_t)e->mtime.tv_nsec,
		.source = a->source,
	};
	if (!(a->flags & TREE_NO_XATTRS)) {
		inode->xattrs = copy_xattrs(arena, e);
		inode->xattr_count = e->xattrs.count;
	}
	if (e->type == TAR_FILE)
		inode->size = e->size;
	if (e->type == TAR_SYMLINK)
		inode->target = arena_strdup(arena, e->link);
	if (e->type == TAR_CHARACTER || e->type == TAR_BLOCK)
		inode->device = makedev(e->major, e->minor);
	return inode;
}

/* NULL and no error: of something below a partial tree. */
static int find_linked(struct adder *a, const struct tar_entry *e, struct tree_inode **ret)
{
	struct tree_node *dir, *node;
	struct entry_path path;
	const char *rest;

	if (clean_path(a, e->link, &path) < 0 ||
	    tree_resolve(a->tree, path.dir, &dir, &rest, a->err) < 0)
		return -1;
	node = *rest == '\0' ? tree_find_child(dir, path.name) : NULL;
	if (node != NULL && node->inode != NULL && !S_ISDIR(node->inode->mode)) {
		*ret = node->inode;
		return 0;
	}
	if (node != NULL || !(a->flags & TREE_PARTIAL))
		return error_set(a->err, "%s: hard link to %s, which is not there",
				 text_printable(a->tree->arena, e->path),
				 text_printable(a->tree->arena, path.whole));
	*ret = ARENA_NEW(a->tree->arena, struct tree_inode);
	(*ret)->target = arena_strdup(a->tree->arena, path.whole);
	return 0;
}

static int put_inode(struct adder *a, struct tree_node *dir, const char *name,
		     struct tree_inode *inode)
{
	struct tree_node *node = tree_add_child(a->tree, dir, name, a->err);
	bool fresh, was_dir;

	if (node == NULL)
		return -1;
	fresh = node->inode == NULL && node->layer == 0;
	was_dir = tree_is_dir(node);
	node->inode = inode;
	node->implied = false;
	touch(node, a->source.layer);
	if (was_dir && S_ISDIR(inode->mode))
		return 0;
	node->children = NULL;
	/* What replaces a file or a whiteout hides also what is below the tree. */
	node->opaque = !fresh && S_ISDIR(inode->mode) && (a->flags & TREE_PARTIAL) != 0;
	return 0;
}

static int add_entry(struct adder *a, const struct tar_entry *e, struct tree_inode **ret)
{
	struct entry_path path;
	struct tree_node *dir;

	*ret = NULL;
	if (clean_path(a, e->path, &path) < 0 || count_bytes(a, e) < 0)
		return -1;
	if (*path.whole == '\0') {
		if (e->type != TAR_DIRECTORY)
			return bad(a, e->path, "the root must be a directory");
		a->tree->root->inode = make_inode(a, e);
		a->tree->root->implied = false;
		return 0;
	}
	dir = find_dir(a, path.dir);
	if (dir == NULL)
		return -1;
	if (strcmp(path.name, ".wh..wh..opq") == 0) {
		hide_lower(a, dir);
		return 0;
	}
	if (strncmp(path.name, ".wh..wh.", 8) == 0)
		return bad(a, path.whole, "a whiteout of no known kind");
	if (strncmp(path.name, ".wh.", 4) == 0)
		return add_whiteout(a, dir, path.name + 4);
	if (e->type != TAR_HARD_LINK)
		*ret = make_inode(a, e);
	else if (find_linked(a, e, ret) < 0)
		return -1;
	return put_inode(a, dir, path.name, *ret);
}

/* --- layers --------------------------------------------------------------------------- */

static int each_add(void *context, const struct tar_entry *entry, const char *digest,
		    uint32_t number, struct error *err)
{
	struct adder *a = context;
	struct tree_inode *inode;

	a->source.entry = number;
	if (interrupt_check(err) < 0 || add_entry(a, entry, &inode) < 0)
		return -1;
	if (inode != NULL && entry->type == TAR_FILE && digest != NULL)
		inode->digest = arena_strdup(a->tree->arena, digest);
	return 0;
}

int tree_add_layers(struct tree *tree, const struct image *image, size_t first, size_t count,
		    unsigned int flags, struct error *err)
{
	struct adder adder = { .tree = tree, .flags = flags, .err = err };
	struct layer_read read = {
		.image = image, .digests = flags & TREE_DIGESTS, .entry = each_add,
		.context = &adder,
	};

	for (read.layer = first; read.layer < first + count; read.layer++) {
		/* 0 of a node means that no layer has named it. */
		adder.source = (struct tree_source){ .layer = (uint32_t)read.layer + 1 };
		if (layer_read(&read, err) < 0)
			return error_wrap(err, "layer %zu", read.layer + 1);
	}
	return 0;
}
