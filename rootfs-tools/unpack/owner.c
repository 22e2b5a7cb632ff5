/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/sys.h"
#include "base/text.h"
#include "config/id_map.h"
#include "rootfs-tools/tree/xattr.h"
#include "rootfs-tools/unpack/layer.h"

/* --- ids ------------------------------------------------------------------------------- */

static int id_find(const id_map_list *maps, uint64_t id, const char *what, uint32_t *ret,
		   struct error *err)
{
	*ret = (uint32_t)id;
	if (maps->count == 0 || id_map_to_host(maps, (uint32_t)id, ret))
		return 0;
	return error_set(err, "its %s %ju is in no line of the id map", what, (uintmax_t)id);
}

struct owner {
	uint32_t uid, gid;
	bool change; /* not what a new file has anyway */
};

static int owner_of(struct layer *layer, const struct tar_entry *entry, struct owner *ret,
		    struct error *err)
{
	const struct unpack_options *options = layer->options;

	*ret = (struct owner){ layer->uid, layer->gid, false };
	if (options->rootless)
		return 0;
	if (id_find(&options->uid_maps, entry->uid, "uid", &ret->uid, err) < 0 ||
	    id_find(&options->gid_maps, entry->gid, "gid", &ret->gid, err) < 0)
		return -1;
	/* A directory with its set-gid bit gives its group to what is made in it. */
	ret->change = ret->uid != layer->uid || ret->gid != layer->gid ||
		      (dirs_top(&layer->dirs)->mode & S_ISGID);
	return 0;
}

static int chown_error(const struct owner *owner, struct error *err)
{
	int number = errno;

	error_errno(err, "give it to %u:%u", owner->uid, owner->gid);
	if (number == EPERM || number == EINVAL)
		error_hint(err, "as an ordinary user, --rootless keeps owners aside");
	return -1;
}

/* --- extended attributes --------------------------------------------------------------- */

/* fd, or a name in the working directory. */
static int xattr_write(int fd, const char *name, const struct tar_xattr *xattr)
{
	if (fd >= 0)
		return fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0);
	return lsetxattr(name, xattr->name, xattr->value, xattr->size, 0);
}

/*
 * Version 2 of a file's capabilities is the host's to give.  Version 3 says for whose user
 * namespaces it counts (capabilities(7)): those in which the caller is root, as in his containers.
 */
static struct tar_xattr capability_own(const struct tar_xattr *xattr, uint32_t uid,
				       struct vfs_ns_cap_data *own)
{
	memcpy(own, xattr->value, XATTR_CAPS_SZ_2);
	own->magic_etc =
		htole32((le32toh(own->magic_etc) & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_3);
	own->rootid = htole32(uid);
	return (struct tar_xattr){ xattr->name, (const void *)own, sizeof(*own) };
}

static int xattr_set(struct layer *layer, int fd, const char *name, const struct tar_xattr *xattr,
		     struct error *err)
{
	bool capability = strcmp(xattr->name, XATTR_NAME_CAPS) == 0;
	struct tar_xattr given = *xattr;
	struct vfs_ns_cap_data own;

	if (capability && layer->uid != 0 && layer->options->rootless &&
	    xattr->size == XATTR_CAPS_SZ_2)
		given = capability_own(xattr, layer->uid, &own);
	if (xattr_write(fd, name, &given) == 0)
		return 0;
	/*
	 * No place for it, or no right to it: less is allowed then, never more.  EINVAL is what the
	 * kernel says of capabilities for whom has no id here.
	 */
	if (errno == EOPNOTSUPP || (errno == EPERM && !layer->privileged) ||
	    (errno == EINVAL && capability && !layer->privileged)) {
		if (!layer->warned_xattr)
			warn("%s: extended attribute %s: %s: left out, here and of other files",
			     text_printable(layer->arena, layer->path.text),
			     text_printable(layer->arena, xattr->name), strerror(errno));
		layer->warned_xattr = true;
		return 0;
	}
	return error_errno(err, "set its extended attribute %.60s",
			   text_printable(layer->arena, xattr->name));
}

static unsigned char *varint(unsigned char *at, unsigned int field, uint64_t value)
{
	if (value == 0)
		return at;
	*at++ = (unsigned char)(field << 3);
	for (; value >= 0x80; value >>= 7)
		*at++ = (unsigned char)(value | 0x80);
	*at++ = (unsigned char)value;
	return at;
}

/* The message that umoci and others read: field 1 the uid, 2 the gid, left out where 0. */
static int rootless_set(struct layer *layer, int fd, const struct tar_entry *entry,
			struct error *err)
{
	unsigned char value[16], *end = varint(varint(value, 1, entry->uid), 2, entry->gid);
	struct tar_xattr xattr = { XATTR_OWNER, value, (size_t)(end - value) };

