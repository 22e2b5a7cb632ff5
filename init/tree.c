/* SPDX-License-Identifier: Apache-2.0 */
#include "init/tree.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/lower.h"
#include "base/sys.h"
#include "init/idmap.h"

#define PROPAGATION_TYPES	(MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

int tree_clone(int dir_fd, const char *path, bool recursive, struct error *err)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd;

	if (recursive)
		flags |= AT_RECURSIVE;
	if (*path == '\0')
		flags |= AT_EMPTY_PATH;
	fd = sys_open_tree(dir_fd, path, flags);
	return fd >= 0 ? fd : error_errno(err, "open tree %s", path);
}

static int bind_error(const struct mount_plan *mount, struct error *err)
{
	error_errno(err, "open tree %s", mount->source);
	return err->code == EINVAL ?
	       error_hint(err, "unbindable, or with mounts that only \"rbind\" may show") : -1;
}

/* flags: OPEN_TREE_CLONE with AT_RECURSIVE or without, or 0 for the place alone. */
static int bind_open(const struct mount_plan *mount, unsigned int flags, struct error *err)
{
	struct stat st;
	int fd;

	if (mount->flags & (MOUNT_COPY_SYMLINK | MOUNT_SOURCE_NOFOLLOW)) {
		_cleanup_fd int link_fd = open(mount->source, O_PATH | O_NOFOLLOW | O_CLOEXEC);

		if (link_fd < 0 || fstat(link_fd, &st) < 0)
			return error_errno(err, "open %s", mount->source);
		if (S_ISLNK(st.st_mode) && (mount->flags & MOUNT_COPY_SYMLINK))
			return fd_take(&link_fd);
		if (mount->flags & MOUNT_SOURCE_NOFOLLOW)
			flags |= AT_SYMLINK_NOFOLLOW;
	}
	fd = sys_open_tree(AT_FDCWD, mount->source, flags | OPEN_TREE_CLOEXEC);
	return fd >= 0 ? fd : bind_error(mount, err);
}

static unsigned int bind_flags(const struct mount_plan *mount)
{
	return OPEN_TREE_CLONE | (mount->flags & MOUNT_RECURSIVE ? AT_RECURSIVE : 0);
}

int tree_open_bind(const struct plan *plan, const struct mount_plan *mount, struct error *err)
{
	_cleanup_fd int fd = bind_open(mount, bind_flags(mount), err);

	if (fd < 0 || ((mount->flags & MOUNT_IDMAP) && idmap_tree(plan, mount, fd, err) < 0))
		return -1;
	return fd_take(&fd);
}

int tree_find_bind(const struct mount_plan *mount, struct error *err)
{
	return bind_open(mount, 0, err);
}

int tree_clone_bind(const struct mount_plan *mount, int found_fd, struct error *err)
{
	int fd = sys_open_tree(found_fd, "",
			       bind_flags(mount) | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	return fd >= 0 ? fd : bind_error(mount, err);
}

int tree_flags(int tree_fd, uint64_t set, uint64_t clear, unsigned long propagation,
	       bool recursive, struct error *err)
{
	struct mount_attr attr = {
		.attr_set = set,
		.attr_clr = clear,
		.propagation = propagation & PROPAGATION_TYPES,
	};

	/* Access times are one field: to set a value, or to clear one, all of it is cleared. */
	if ((set | clear) & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (sys_mount_setattr(tree_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
			      &attr) == 0)
		return 0;
	error_errno(err, "set mount flags");
	if (err->code == EPERM)
		error_hint(err, "flags that the host's mount has locked cannot be taken off "
			   "in a user namespace");
	return -1;
}

int tree_recursive(int tree_fd, uint64_t set, uint64_t clear, struct error *err)
{
	return (set | clear) == 0 ? 0 : tree_flags(tree_fd, set, clear, 0, true, err);
}

int tree_propagation(const struct mount_plan *mount, int tree_fd, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount->propagation); i++)
		if (mount->propagation[i] != 0 &&
		    tree_flags(tree_fd, 0, 0, mount->propagation[i], mount->propagation[i] & MS_REC,
			       err) < 0)
			return -1;
	return 0;
}

