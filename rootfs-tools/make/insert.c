/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/make/insert.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "rootfs-tools/make/pack.h"
#include "rootfs-tools/tree/layer.h"

static int image_tree(struct session *s, struct tree *ret, struct error *err)
{
	tree_init(ret, s->draft.arena);
	return tree_add_layers(ret, &s->image, 0, s->image.layers.count, 0, err);
}

/* A new tree with the directories that lead to path; missing ones are root's, 0755. */
static struct tree_node *make_parents(struct tree *image, struct tree *tree, const char *path,
				      const struct epoch *epoch, struct error *err)
{
	const char *rest;
	struct tree_node *at, *node;
	char name[256];

	if (tree_resolve(image, path, &at, &rest, err) < 0)
		return NULL;
	if (!tree_is_dir(at)) {
		error_number(err, ENOTDIR, "%s", path);
		return NULL;
	}
	tree->root->inode = image->root->inode;
	tree->root->implied = image->root->implied;
	node = tree_add_path(tree, at, err);
	while (node != NULL && *(rest += strspn(rest, "/")) != '\0') {
		size_t length = strcspn(rest, "/");

		memcpy(name, rest, length);
		name[length] = '\0';
		rest += length;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
			error_set(err, "%s: \"%s\" behind a directory that is not there", path,
				  name);
			return NULL;
		}
		node = tree_add_child(tree, node, name, err);
		if (node == NULL)
			break;
		node->inode = ARENA_NEW(tree->arena, struct tree_inode);
		node->inode->mode = S_IFDIR | 0755;
		node->inode->mtime = epoch->set ? epoch->seconds : (int64_t)time(NULL);
	}
	return node;
}

/* --- what is put there ---------------------------------------------------------------- */

struct source {
	struct layer_data data;
	struct arena *arena;
	int root_fd;			/* owned: the directory, or that of the file */
	const struct tree_node *top;	/* the walked root, or the file in it; where it went */
	const char *file;		/* the name of that file; NULL: it is a directory */
	struct tree tree;
};

static int source_open_data(struct layer_data *data, const struct tree_node *node,
			    struct error *err)
{
	struct source *s = (struct source *)data;
	const char *path = s->file;

	/* A directory's place is in front of its files' paths, and that of a file may be new. */
	if (path == NULL) {
		size_t length = strlen(tree_path(s->arena, s->top));

		path = tree_path(s->arena, node) + length + (length > 0);
	}
	return tree_open_path(s->arena, s->root_fd, path, node->inode, err);
}

static int source_walk(struct source *s, const struct insert *insert, struct error *err)
{
	const char *path = insert->source, *slash;
	struct stat st;

	if (lstat(path, &st) < 0)
		return error_errno(err, "%s", path);
	tree_init(&s->tree, s->arena);
	if (S_ISDIR(st.st_mode)) {
		s->root_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (s->root_fd < 0)
			return error_errno(err, "open %s", path);
		s->top = s->tree.root;
		return tree_walk(&s->tree, s->root_fd, insert->walk, err);
	}
	slash = strrchr(path, '/');
	s->root_fd =
		open(slash != NULL ? arena_strndup(s->arena, path, (size_t)(slash - path) + 1) :
				     ".",
		     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root_fd < 0)
		return error_errno(err, "open the directory of %s", path);
	s->file = slash != NULL ? slash + 1 : path;
	return tree_walk_file(&s->tree, s->root_fd, s->file, insert->walk, &s->top, err);
}

static size_t length_without_slashes(const char *path)
{
	size_t length = strlen(path);

	while (length > 0 && path[length - 1] == '/')
		length--;
	return length;
}

static const char *source_name(struct arena *arena, const char *path)
{
	size_t end = length_without_slashes(path), start;

	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	return arena_strndup(arena, path + start, end - start);
}

/*
 * The directory part and the name of the target; with "/" at its end the source's own name.  A
 * directory that is put at "/" is the root itself.
 */
static int split_target(struct arena *arena, const struct insert *insert, bool is_dir,
			const char **ret_dir, const char **ret_name, struct error *err)
{
	const char *target = insert->target;
	size_t length = strlen(target), start;

	if (length > is_dir && target[length - 1] == '/') {
		*ret_dir = target;
		*ret_name = source_name(arena, insert->source);
	} else {
		for (start = length; start > 0 && target[start - 1] != '/'; start--)
			;
		*ret_dir = arena_strndup(arena, target, start);
		*ret_name = target + start;
	}
	if (strcmp(*ret_name, "..") == 0 || strcmp(*ret_name, ".") == 0 ||
	    strlen(*ret_name) > 255 || strncmp(*ret_name, ".wh.", 4) == 0)
		return error_set(err, "%s: \"%s\" is no name to insert", target, *ret_name);
	return 0;
}