	return end == value ? 0 : xattr_set(layer, fd, NULL, &xattr, err);
}

static int xattrs_set(struct layer *layer, const struct tar_entry *entry, int fd, const char *name,
		      struct error *err)
{
	LIST_EACH(xattr, entry->xattrs) {
		if (xattr_is_foreign(xattr->name))
			continue;
		/* Redirects and whiteouts of an image's own are no image's business. */
		if (layer->options->mode == UNPACK_OVERLAY && xattr_is_overlay(xattr->name))
			return error_set(err, "has %.60s, which overlayfs would obey: refused",
					 text_printable(layer->arena, xattr->name));
		if (layer->options->rootless && strcmp(xattr->name, XATTR_OWNER) == 0)
			return error_set(err, "has an attribute %s of its own: refused",
					 XATTR_OWNER);
		if (strcmp(xattr->name, "system.posix_acl_default") == 0)
			layer->inherits = true;
		if (xattr_set(layer, fd, name, xattr, err) < 0)
			return -1;
	}
	if (layer->options->rootless && fd >= 0)
		return rootless_set(layer, fd, entry, err);
	return 0;
}

static bool entry_has(const struct tar_entry *entry, const char *name)
{
	LIST_EACH(xattr, entry->xattrs)
		if (strcmp(xattr->name, name) == 0)
			return true;
	return false;
}

/* What the entry does not have, an existing directory loses. */
static int xattrs_clear(const struct tar_entry *entry, int fd, struct error *err)
{
	char names[XATTR_LIST_MAX];
	ssize_t size = flistxattr(fd, names, sizeof(names));

	if (size < 0)
		return errno == EOPNOTSUPP ? 0 : error_errno(err, "list its extended attributes");
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		const char *name = names + at;

		if (xattr_is_foreign(name) || xattr_is_overlay(name) || entry_has(entry, name) ||
		    strncmp(name, "security.", 9) == 0)
			continue;
		if (fremovexattr(fd, name) < 0 && errno != ENODATA && errno != EPERM)
			return error_errno(err, "remove its extended attribute %.60s", name);
	}
	return 0;
}

/* --- all of it ------------------------------------------------------------------------- */

/* "user." ones are for who may write to the file, or pass over modes. */
static bool has_attributes(const struct layer *layer, const struct tar_entry *entry)
{
	return entry->xattrs.count > 0 ||
	       (layer->options->rootless && (entry->uid != 0 || entry->gid != 0));
}

int owner_apply_fd(struct layer *layer, const struct tar_entry *entry, int fd, bool is_new,
		   struct error *err)
{
	bool is_dir = entry->type == TAR_DIRECTORY, fresh = is_new && !layer->inherits;
	mode_t mode = entry->mode;
	struct owner owner;

	if (owner_of(layer, entry, &owner, err) < 0)
		return -1;
	if (!layer->options->rootless && (owner.change || !fresh) &&
	    fchown(fd, owner.uid, owner.gid) < 0)
		return chown_error(&owner, err);
	if (!layer->dirs.privileged && (has_attributes(layer, entry) || !fresh))
		mode |= 0200;
	/* chown takes set-id bits away, and open() gives none. */
	if ((is_dir || owner.change || !fresh || (mode & 07000) || mode != entry->mode) &&
	    fchmod(fd, mode) < 0)
		return error_errno(err, "set its mode");
	if ((!fresh && xattrs_clear(entry, fd, err) < 0) ||
	    xattrs_set(layer, entry, fd, NULL, err) < 0)
		return -1;
	if (mode != entry->mode && fchmod(fd, entry->mode) < 0)
		return error_errno(err, "set its mode");
	return 0;
}

int owner_apply_name(struct layer *layer, const struct tar_entry *entry, int parent_fd,
		     const char *name, struct error *err)
{
	const struct timespec times[2] = { entry->atime, entry->mtime };
	struct owner owner;

	if (owner_of(layer, entry, &owner, err) < 0)
		return -1;
	if (owner.change && fchownat(parent_fd, name, owner.uid, owner.gid,
				     AT_SYMLINK_NOFOLLOW) < 0)
		return chown_error(&owner, err);
	/* The calls for attributes take no directory: the working one, then. */
	if ((entry->xattrs.count > 0 || layer->inherits) && fchdir(parent_fd) < 0)
		return error_errno(err, "enter its directory");
	if (layer->inherits)
		lremovexattr(name, "system.posix_acl_access");
	if (entry->type != TAR_SYMLINK && fchmodat(parent_fd, name, entry->mode, 0) < 0)
		return error_errno(err, "set its mode");
	if (entry->xattrs.count > 0 && xattrs_set(layer, entry, -1, name, err) < 0)
		return -1;
	if (utimensat(parent_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "set its times");
	return 0;
}
