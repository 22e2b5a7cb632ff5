/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/unpack/layer.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/text.h"
#include "config/id_map.h"

/* --- names ----------------------------------------------------------------------------- */

static int component_add(struct layer_path *path, size_t *used, const char *name, size_t length,
			 struct error *err)
{
	if (length == 2 && memcmp(name, "..", 2) == 0)
		return error_set(err, "leads out by \"..\": refused");
	if (length > 255)
		return error_set(err, "has a component of more than 255 bytes");
	if (path->name != NULL && strncmp(path->name, ".wh.", 4) == 0)
		return error_set(err, "lies in a whiteout");
	if (*used > 0) {
		path->parent = *used;
		path->text[(*used)++] = '/';
	}
	path->name = path->text + *used;
	memcpy(path->text + *used, name, length);
	*used += length;
	path->text[*used] = '\0';
	return 0;
}

int layer_path_set(struct layer_path *path, const char *text, struct error *err)
{
	size_t used = 0, depth = 0;

	path->parent = 0;
	path->name = NULL;
	path->text[0] = '\0';
	path->slash = *text != '\0' && text[strlen(text) - 1] == '/';
	if (*text == '\0')
		return error_set(err, "has no name");
	while (*text != '\0') {
		size_t length = strcspn(text, "/");
		bool is_name = length > 0 && !(length == 1 && text[0] == '.');

		if (is_name && ++depth > LAYER_MAX_DEPTH)
			return error_set(err, "is nested too deeply: in more than %d directories",
					 LAYER_MAX_DEPTH);
		if (is_name && component_add(path, &used, text, length, err) < 0)
			return -1;
		text += length;
		text += *text == '/';
	}
	if (path->name == NULL)
		path->name = path->text;
	return 0;
}

/* --- entries --------------------------------------------------------------------------- */

static int count_up(const struct layer *layer, uint64_t *count, const char *what, struct error *err)
{
	const struct unpack_limits *limits = &layer->options->limits;
	uint64_t most = limits->entries != 0 ? limits->entries : IMAGE_MAX_ENTRIES;

	if (++*count > most)
		return error_set(err, "the layer has more than %ju %s: refused", (uintmax_t)most,
				 what);
	return 0;
}

static int bounds_check(struct layer *layer, const struct tar_entry *entry, struct error *err)
{
	const struct unpack_limits *limits = &layer->options->limits;
	uint64_t bytes = limits->bytes != 0 ? limits->bytes : IMAGE_MAX_BYTES;

	if (count_up(layer, &layer->entries, "entries", err) < 0)
		return -1;
	if (entry->size > bytes - layer->report.bytes)
		return error_set(err, "files are larger than %ju bytes together: refused",
				 (uintmax_t)bytes);
	layer->report.entries++;
	layer->report.bytes += entry->size;
	return 0;
}

/* Times go back to the directory when it is left (dirs.h). */
static void dir_times_set(struct dir *dir, const struct tar_entry *entry)
{
	dir->times[0] = entry->atime;
	dir->times[1] = entry->mtime;
}

static int root_apply(struct layer *layer, const struct tar_entry *entry, struct error *err)
{
	struct dir *root = &layer->dirs.stack[0];

	if (entry->type != TAR_DIRECTORY)
		return error_set(err, "is the root, and no directory");
	if (owner_apply_fd(layer, entry, root->fd, false, err) < 0)
		return -1;
	root->mode = (root->mode & S_IFMT) | entry->mode;
	root->opened_up |= !layer->dirs.privileged && (entry->mode & 0700) != 0700;
	if (root->opened_up && fchmod(root->fd, entry->mode | 0700) < 0)
		return error_errno(err, "open the root for writing");
	dir_times_set(root, entry);
	layer->report.has_root = true;
	return 0;
}

static int entry_apply(struct layer *layer, struct tar *tar, const struct tar_entry *entry,
		       struct error *err)
{
	const struct layer_path *path = &layer->path;
	int code, parent_fd;

