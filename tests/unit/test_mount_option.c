/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/sys.h"
#include "config/mount_option.h"

#define RO	MOUNT_ATTR_RDONLY
#define NOATIME	MOUNT_ATTR_NOATIME
#define STRICT	MOUNT_ATTR_STRICTATIME
#define ATIME	MOUNT_ATTR__ATIME

/* Words separated by blanks; false when one is not in the table. */
static bool apply(struct mount_plan *mount, const char *words)
{
	char copy[200], *rest = copy, *word;

	*mount = (struct mount_plan){ 0 };
	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&rest, " ")) != NULL) {
		const struct mount_option *option = mount_option_find(word);

		if (option == NULL)
			return false;
		mount_option_apply(mount, option);
	}
	return true;
}

/* Every word of the spec's table, config.md 1.3; the rest is crun's. */
Test(mount_option, knows_every_word_of_the_spec)
{
	static const char *const words[] = {
		"async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec",
		"iversion", "lazytime", "loud", "mand", "noatime", "nodev", "nodiratime", "noexec",
		"noiversion", "nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid",
		"nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime", "relatime",
		"remount", "rexec", "rnoatime", "rnodiratime", "rnoexec", "rnorelatime",
		"rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro",
		"rrw", "rshared", "rslave", "rstrictatime", "rsuid", "rsymfollow", "runbindable",
		"rw", "shared", "silent", "slave", "strictatime", "suid", "symfollow", "sync",
		"tmpcopyup", "unbindable", "idmap", "ridmap", "rnodev",
		"copy-symlink", "src-nofollow", "dest-nofollow", "rsync", "rasync", "rdirsync",
		"rmand", "rnomand",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		cr_expect_not_null(mount_option_find(words[i]), "%s", words[i]);
	for (const struct mount_option *row = mount_options; row->name != NULL; row++)
		cr_expect_eq(mount_option_find(row->name), row, "%s is there twice", row->name);
	cr_expect_null(mount_option_find("mode=755"));
	cr_expect_null(mount_option_find(""));
	cr_expect_null(mount_option_find("RO"));
}

Test(mount_option, sets_and_clears_attributes_and_the_last_one_counts)
{
	static const struct {
		const char *words;
		uint64_t set, clear, recursive_set, recursive_clear;
	} cases[] = {
		{ "ro", RO, 0, 0, 0 },
		{ "rw", 0, RO, 0, 0 },
		{ "ro rw", 0, RO, 0, 0 },
		{ "rw ro", RO, 0, 0, 0 },
		{ "rro", 0, 0, RO, 0 },
		{ "rro rrw", 0, 0, 0, RO },
		{ "ro rrw", RO, 0, 0, RO },
		{ "nosuid nodev noexec", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		  0, 0, 0 },
		{ "nosuid suid", 0, MOUNT_ATTR_NOSUID, 0, 0 },
		{ "nosymfollow", 0x00200000, 0, 0, 0 },
		{ "nodiratime", MOUNT_ATTR_NODIRATIME, 0, 0, 0 },
		{ "noatime", NOATIME, ATIME, 0, 0 },
		{ "strictatime", STRICT, ATIME, 0, 0 },
		{ "relatime", 0, ATIME, 0, 0 },
		{ "noatime strictatime", STRICT, ATIME, 0, 0 },
		{ "strictatime relatime", 0, ATIME, 0, 0 },
		{ "atime", 0, ATIME, 0, 0 },
		{ "noatime atime", 0, ATIME, 0, 0 },
		{ "strictatime atime", STRICT, ATIME, 0, 0 },
		{ "nostrictatime", 0, ATIME, 0, 0 },
		{ "rnostrictatime", 0, 0, 0, ATIME },
		{ "noatime nostrictatime", NOATIME, ATIME, 0, 0 },
		{ "strictatime nostrictatime", 0, ATIME, 0, 0 },
		{ "norelatime", 0, 0, 0, 0 },
		{ "noatime norelatime", NOATIME, ATIME, 0, 0 },
		{ "rnoatime nodiratime", MOUNT_ATTR_NODIRATIME, 0, NOATIME, ATIME },
		{ "defaults", 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mount_plan mount;

		cr_assert(apply(&mount, cases[i].words), "%s", cases[i].words);
		cr_expect_eq(mount.attr_set, cases[i].set, "%s", cases[i].words);
		cr_expect_eq(mount.attr_clear, cases[i].clear, "%s", cases[i].words);
		cr_expect_eq(mount.recursive_set, cases[i].recursive_set, "%s", cases[i].words);
		cr_expect_eq(mount.recursive_clear, cases[i].recursive_clear, "%s", cases[i].words);
	}
}

Test(mount_option, keeps_the_superblock_apart)
{
	static const struct { const char *words; uint64_t set, clear; } cases[] = {
		{ "sync dirsync", MS_SYNCHRONOUS | MS_DIRSYNC, 0 },
		{ "sync async", 0, MS_SYNCHRONOUS },
		{ "rsync", MS_SYNCHRONOUS, 0 },
		{ "mand nomand", 0, MS_MANDLOCK },
		{ "iversion lazytime silent", MS_I_VERSION | MS_LAZYTIME | MS_SILENT, 0 },
		{ "silent loud", 0, MS_SILENT },
		{ "nolazytime noiversion", 0, MS_LAZYTIME | MS_I_VERSION },
		{ "ro", MS_RDONLY, 0 },
		{ "rro", 0, 0 },
		{ "nosuid", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mount_plan mount;

		cr_assert(apply(&mount, cases[i].words), "%s", cases[i].words);
		cr_expect_eq(mount.super_set, cases[i].set, "%s", cases[i].words);
		cr_expect_eq(mount.super_clear, cases[i].clear, "%s", cases[i].words);
	}
}

Test(mount_option, keeps_the_order_of_propagation)
{
	static const struct { const char *words; unsigned long first, second; } cases[] = {
		{ "rw", 0, 0 },
		{ "private", MS_PRIVATE, 0 },
		{ "rslave", MS_SLAVE | MS_REC, 0 },
		{ "rslave shared", MS_SLAVE | MS_REC, MS_SHARED },
		{ "private rslave rshared", MS_SLAVE | MS_REC, MS_SHARED | MS_REC },
		{ "unbindable", MS_UNBINDABLE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mount_plan mount;

		cr_assert(apply(&mount, cases[i].words), "%s", cases[i].words);
		cr_expect_eq(mount.propagation[0], cases[i].first, "%s", cases[i].words);
		cr_expect_eq(mount.propagation[1], cases[i].second, "%s", cases[i].words);
	}
}

Test(mount_option, marks_ways_of_mounting)
{
	static const struct { const char *words; unsigned int flags; } cases[] = {
		{ "bind", MOUNT_BIND },
		{ "rbind", MOUNT_BIND | MOUNT_RECURSIVE },
		{ "bind idmap", MOUNT_BIND | MOUNT_IDMAP },
		{ "ridmap", MOUNT_IDMAP | MOUNT_IDMAP_RECURSIVE },
		{ "tmpcopyup", MOUNT_TMPCOPYUP },
		{ "remount", MOUNT_REMOUNT },
		{ "copy-symlink src-nofollow dest-nofollow",
		  MOUNT_COPY_SYMLINK | MOUNT_SOURCE_NOFOLLOW | MOUNT_DESTINATION_NOFOLLOW },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mount_plan mount;

		cr_assert(apply(&mount, cases[i].words), "%s", cases[i].words);
		cr_expect_eq(mount.flags, cases[i].flags, "%s", cases[i].words);
	}
}
