/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/user.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"

#define FILE_MAX	((size_t)1 << 20)

/* The file's text, or "" where the root has none that can be read. */
static const char *root_file(struct arena *arena, int root_fd, const char *path)
{
	struct error ignored;
	_cleanup_fd int fd = path_open_read(root_fd, path, &ignored);
	struct stat st;
	char *text;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    fd_read_all(fd, FILE_MAX, arena, &text, NULL, &ignored) == 0)
		return text;
	return "";
}

/* Whether a line "name:password:uid:..." has that uid. */
static bool has_line(struct arena *arena, const char *passwd, uint32_t uid)
{
	const char *wanted = arena_printf(arena, "%u", uid);
	const size_t length = strlen(wanted);

	while (*passwd != '\0') {
		const char *at = passwd + strcspn(passwd, ":\n");

		at += *at == ':' ? 1 + strcspn(at + 1, ":\n") : 0;
		if (*at == ':' && strncmp(at + 1, wanted, length) == 0 && at[1 + length] == ':')
			return true;
		passwd += strcspn(passwd, "\n");
		passwd += *passwd == '\n';
	}
	return false;
}

int user_resolve(struct arena *arena, const char *root, const char *text, struct user *ret,
		 struct error *err)
{
	_cleanup_fd int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *passwd, *group;

	if (root_fd < 0)
		return error_errno(err, "open %s", root);
	passwd = root_file(arena, root_fd, "/etc/passwd");
	group = root_file(arena, root_fd, "/etc/group");
	if (image_user_parse(arena, passwd, group, text, &ret->ids, err) < 0)
		return -1;
	ret->named = has_line(arena, passwd, ret->ids.uid);
	return 0;
}