	if (bounds_check(layer, entry, err) < 0 ||
	    layer_path_set(&layer->path, entry->path, err) < 0)
		return -1;
	if (path->text[0] == '\0')
		return root_apply(layer, entry, err);
	if (path->slash && entry->type != TAR_DIRECTORY)
		return error_set(err, "is no directory, and its name ends with \"/\"");
	code = whiteout_apply(layer, entry, err);
	if (code != 0)
		return code < 0 ? -1 : 0;
	if (layer->options->mode == UNPACK_OVERLAY && whiteout_is_overlay(entry))
		return error_set(err, "is a character device 0:0, which overlayfs takes for a "
				 "whiteout: refused");
	if (layer->upper && touched_add(&layer->touched, path->text, strlen(path->text), err) < 0)
		return -1;
	parent_fd = dirs_enter(&layer->dirs, path->text, path->parent, err);
	return parent_fd >= 0 ? layer_make(layer, tar, entry, parent_fd, err) : -1;
}

/* --- the whole ------------------------------------------------------------------------- */

static int adopt(void *context, int fd, bool hides, struct error *err)
{
	struct layer *layer = context;
	const struct tar_entry nobody = { .type = TAR_DIRECTORY, .mode = 0755 };
	const char *mark = layer->options->user_xattr ? UNPACK_IMPLIED_USER : UNPACK_IMPLIED;

	/* One name may make 255 of them. */
	if (count_up(layer, &layer->implied, "directories that no entry names", err) < 0 ||
	    owner_apply_fd(layer, &nobody, fd, true, err) < 0)
		return -1;
	if (hides)
		return whiteout_opaque(layer, fd, err);
	/* Upon what lower layers have there, it is theirs: the store sees to that. */
	if (layer->options->mode != UNPACK_OVERLAY || fsetxattr(fd, mark, "y", 1, 0) == 0)
		return 0;
	error_errno(err, "set %s", mark);
	return err->code == EOPNOTSUPP ?
	       error_hint(err, "the store is on a file system without them; --store or --copy") :
	       -1;
}

/*
 * What the directory around it gives to new files is no part of an image: ACLs, and a group.  It
 * is root's until an entry says something else.
 */
static int root_reset(const struct layer *layer, int root_fd, struct error *err)
{
	uint32_t uid = layer->uid, gid = layer->gid;

	fremovexattr(root_fd, "system.posix_acl_default");
	fremovexattr(root_fd, "system.posix_acl_access");
	id_map_to_host(&layer->options->uid_maps, 0, &uid);
	id_map_to_host(&layer->options->gid_maps, 0, &gid);
	/* The caller's own ids are all that some file systems know. */
	if (fchown(root_fd, uid, gid) == 0 || (uid == layer->uid && gid == layer->gid))
		return 0;
	return error_errno(err, "give the root to %u:%u", uid, gid);
}

int layer_init(struct layer *layer, struct arena *arena, int root_fd,
	       const struct unpack_options *options, struct error *err)
{
	layer->arena = arena;
	layer->options = options;
	layer->uid = geteuid();
	layer->gid = getegid();
	layer->privileged = layer->uid == 0 && !options->rootless;
	layer->dirs.privileged = layer->uid == 0;
	layer->dirs.whiteouts = options->mode == UNPACK_OVERLAY;
	layer->dirs.adopt = adopt;
	layer->dirs.context = layer;
	umask(0);
	if (root_reset(layer, root_fd, err) < 0 || dirs_init(&layer->dirs, root_fd, err) < 0)
		return -1;
	return touched_init(&layer->touched, err) < 0 ? -1 : touched_init(&layer->hidden, err);
}

int layer_apply(struct layer *layer, struct tar *tar, bool upper, struct error *err)
{
	const struct dir *root = &layer->dirs.stack[0];
	const struct tar_entry *entry;
	int more;

	/* The layer before has left it as it is to be in the end. */
	if (root->opened_up && fchmod(root->fd, (root->mode & 07777) | 0700) < 0)
		return error_errno(err, "open the root for writing");
	layer->upper = upper && layer->options->mode == UNPACK_FLAT;
	layer->entries = layer->implied = 0;
	touched_clear(&layer->touched);
	touched_clear(&layer->hidden);
	while ((more = tar_next(tar, &entry, err)) > 0) {
		if (entry_apply(layer, tar, entry, err) < 0)
			return error_wrap(err, "%.300s", text_printable(layer->arena, entry->path));
		if (layer->tick(layer->context, err) < 0)
			return -1;
	}
	if (more < 0)
		return -1;
	return dirs_leave(&layer->dirs, err);
}