static int check_existing(const struct tree *image, const char *target,
			  const struct tree_node *there, bool is_dir, bool opaque,
			  struct error *err)
{
	if (opaque && !is_dir)
		return error_set(err, "--opaque: what is inserted must be a directory");
	if (there == NULL)
		return 0;
	if (tree_is_dir(there) && !is_dir)
		return error_set(err,
				 "%s: is a directory in the image; with \"/\" at its end the file "
				 "goes into it",
				 target);
	if (!tree_is_dir(there) && is_dir && there->inode != NULL && there != image->root &&
	    !S_ISLNK(there->inode->mode))
		return error_set(err, "%s: is there, and no directory; take it away first, with "
				 "--whiteout", target);
	return 0;
}

/* The walked files below the node get the place in the other tree. */
static void graft(struct tree_node *node, const struct tree_node *top)
{
	node->inode = top->inode;
	node->implied = false;
	node->children = top->children;
	for (struct tree_node *n = tree_first(node); n != NULL; n = tree_next(node, n))
		n->parent = node;
}

/* "/" and links to directories are directories already, and what is put there joins them. */
static struct tree_node *find_place(struct session *s, struct source *source,
				    const struct insert *insert, struct tree *image,
				    struct tree *tree, struct error *err)
{
	const char *dir, *name, *rest;
	struct tree_node *parent, *there, *node;
	bool is_dir = tree_is_dir(source->top);

	if (split_target(s->draft.arena, insert, is_dir, &dir, &name, err) < 0)
		return NULL;
	if (is_dir && tree_resolve(image, arena_printf(s->draft.arena, "%s/%s", dir, name), &there,
				   &rest, err) == 0 && *rest == '\0' && tree_is_dir(there))
		return make_parents(image, tree, tree_path(s->draft.arena, there), &s->draft.epoch,
				    err);
	parent = make_parents(image, tree, dir, &s->draft.epoch, err);
	if (parent == NULL)
		return NULL;
	there = tree_find(image, arena_printf(s->draft.arena, "%s/%s",
					      tree_path(s->draft.arena, parent), name));
	if (check_existing(image, insert->target, there, is_dir, insert->opaque, err) < 0)
		return NULL;
	node = tree_add_child(tree, parent, name, err);
	return node;
}

int insert_files(struct session *s, const struct insert *insert, struct error *err)
{
	struct source source = { .data = { source_open_data }, .arena = s->draft.arena,
				 .root_fd = -EBADF };
	struct tree image, tree;
	struct tree_node *node;
	int status = -1;

	tree_init(&tree, s->draft.arena);
	if (source_walk(&source, insert, err) == 0 && image_tree(s, &image, err) == 0 &&
	    (node = find_place(s, &source, insert, &image, &tree, err)) != NULL) {
		graft(node, source.top);
		node->opaque = insert->opaque;
		source.top = node;
		status = pack_tree(s, &tree, &source.data, err);
	}
	fd_close(&source.root_fd);
	return status;
}

/* Whether the directory, or one above it, is taken away already. */
static bool is_gone(const struct tree *tree, const struct tree_node *dir)
{
	for (; dir->parent != NULL; dir = dir->parent) {
		const struct tree_node *node = tree_find(tree, tree_path(tree->arena, dir));

		if (node != NULL && node->inode == NULL)
			return true;
	}
	return false;
}

int insert_whiteouts(struct session *s, const char *const *paths, size_t count, struct error *err)
{
	struct tree image, tree;

	tree_init(&tree, s->draft.arena);
	if (image_tree(s, &image, err) < 0)
		return -1;
	tree.root->inode = image.root->inode;
	tree.root->implied = image.root->implied;
	for (size_t i = 0; i < count; i++) {
		const size_t length = length_without_slashes(paths[i]);
		const char *path = arena_strndup(s->draft.arena, paths[i], length);
		const char *slash = strrchr(path, '/'), *rest;
		const char *name = slash != NULL ? slash + 1 : path;
		struct tree_node *dir, *node;

		if (tree_resolve(&image, arena_strndup(s->draft.arena, path, (size_t)(name - path)),
				 &dir, &rest, err) < 0)
			return -1;
		node = *rest == '\0' && *name != '\0' ? tree_find_child(dir, name) : NULL;
		if (node == NULL || (paths[i][length] == '/' && !tree_is_dir(node)))
			return error_set(err, "--whiteout %s: there is no such file in the image",
					 paths[i]);
		if (is_gone(&tree, dir))
			continue;
		dir = tree_add_path(&tree, dir, err);
		node = dir != NULL ? tree_add_child(&tree, dir, name, err) : NULL;
		if (node == NULL)
			return -1;
		/* And with it what was to be taken away of it alone. */
		node->inode = NULL;
		node->children = NULL;
	}
	return pack_tree(s, &tree, NULL, err);
}