int tree_attach(int tree_fd, int target_fd, const char *what, struct error *err)
{
	if (sys_move_mount(tree_fd, "", target_fd, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_errno(err, "attach mount on %s", what);
	return 0;
}

/* The kernel's messages are "e text", "w text", "i text"; the last error is the useful one. */
static int fs_error(int fs_fd, const char *doing, const char *what, struct error *err)
{
	char line[256], said[256] = "";
	int code = errno;
	ssize_t n;

	while ((n = read(fs_fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		if (strncmp(line, "e ", 2) == 0) {
			size_t length = strcspn(line + 2, "\n");

			memcpy(said, line + 2, length);
			said[length] = '\0';
		}
	}
	if (*said != '\0')
		return error_number(err, code, "%s %s: %s", doing, what, said);
	return error_number(err, code, "%s %s", doing, what);
}

static const struct {
	uint64_t flag;
	const char *set, *clear;
	bool optional;		/* mount(2) ignores it where the file system does not know it */
} super_options[] = {
	{ MS_RDONLY,		"ro",		"rw",		false },
	{ MS_SYNCHRONOUS,	"sync",		"async",	false },
	{ MS_DIRSYNC,		"dirsync",	NULL,		false },
	{ MS_MANDLOCK,		"mand",		"nomand",	false },
	{ MS_LAZYTIME,		"lazytime",	"nolazytime",	false },
	{ MS_I_VERSION,		"iversion",	"noiversion",	true },
	{ MS_SILENT,		"silent",	"loud",		true },
};

static int fs_super_options(int fs_fd, const struct file_system *fs, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(super_options); i++) {
		const char *name = fs->super_set & super_options[i].flag ? super_options[i].set :
				   fs->super_clear & super_options[i].flag ?
				   super_options[i].clear : NULL;

		if (name != NULL && sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, name, NULL, 0) < 0 &&
		    !super_options[i].optional)
			return fs_error(fs_fd, "set option", name, err);
	}
	return 0;
}

static int lower_error(int fs_fd, struct error *err)
{
	fs_error(fs_fd, "set option", "lowerdir", err);
	return err->code == E2BIG ?
	       error_hint(err, "so many layers need Linux 6.7, or --copy") : -1;
}

/* "key=value" and "key", with commas between them; the kernel's limit for a string is 256. */
static int fs_data(int fs_fd, const char *data, struct error *err)
{
	static const char lowers[] = "lowerdir=";

	while (*data != '\0') {
		size_t length = strcspn(data, ",");
		char option[1024], *value;
		int rc;

		if (strncmp(data, lowers, strlen(lowers)) == 0) {
			if (lower_add_all(fs_fd, data + strlen(lowers),
					  length - strlen(lowers)) < 0)
				return lower_error(fs_fd, err);
			data += length + (data[length] == ',');
			continue;
		}
		if (length >= sizeof(option))
			return error_number(err, E2BIG, "mount option %.32s...", data);
		memcpy(option, data, length);
		option[length] = '\0';
		data += length + (data[length] == ',');
		if (length == 0)
			continue;
		value = strchr(option, '=');
		if (value != NULL)
			*value++ = '\0';
		rc = value != NULL ? sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, option, value, 0) :
				     sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, option, NULL, 0);
		if (rc < 0)
			return fs_error(fs_fd, "set option", option, err);
	}
	return 0;
}

static int fs_create(int fs_fd, const struct file_system *fs, struct error *err)
{
	if (fs_super_options(fs_fd, fs, err) < 0 ||
	    (fs->data != NULL && fs_data(fs_fd, fs->data, err) < 0))
		return -1;
	if (sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_error(fs_fd, "make file system", fs->type, err);
	return 0;
}

/* lower_add_all() may leave us elsewhere. */
static int fs_create_overlay(int fs_fd, const struct file_system *fs, struct error *err)
{
	_cleanup_fd int here_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result = fs_create(fs_fd, fs, err);

	if (here_fd >= 0 && fchdir(here_fd) < 0)
		return error_errno(err, "change back to the working directory");
	return result;
}

struct file_system file_system_of(const struct mount_plan *mount)
{
	return (struct file_system){
		.type = mount->type,
		.source = mount->source,
		.data = mount->data,
		.super_set = mount->super_set,
		.super_clear = mount->super_clear,
		.attributes = mount->attr_set,
	};
}

int tree_new(const struct file_system *fs, struct error *err)
{
	_cleanup_fd int fs_fd = sys_fsopen(fs->type, FSOPEN_CLOEXEC);
	int fd;

	if (fs_fd < 0) {
		error_errno(err, "open file system type %s", fs->type);
		return err->code == ENODEV ?
		       error_hint(err, "this kernel does not have it") : -1;
	}
	if (fs->source != NULL &&
	    sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", fs->source, 0) < 0)
		return fs_error(fs_fd, "set source", fs->source, err);
	if (fs->label != NULL &&
	    sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "context", fs->label, 0) < 0)
		return fs_error(fs_fd, "set label", fs->label, err);
	if ((strcmp(fs->type, "overlay") == 0 ? fs_create_overlay : fs_create)(fs_fd, fs, err) < 0)
		return -1;
	fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int)fs->attributes);
	return fd >= 0 ? fd : fs_error(fs_fd, "mount file system", fs->type, err);
}

int tree_reconfigure(int fd, uint64_t super_set, uint64_t super_clear, const char *data,
		     struct error *err)
{
	struct file_system fs = { .super_set = super_set, .super_clear = super_clear };
	_cleanup_fd int fs_fd = sys_fspick(fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);

	if (fs_fd < 0)
		return error_errno(err, "pick the file system");
	if (fs_super_options(fs_fd, &fs, err) < 0 ||
	    (data != NULL && fs_data(fs_fd, data, err) < 0))
		return -1;
	if (sys_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return fs_error(fs_fd, "change options of", "file system", err);
	return 0;
}
