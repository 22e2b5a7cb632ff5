/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/store/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/path.h"

enum { LINKS_MAX = 40 };

/* A directory: its path without symlinks, and which layers have a part of it. */
struct level {
	const char *path;		/* "usr/lib"; "." for the root */
	const size_t *layers;
	size_t count;
};

struct walk {
	const struct overlay *overlay;
	struct level levels[OVERLAY_MAX_DEPTH];	/* from the root to where we are */
	size_t depth;
	const char *rest;		/* what is still to be resolved */
	unsigned int links;
};

struct found {
	size_t layer;
	const char *path;
	struct stat st;
};

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool is_opaque(const struct overlay *overlay, size_t layer, const char *path)
{
	const char *name = overlay->user_xattr ? "user.overlay.opaque" : "trusted.overlay.opaque";
	struct error ignored;
	_cleanup_fd int fd = path_open_strict(overlay->layer_fds[layer], path,
					      O_RDONLY | O_DIRECTORY, &ignored);
	char value[8];

	return fd >= 0 && fgetxattr(fd, name, value, sizeof(value)) == 1 && value[0] == 'y';
}

/*
 * The name in the directory where we are.  1: a directory, ret_level; 0: something else,
 * ret_found; -1: nothing, and errno.
 */
static int look(const struct walk *walk, const char *name, struct level *ret_level,
		struct found *ret_found)
{
	const struct overlay *overlay = walk->overlay;
	const struct level *here = &walk->levels[walk->depth];
	const char *path = walk->depth == 0 ? name :
			   arena_printf(overlay->arena, "%s/%s", here->path, name);
	size_t *layers = ARENA_NEWS(overlay->arena, here->count + 1, size_t), count = 0;
	struct stat st;

	for (size_t i = 0; i < here->count; i++) {
		size_t layer = here->layers[i];

		/* All of the path before the name was seen to be directories in this layer. */
		if (fstatat(overlay->layer_fds[layer], path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT)
				continue;
			return -1;
		}
		if (!S_ISDIR(st.st_mode)) {
			if (count > 0 || is_whiteout(&st))
				break;
			*ret_found = (struct found){ layer, path, st };
			return 0;
		}
		layers[count++] = layer;
		if (is_opaque(overlay, layer, path))
			break;
	}
	*ret_level = (struct level){ path, layers, count };
	errno = ENOENT;
	return count > 0 ? 1 : -1;
}

static int follow(struct walk *walk, const struct found *link)
{
	struct arena *arena = walk->overlay->arena;
	char target[PATH_MAX];
	ssize_t size = readlinkat(walk->overlay->layer_fds[link->layer], link->path, target,
				  sizeof(target) - 1);

	if (size < 0)
		return -1;
	if (++walk->links > LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	target[size] = '\0';
	if (target[0] == '/')
		walk->depth = 0;
	walk->rest = arena_printf(arena, "%s/%s", target, walk->rest);
	return 0;
}

enum outcome { GO_ON, IS_FILE, IS_DIRECTORY };

/* One part of the path; -1 and errno. */
static int step(struct walk *walk, struct found *ret)
{
	size_t length;
	const char *name;
	int kind;

	walk->rest += strspn(walk->rest, "/");
	length = strcspn(walk->rest, "/");
	name = arena_strndup(walk->overlay->arena, walk->rest, length);
	walk->rest += length;
	if (length == 0)
		return IS_DIRECTORY;
	if (strcmp(name, ".") == 0)
		return GO_ON;
	if (strcmp(name, "..") == 0) {
		walk->depth -= walk->depth > 0;
		return GO_ON;
	}
	if (walk->depth + 1 == OVERLAY_MAX_DEPTH) {
		errno = ENAMETOOLONG;
		return -1;
	}
	kind = look(walk, name, &walk->levels[walk->depth + 1], ret);
	if (kind > 0) {
		walk->depth++;
		return GO_ON;
	}
	if (kind < 0)
		return -1;
	if (S_ISLNK(ret->st.st_mode))
		return follow(walk, ret) < 0 ? -1 : GO_ON;
	if (walk->rest[strspn(walk->rest, "/")] != '\0') {
		errno = ENOTDIR;
		return -1;
	}
	return IS_FILE;
}

/* Of a directory, ret is its part in the highest layer. */
static int find(const struct overlay *overlay, const char *path, struct found *ret)
{
	size_t *all = ARENA_NEWS(overlay->arena, overlay->count + 1, size_t);
	struct walk *walk = ARENA_NEW(overlay->arena, struct walk);
	int outcome;

	for (size_t i = 0; i < overlay->count; i++)
		all[i] = i;
	walk->overlay = overlay;
	walk->levels[0] = (struct level){ ".", all, overlay->count };
	walk->rest = path;
	do {
		outcome = step(walk, ret);
	} while (outcome == GO_ON);
	if (outcome == IS_DIRECTORY) {
		const struct level *level = &walk->levels[walk->depth];

		if (level->count == 0) {
			errno = ENOENT;
			return -1;
		}
		*ret = (struct found){ .layer = level->layers[0], .path = level->path };
	}
	return outcome;
}

/*
 * A regular file, for reading; ENOENT as err->code where there is none, also where it is no
 * regular file.  Returns an fd.
 */
static int overlay_open(const struct overlay *overlay, const char *path, struct error *err)
{
	struct found found;
	int outcome = find(overlay, path, &found), fd;

	if (outcome < 0)
		return error_errno(err, "%s in the image", path);
	if (outcome != IS_FILE || !S_ISREG(found.st.st_mode))
		return error_number(err, ENOENT, "%s in the image is no regular file", path);
	fd = path_open_strict(overlay->layer_fds[found.layer], found.path, O_RDONLY, err);
	return fd >= 0 ? fd : error_wrap(err, "%s in the image", path);
}

int overlay_open_directory(const struct overlay *overlay, const char *path, const char **ret_real,
			   struct error *err)
{
	struct found found;
	int outcome = find(overlay, path, &found);

	if (outcome < 0)
		return error_errno(err, "%s in the image", path);
	if (outcome != IS_DIRECTORY)
		return error_number(err, ENOTDIR, "%s in the image", path);
	*ret_real = found.path;
	return path_open_strict(overlay->layer_fds[found.layer], found.path,
				O_RDONLY | O_DIRECTORY, err);
}

int overlay_read(const struct overlay *overlay, const char *path, size_t limit, char **ret_text,
		 size_t *ret_size, struct error *err)
{
	_cleanup_fd int fd = overlay_open(overlay, path, err);

	if (fd < 0)
		return -1;
	if (fd_read_all(fd, limit, overlay->arena, ret_text, ret_size, err) < 0)
		return error_wrap(err, "%s in the image", path);
	return 0;
}
