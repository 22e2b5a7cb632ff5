/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tree/tree.h"

#include <errno.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>

void tree_init(struct tree *tree, struct arena *arena)
{
	*tree = (struct tree){ .arena = arena, .random = 88172645463325252ULL };
	/* Nobody who makes an image can know what would make the treap deep. */
	if (getrandom(&tree->random, sizeof(tree->random), GRND_NONBLOCK) < 0)
		tree->random ^= (uint64_t)(uintptr_t)tree;
	tree->random |= 1;
	tree->root = ARENA_NEW(arena, struct tree_node);
	tree->root->name = "";
	tree->root->implied = true;
	tree->root->inode = ARENA_NEW(arena, struct tree_inode);
	tree->root->inode->mode = S_IFDIR | 0755;
}

static uint64_t random_next(struct tree *tree)
{
	tree->random ^= tree->random << 13;
	tree->random ^= tree->random >> 7;
	tree->random ^= tree->random << 17;
	return tree->random;
}

bool tree_is_dir(const struct tree_node *node)
{
	return node->inode != NULL && S_ISDIR(node->inode->mode);
}

struct tree_node *tree_find_child(const struct tree_node *dir, const char *name)
{
	struct tree_node *at = dir->children;

	while (at != NULL) {
		int order = strcmp(name, at->name);

		if (order == 0)
			return at;
		at = order < 0 ? at->left : at->right;
	}
	return NULL;
}

/* Divides the treap at into what is before name and what is behind it. */
static void treap_split(struct tree_node *at, const char *name, struct tree_node **ret_before,
			struct tree_node **ret_behind)
{
	while (at != NULL) {
		if (strcmp(name, at->name) < 0) {
			*ret_behind = at;
			ret_behind = &at->left;
			at = at->left;
		} else {
			*ret_before = at;
			ret_before = &at->right;
			at = at->right;
		}
	}
	*ret_before = *ret_behind = NULL;
}

/* One treap of two, of which all of the first is before the second. */
static struct tree_node *treap_join(struct tree_node *before, struct tree_node *behind)
{
	struct tree_node *top, **at = &top;

	while (before != NULL && behind != NULL) {
		if (before->priority > behind->priority) {
			*at = before;
			at = &before->right;
			before = before->right;
		} else {
			*at = behind;
			at = &behind->left;
			behind = behind->left;
		}
	}
	*at = before != NULL ? before : behind;
	return top;
}

static void treap_insert(struct tree_node **at, struct tree_node *node)
{
	while (*at != NULL && (*at)->priority > node->priority)
		at = strcmp(node->name, (*at)->name) < 0 ? &(*at)->left : &(*at)->right;
	treap_split(*at, node->name, &node->left, &node->right);
	*at = node;
}

struct tree_node *tree_add_child(struct tree *tree, struct tree_node *dir, const char *name,
				 struct error *err)
{
	struct tree_node *node = tree_find_child(dir, name);

	if (node != NULL)
		return node;
	if (tree->count == TREE_MAX) {
		error_number(err, E2BIG, "more than %d files", TREE_MAX);
		return NULL;
	}
	tree->count++;
	node = ARENA_NEW(tree->arena, struct tree_node);
	node->name = arena_strdup(tree->arena, name);
	node->parent = dir;
	node->priority = random_next(tree);
	treap_insert(&dir->children, node);
	return node;
}

struct tree_node *tree_add_path(struct tree *tree, const struct tree_node *like, struct error *err)
{
	struct tree_node *dir, *node;

	if (like->parent == NULL)
		return tree->root;
	dir = tree_add_path(tree, like->parent, err);
	node = dir != NULL ? tree_add_child(tree, dir, like->name, err) : NULL;
	if (node == NULL || node->inode != NULL)
		return node;
	node->inode = like->inode;
	node->implied = like->implied;
	return node;
}

void tree_drop(struct tree_node *node)
{
	struct tree_node **at = &node->parent->children;

	while (*at != node)
		at = strcmp(node->name, (*at)->name) < 0 ? &(*at)->left : &(*at)->right;
	*at = treap_join(node->left, node->right);
}

struct tree_node *tree_first(const struct tree_node *dir)
{
	struct tree_node *at = dir->children;

	while (at != NULL && at->left != NULL)
		at = at->left;
	return at;
}

struct tree_node *tree_next(const struct tree_node *dir, const struct tree_node *node)
{
	struct tree_node *at = dir->children, *best = NULL;

	while (at != NULL) {
		if (strcmp(node->name, at->name) < 0) {
			best = at;
			at = at->left;
		} else {
			at = at->right;
		}
	}
	return best;
}

struct tree_node *tree_walk_next(const struct tree_node *top, const struct tree_node *node)
{
	struct tree_node *next = tree_first(node);

