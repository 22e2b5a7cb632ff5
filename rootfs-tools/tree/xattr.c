/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tree/xattr.h"

#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A "." or "_" at the end stands for all that begins so. */
static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++) {
		size_t length = strlen(*names);
		bool prefix = strchr("._", (*names)[length - 1]) != NULL;

		if (strncmp(name, *names, length) == 0 && (prefix || name[length] == '\0'))
			return true;
	}
	return false;
}

bool xattr_is_foreign(const char *name)
{
	/* A kernel that appraises files writes IMA's, and the same files would make two digests. */
	static const char *const names[] = {
		"security.selinux", "security.apparmor", "security.SMACK64", "security.SMACK64EXEC",
		"security.SMACK64MMAP", "security.SMACK64TRANSMUTE", "security.ima", "security.evm",
		"system.nfs4_", "com.apple.", NULL,
	};

	return is_one_of(name, names);
}

bool xattr_is_overlay(const char *name)
{
	static const char *const names[] = { "trusted.overlay.", "user.overlay.", NULL };

	return is_one_of(name, names);
}

static bool is_left_out(const char *name)
{
	return xattr_is_foreign(name) || xattr_is_overlay(name);
}

/* There are no l*xattrat() before Linux 6.13, and O_PATH fds have none: by name below /proc. */
static void file_path(int dir_fd, const char *name, char ret[300])
{
	snprintf(ret, 300, "/proc/self/fd/%d/%s", dir_fd, name);
}

static int add_value(struct xattr_reader *r, const char *path, const char *name,
		     struct tar_xattr *list, size_t *count, struct error *err)
{
	ssize_t size = lgetxattr(path, name, r->value, sizeof(r->value));
	size_t at = *count;
	void *value;

	if (size < 0 && errno == ENODATA)
		return 0;
	if (size < 0)
		return error_errno(err, "read attribute %s", name);
	value = arena_alloc(r->arena, (size_t)size + 1);
	memcpy(value, r->value, (size_t)size);
	for (; at > 0 && strcmp(list[at - 1].name, name) > 0; at--)
		list[at] = list[at - 1];
	list[at] = (struct tar_xattr){ arena_strdup(r->arena, name), value, (size_t)size };
	(*count)++;
	return 0;
}

int xattr_read(struct xattr_reader *r, int dir_fd, const char *name, struct tree_inode *inode,
	       struct error *err)
{
	struct tar_xattr *list;
	char path[300];
	size_t count = 0;
	ssize_t size;

	file_path(dir_fd, name, path);
	size = llistxattr(path, r->names, sizeof(r->names));
	if (size < 0 && errno != ENOTSUP)
		return error_errno(err, "list attributes");
	if (size <= 0)
		return 0;
	for (const char *at = r->names; at < r->names + size; at += strlen(at) + 1)
		count += !is_left_out(at);
	list = ARENA_NEWS(r->arena, count + 1, struct tar_xattr);
	count = 0;
	for (const char *at = r->names; at < r->names + size; at += strlen(at) + 1)
		if (!is_left_out(at) && add_value(r, path, at, list, &count, err) < 0)
			return -1;
	inode->xattrs = list;
	inode->xattr_count = count;
	return 0;
}

char xattr_overlay(struct xattr_reader *r, int dir_fd, const char *name, const char *what)
{
	static const char *const spaces[] = { "trusted.overlay", "user.overlay" };
	char path[300], key[64];

	file_path(dir_fd, name, path);
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		snprintf(key, sizeof(key), "%s.%s", spaces[i], what);
		if (lgetxattr(path, key, r->value, sizeof(r->value)) > 0)
			return r->value[0];
	}
	return '\0';
}

/* A varint of protobuf; false at the end of the bytes. */
static bool take_varint(const unsigned char **at, const unsigned char *end, uint64_t *ret)
{
	*ret = 0;
	for (unsigned int shift = 0; *at < end && shift < 64; shift += 7) {
		unsigned char byte = *(*at)++;

		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* message { uint32 uid = 1; uint32 gid = 2; }: fields that are 0 are left out. */
static bool parse_owner(const struct tar_xattr *xattr, struct tree_inode *inode)
{
	const unsigned char *at = xattr->value, *end = at + xattr->size;
	uint64_t key, value;

	inode->uid = inode->gid = 0;
	while (at < end) {
		if (!take_varint(&at, end, &key) || !take_varint(&at, end, &value) ||
		    (key != (1 << 3) && key != (2 << 3)))
			return false;
		*(key == 1 << 3 ? &inode->uid : &inode->gid) = (uint32_t)value;
	}
	return true;
}

void xattr_share_capability(struct tree_inode *inode)
{
	struct tar_xattr *list = (struct tar_xattr *)(uintptr_t)inode->xattrs;

	for (size_t i = 0; i < inode->xattr_count; i++) {
		struct vfs_ns_cap_data *cap = (void *)(uintptr_t)list[i].value;

		if (strcmp(list[i].name, XATTR_NAME_CAPS) != 0 || list[i].size != XATTR_CAPS_SZ_3 ||
		    le32toh(cap->rootid) != geteuid())
			continue;
		cap->magic_etc = htole32((le32toh(cap->magic_etc) & ~VFS_CAP_REVISION_MASK) |
					 VFS_CAP_REVISION_2);
		list[i].size = XATTR_CAPS_SZ_2;
	}
}

bool xattr_take_owner(struct tree_inode *inode)
{
	struct tar_xattr *rest = (struct tar_xattr *)(uintptr_t)inode->xattrs;

	for (size_t i = 0; i < inode->xattr_count; i++) {
		if (strcmp(rest[i].name, XATTR_OWNER) != 0)
			continue;
		if (!parse_owner(&rest[i], inode))
			return false;
		memmove(&rest[i], &rest[i + 1], (inode->xattr_count - i - 1) * sizeof(*rest));
		inode->xattr_count--;
		return true;
	}
	return false;
}
