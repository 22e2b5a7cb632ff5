/* SPDX-License-Identifier: Apache-2.0 */
#include "config/mount_option.h"

#include <string.h>

#include "base/sys.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW	0x00200000
#endif

#define ON(name, bit)	{ name, OPTION_ATTR, false, (bit) }, \
			{ "r" name, OPTION_ATTR_RECURSIVE, false, (bit) }
#define OFF(name, bit)	{ name, OPTION_ATTR, true, (bit) }, \
			{ "r" name, OPTION_ATTR_RECURSIVE, true, (bit) }
/* crun takes an "r" in front of these, too, though a superblock has nothing below it. */
#define SUPER(name, clear, bit)	{ name, OPTION_SUPER, clear, (bit) }, \
				{ "r" name, OPTION_SUPER, clear, (bit) }
#define PROPAGATION(name, bit)	{ name, OPTION_PROPAGATION, false, (bit) }, \
				{ "r" name, OPTION_PROPAGATION, false, (bit) | MS_REC }

const struct mount_option mount_options[] = {
	{ "ro", OPTION_READ_ONLY, false, MOUNT_ATTR_RDONLY },
	{ "rw", OPTION_READ_ONLY, true, MOUNT_ATTR_RDONLY },
	{ "rro", OPTION_ATTR_RECURSIVE, false, MOUNT_ATTR_RDONLY },
	{ "rrw", OPTION_ATTR_RECURSIVE, true, MOUNT_ATTR_RDONLY },
	ON("nosuid", MOUNT_ATTR_NOSUID),		OFF("suid", MOUNT_ATTR_NOSUID),
	ON("nodev", MOUNT_ATTR_NODEV),			OFF("dev", MOUNT_ATTR_NODEV),
	ON("noexec", MOUNT_ATTR_NOEXEC),		OFF("exec", MOUNT_ATTR_NOEXEC),
	ON("nodiratime", MOUNT_ATTR_NODIRATIME),	OFF("diratime", MOUNT_ATTR_NODIRATIME),
	ON("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW),	OFF("symfollow", MOUNT_ATTR_NOSYMFOLLOW),
	ON("relatime", MOUNT_ATTR_RELATIME),		OFF("norelatime", MOUNT_ATTR_RELATIME),
	ON("noatime", MOUNT_ATTR_NOATIME),		OFF("atime", MOUNT_ATTR_NOATIME),
	ON("strictatime", MOUNT_ATTR_STRICTATIME),
	OFF("nostrictatime", MOUNT_ATTR_STRICTATIME),

	SUPER("sync", false, MS_SYNCHRONOUS),		SUPER("async", true, MS_SYNCHRONOUS),
	SUPER("dirsync", false, MS_DIRSYNC),
	SUPER("mand", false, MS_MANDLOCK),		SUPER("nomand", true, MS_MANDLOCK),
	{ "iversion", OPTION_SUPER, false, MS_I_VERSION },
	{ "noiversion", OPTION_SUPER, true, MS_I_VERSION },
	{ "lazytime", OPTION_SUPER, false, MS_LAZYTIME },
	{ "nolazytime", OPTION_SUPER, true, MS_LAZYTIME },
	{ "silent", OPTION_SUPER, false, MS_SILENT },
	{ "loud", OPTION_SUPER, true, MS_SILENT },

	PROPAGATION("private", MS_PRIVATE),		PROPAGATION("slave", MS_SLAVE),
	PROPAGATION("shared", MS_SHARED),		PROPAGATION("unbindable", MS_UNBINDABLE),

	{ "bind", OPTION_FLAG, false, MOUNT_BIND },
	{ "rbind", OPTION_FLAG, false, MOUNT_BIND | MOUNT_RECURSIVE },
	{ "remount", OPTION_FLAG, false, MOUNT_REMOUNT },
	{ "tmpcopyup", OPTION_FLAG, false, MOUNT_TMPCOPYUP },
	{ "idmap", OPTION_FLAG, false, MOUNT_IDMAP },
	{ "ridmap", OPTION_FLAG, false, MOUNT_IDMAP | MOUNT_IDMAP_RECURSIVE },
	{ "copy-symlink", OPTION_FLAG, false, MOUNT_COPY_SYMLINK },
	{ "src-nofollow", OPTION_FLAG, false, MOUNT_SOURCE_NOFOLLOW },
	{ "dest-nofollow", OPTION_FLAG, false, MOUNT_DESTINATION_NOFOLLOW },
	{ "defaults", OPTION_NOTHING, false, 0 },
	{ NULL },
};

const struct mount_option *mount_option_find(const char *name)
{
	for (const struct mount_option *option = mount_options; option->name != NULL; option++)
		if (*option->name == *name && strcmp(option->name, name) == 0)
			return option;
	return NULL;
}

/*
 * Access times are one field of three values, not three bits (mount_setattr(2)):
 * RELATIME is 0 and the kernel's default.  Setting one replaces what was
 * there; taking one away goes back to the default, if that one was it.  "atime"
 * and "nostrictatime" do so for a bind of a mount that has it from elsewhere, too.
 */
static void apply_atime(uint64_t *set, uint64_t *clear, bool off, uint64_t value)
{
	bool chosen = (*clear & MOUNT_ATTR__ATIME) != 0;

	if (off && (chosen ? (*set & MOUNT_ATTR__ATIME) != value : value == MOUNT_ATTR_RELATIME))
		return;
	*set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	*clear |= MOUNT_ATTR__ATIME;
	if (!off)
		*set |= value;
}

static void apply_attr(uint64_t *set, uint64_t *clear, const struct mount_option *option)
{
	if ((option->value & ~(uint64_t)MOUNT_ATTR__ATIME) == 0) {
		apply_atime(set, clear, option->clear, option->value);
	} else if (option->clear) {
		*set &= ~option->value;
		*clear |= option->value;
	} else {
		*set |= option->value;
		*clear &= ~option->value;
	}
}

static void apply_super(struct mount_plan *mount, bool clear, uint64_t value)
{
	uint64_t *to = clear ? &mount->super_clear : &mount->super_set;
	uint64_t *from = clear ? &mount->super_set : &mount->super_clear;

	*to |= value;
	*from &= ~value;
}

void mount_option_apply(struct mount_plan *mount, const struct mount_option *option)
{
	switch (option->kind) {
	case OPTION_ATTR:
		apply_attr(&mount->attr_set, &mount->attr_clear, option);
		break;
	case OPTION_ATTR_RECURSIVE:
		apply_attr(&mount->recursive_set, &mount->recursive_clear, option);
		break;
	case OPTION_SUPER:
		apply_super(mount, option->clear, option->value);
		break;
	case OPTION_READ_ONLY:
		/* mount(2)'s MS_RDONLY means both; a bind, without a superblock, takes one. */
		apply_attr(&mount->attr_set, &mount->attr_clear, option);
		apply_super(mount, option->clear, MS_RDONLY);
		break;
	case OPTION_PROPAGATION:
		/* Two can mean something ("slave", then "shared"); of more, the last two count. */
		if (mount->propagation[1] != 0)
			mount->propagation[0] = mount->propagation[1];
		mount->propagation[mount->propagation[0] != 0] = (unsigned long)option->value;
		break;
	case OPTION_FLAG:
		mount->flags |= (unsigned int)option->value;
		break;
	case OPTION_NOTHING:
		break;
	}
}
