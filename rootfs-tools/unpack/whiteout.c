/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/unpack/layer.h"

/*
 * Files that stand for what is not there: ".wh.NAME" hides NAME of lower layers, ".wh..wh..opq"
 * all that they have in its directory.
 */
#define PREFIX		".wh."
#define OPAQUE		".wh..wh..opq"

bool whiteout_is_overlay(const struct tar_entry *entry)
{
	return entry->type == TAR_CHARACTER && entry->major == 0 && entry->minor == 0;
}

/* --- for overlayfs --------------------------------------------------------------------- */

int whiteout_opaque(struct layer *layer, int dir_fd, struct error *err)
{
	const char *name = layer->options->user_xattr ? "user.overlay.opaque" :
							"trusted.overlay.opaque";

	return fsetxattr(dir_fd, name, "y", 1, 0) == 0 ? 0 : error_errno(err, "set %s", name);
}

static int overlay_hide(struct layer *layer, int dir_fd, const char *name, struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	struct stat st;

	if (mknodat(dir_fd, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST)
		return error_errno(err, "make a whiteout");
	/* The layer puts something there itself: only a directory shows what is below. */
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "look at %s", name);
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? whiteout_opaque(layer, fd, err) : error_errno(err, "open %s", name);
}

/* name NULL: all that is in the directory. */
static int overlay_apply(struct layer *layer, const char *name, struct error *err)
{
	const struct layer_path *path = &layer->path;
	int dir_fd = dirs_find(&layer->dirs, path->text, path->parent, err);

	/* Below a whiteout, or a file, nothing is left to be hidden. */
	if (dir_fd == -EBADF && err->code == ENOTDIR)
		return 0;
	if (dir_fd == -EBADF)
		dir_fd = dirs_enter(&layer->dirs, path->text, path->parent, err);
	if (dir_fd < 0)
		return -1;
	layer->report.hides_all |= name == NULL && path->parent == 0;
	return name != NULL ? overlay_hide(layer, dir_fd, name, err) :
			      whiteout_opaque(layer, dir_fd, err);
}

/* --- by removing ----------------------------------------------------------------------- */

struct hider {
	struct layer *layer;
	char path[TAR_MAX_PATH];	/* of what is looked at */
};

static int hide_below(struct hider *hider, int dir_fd, size_t length, unsigned int depth,
		      struct error *err);

/* This layer has something in the directory: the rest goes, and time and mode stay as they are. */
static int hide_rest(struct hider *hider, int dir_fd, const char *name, size_t length,
		     unsigned int depth, const struct stat *st, struct error *err)
{
	bool closed = !hider->layer->dirs.privileged && (st->st_mode & 0700) != 0700;
	_cleanup_fd int fd = -EBADF;

	if (closed && fchmodat(dir_fd, name, 0700, 0) < 0)
		return error_errno(err, "open up %s", name);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "open %s", name);
	if (hide_below(hider, fd, length, depth + 1, err) < 0)
		return -1;
	if ((closed && fchmod(fd, st->st_mode & 07777) < 0) ||
	    futimens(fd, (struct timespec[2]){ st->st_atim, st->st_mtim }) < 0)
		return error_errno(err, "set mode and times of %s", name);
	return 0;
}

/* hider->path, length bytes, is name in dir_fd. */
static int hide(struct hider *hider, int dir_fd, const char *name, size_t length,
		unsigned int depth, struct error *err)
{
	struct stat st;

	if (!touched_has(&hider->layer->touched, hider->path, length))
		return tree_remove(dir_fd, name, err);
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_errno(err, "look at %s", name);
	if (!S_ISDIR(st.st_mode))
		return 0;
	return hide_rest(hider, dir_fd, name, length, depth, &st, err);
}

static int hide_below(struct hider *hider, int dir_fd, size_t length, unsigned int depth,
		      struct error *err)
{
	DIR *dir = dir_list(dir_fd);
	struct dirent *entry;
	int code = 0;

	if (dir == NULL)
		return error_errno(err, "list a directory");
	while (code == 0 && (entry = dir_next(dir)) != NULL) {
		size_t size = strlen(entry->d_name), at = length + (length > 0);

		if (at + size >= sizeof(hider->path) || depth > LAYER_MAX_DEPTH) {
			code = error_set(err, "hide what is below it: it is nested too deeply");
			break;
		}
		if (length > 0)
			hider->path[length] = '/';
		memcpy(hider->path + at, entry->d_name, size + 1);
		code = hide(hider, dir_fd, entry->d_name, at + size, depth, err);
	}
	if (code == 0 && errno != 0)
		code = error_errno(err, "list a directory");
	closedir(dir);
	return code;
}

/* name NULL: all that is in the directory. */
static int remove_lower(struct layer *layer, const char *name, struct error *err)
{
	struct hider *hider = &(struct hider){ .layer = layer };
	const struct layer_path *path = &layer->path;
	size_t length = path->parent;
	int dir_fd;

	/* What is there now is the layer's own, and may be so much that each look takes long. */
	if (touched_has(&layer->hidden, path->text, strlen(path->text)))
		return 0;
	memcpy(hider->path, path->text, length);
	if (name != NULL) {
		length += (size_t)snprintf(hider->path + length, sizeof(hider->path) - length,
					   "%s%s", length > 0 ? "/" : "", name);
		if (dirs_forget(&layer->dirs, hider->path, length, err) < 0)
			return -1;
	}
	dir_fd = dirs_find(&layer->dirs, path->text, path->parent, err);
	if (dir_fd == -EBADF)	/* nothing there that could be hidden */
		return 0;
	if (dir_fd < 0 || touched_add(&layer->hidden, path->text, strlen(path->text), err) < 0)
		return -1;
	return name != NULL ? hide(hider, dir_fd, name, length, 0, err) :
			      hide_below(hider, dir_fd, length, 0, err);
}

/* --- entries --------------------------------------------------------------------------- */

/* What can't be a whiteout, and begins like one. */
static int check(const struct tar_entry *entry, const char *name, struct error *err)
{
	const char *hidden = name + strlen(PREFIX);

	if (entry->type != TAR_FILE && entry->type != TAR_HARD_LINK)
		return error_set(err, "is named as a whiteout, and no file");
	if (*hidden == '\0' || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
		return error_set(err, "is a whiteout that hides nothing");
	if (strncmp(hidden, PREFIX, strlen(PREFIX)) == 0)
		return error_set(err, "is a whiteout of no known kind");
	return 0;
}

int whiteout_apply(struct layer *layer, const struct tar_entry *entry, struct error *err)
{
	const char *name = layer->path.name;
	const char *hidden = NULL;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return 0;
	if (strcmp(name, OPAQUE) != 0) {
		if (check(entry, name, err) < 0)
			return -1;
		hidden = name + strlen(PREFIX);
	}
	if (layer->options->mode == UNPACK_FLAT)
		return layer->upper && remove_lower(layer, hidden, err) < 0 ? -1 : 1;
	return overlay_apply(layer, hidden, err) < 0 ? -1 : 1;
}