	while (next == NULL && node != top) {
		next = tree_next(node->parent, node);
		node = node->parent;
	}
	return next;
}

const char *tree_path(struct arena *arena, const struct tree_node *node)
{
	size_t length = 0;
	char *path;

	for (const struct tree_node *n = node; n->parent != NULL; n = n->parent)
		length += strlen(n->name) + 1;
	if (length == 0)
		return "";
	path = arena_alloc(arena, length);
	for (const struct tree_node *n = node; n->parent != NULL; n = n->parent) {
		size_t here = strlen(n->name);

		length -= here + 1;
		memcpy(path + length, n->name, here);
		if (n != node)
			path[length + here] = '/';
	}
	return path;
}

struct tree_node *tree_find(const struct tree *tree, const char *path)
{
	struct tree_node *node = tree->root;
	char name[256];

	while (node != NULL && *(path += strspn(path, "/")) != '\0') {
		size_t length = strcspn(path, "/");

		if (length >= sizeof(name))
			return NULL;
		memcpy(name, path, length);
		name[length] = '\0';
		path += length;
		node = tree_find_child(node, name);
	}
	return node;
}

enum { LINKS_MAX = 40, PATH_LIMIT = 4096 };

/* In the buffer: what is left of a path behind a symlink's target.  NULL: too long. */
static const char *follow(char buffer[PATH_LIMIT + 1], const char *target, const char *rest)
{
	int length =
		snprintf(buffer, PATH_LIMIT + 1, "%s%s%s", target, *rest != '\0' ? "/" : "", rest);

	return length <= PATH_LIMIT ? buffer : NULL;
}

/* Behind what is there callers make the names themselves, in as much room. */
static bool names_fit(const char *path)
{
	while (*(path += strspn(path, "/")) != '\0') {
		size_t length = strcspn(path, "/");

		if (length > NAME_MAX)
			return false;
		path += length;
	}
	return true;
}

int tree_resolve(const struct tree *tree, const char *path, struct tree_node **ret,
		 const char **ret_rest, struct error *err)
{
	struct tree_node *node = tree->root;
	const char *whole = path;
	unsigned int links = 0;
	/* An image may have us go through 40 links for each of its files: nothing is kept. */
	char name[NAME_MAX + 1], paths[2][PATH_LIMIT + 1];

	if (strlen(path) > PATH_LIMIT)
		return error_number(err, ENAMETOOLONG, "%s", whole);
	while (*(path += strspn(path, "/")) != '\0') {
		size_t length = strcspn(path, "/");
		struct tree_node *child;

		if (length > NAME_MAX)
			break;
		if (!tree_is_dir(node))
			return error_number(err, ENOTDIR, "%s: %s", whole,
					    tree_path(tree->arena, node));
		memcpy(name, path, length);
		name[length] = '\0';
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
			node = name[1] != '\0' && node->parent != NULL ? node->parent : node;
			path += length;
			continue;
		}
		child = tree_find_child(node, name);
		if (child == NULL || child->inode == NULL)
			break;
		path += length;
		if (!S_ISLNK(child->inode->mode)) {
			node = child;
			continue;
		}
		if (++links > LINKS_MAX)
			return error_number(err, ELOOP, "%s", whole);
		path = follow(paths[links % 2], child->inode->target, path + strspn(path, "/"));
		if (path == NULL)
			return error_number(err, ENAMETOOLONG, "%s", whole);
		node = *path == '/' ? tree->root : node;
	}
	if (!names_fit(path))
		return error_number(err, ENAMETOOLONG, "%s", whole);
	*ret = node;
	*ret_rest = links > 0 ? arena_strdup(tree->arena, path) : path;
	return 0;
}

void tree_link_names(struct tree *tree)
{
	for (struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		if (n->inode != NULL)
			n->inode->links = 0;
	for (struct tree_node *n = tree->root; n != NULL; n = tree_walk_next(tree->root, n))
		if (n->inode != NULL && n->inode->links++ == 0)
			n->inode->first = n;
}

void tree_member(struct arena *arena, const struct tree_node *node, struct tar_member *ret)
{
	const struct tree_inode *inode = node->inode;

	*ret = (struct tar_member){
		.path = tree_path(arena, node), .link = inode->target, .mode = inode->mode,
		.uid = inode->uid, .gid = inode->gid, .mtime = inode->mtime,
		.mtime_ns = inode->mtime_ns, .size = inode->size, .device = inode->device,
		.xattrs = inode->xattrs, .xattr_count = inode->xattr_count,
	};
	/* Of mode 0: a link to what a partial tree does not have. */
	if (inode->mode == 0)
		ret->hard_link = true;
	if (inode->first != NULL && inode->first != node) {
		ret->hard_link = true;
		ret->link = tree_path(arena, inode->first);
	}
}
