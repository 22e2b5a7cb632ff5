/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lower.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/sys.h"

/* The length of the path at the start of a list; "\:" does not end it. */
static size_t piece_length(const char *list, const char *end)
{
	const char *at = list;

	while (at < end && *at != ':')
		at += *at == '\\' && at + 1 < end ? 2 : 1;
	return (size_t)(at - list);
}

/* The path itself, without the backslashes that protect colons. */
static int piece_copy(const char *piece, size_t length, char *ret, size_t room)
{
	size_t size = 0;

	for (size_t i = 0; i < length; i++) {
		if (piece[i] == '\\' && i + 1 < length)
			i++;
		if (size + 1 >= room) {
			errno = ENAMETOOLONG;
			return -1;
		}
		ret[size++] = piece[i];
	}
	ret[size] = '\0';
	return 0;
}

/* Up to and with the last "/" that all of them have in common. */
static size_t common_length(const char *list, const char *end)
{
	size_t common = piece_length(list, end);

	while (common > 0 && list[common - 1] != '/')
		common--;
	for (const char *at = list; at < end && common > 0; at += piece_length(at, end) + 1) {
		size_t same = 0;

		while (same < common && at + same < end && at[same] == list[same])
			same++;
		while (same > 0 && list[same - 1] != '/')
			same--;
		common = same;
	}
	return common;
}

/*
 * As one string, which Linux before 6.7 wants, and of which fsconfig(2) takes 255 bytes: relative
 * to the directory that they have in common, and from there.
 */
static int add_joined(int fs_fd, const char *list, const char *end)
{
	size_t common = common_length(list, end), size = 0;
	char joined[256], directory[PATH_MAX];

	for (const char *at = list; at < end;) {
		size_t length = piece_length(at, end), rest = length - common;

		if (size + rest + 2 > sizeof(joined)) {
			errno = E2BIG;
			return -1;
		}
		if (size > 0)
			joined[size++] = ':';
		memcpy(joined + size, at + common, rest);
		size += rest;
		at += length + 1;
	}
	joined[size] = '\0';
	if (common > 0 && (piece_copy(list, common, directory, sizeof(directory)) < 0 ||
			   chdir(directory) < 0))
		return -1;
	return sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir", joined, 0);
}

/*
 * Before Linux 6.5 overlayfs knew nothing of fsconfig(2): the kernel keeps whatever it is told, and
 * says what is unknown only when the file system is made.
 */
static bool keeps_anything(void)
{
	_cleanup_fd int fs_fd = sys_fsopen("overlay", FSOPEN_CLOEXEC);

	return fs_fd >= 0 && sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "no-such-option", NULL, 0) == 0;
}

int lower_add_all(int fs_fd, const char *list, size_t length)
{
	const char *end = list + length;
	char path[256];

	if (keeps_anything())
		return add_joined(fs_fd, list, end);
	for (const char *at = list; at < end;) {
		size_t size = piece_length(at, end);

		if (piece_copy(at, size, path, sizeof(path)) < 0)
			return -1;
		if (sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir+", path, 0) < 0)
			return at == list && errno == EINVAL ? add_joined(fs_fd, list, end) : -1;
		at += size + 1;
	}
	return 0;
}
