/* SPDX-License-Identifier: Apache-2.0 */
#include "init/passwd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/text.h"

#define PASSWD_SIZE_MAX	((size_t)1024 * 1024)
#define FIELDS		7
#define FIELD_UID	2
#define FIELD_HOME	5

/* name:password:uid:gid:comment:home:shell, exactly seven fields. */
static const char *line_home(const char *line, size_t length, unsigned int uid,
			     struct arena *arena)
{
	const char *start[FIELDS + 1] = { line }, *end;
	size_t fields = 1;
	uint64_t found;

	for (size_t i = 0; i < length; i++)
		if (line[i] == ':') {
			if (fields == FIELDS)
				return NULL;
			start[fields++] = line + i + 1;
		}
	if (fields != FIELDS)
		return NULL;
	end = start[FIELD_UID];
	if (!text_take_u64(&end, UINT32_MAX, &found) || *end != ':' || found != uid ||
	    *start[FIELD_HOME] != '/')
		return NULL;
	return arena_strndup(arena, start[FIELD_HOME],
			     (size_t)(start[FIELD_HOME + 1] - 1 - start[FIELD_HOME]));
}

const char *passwd_home_parse(const char *text, unsigned int uid, struct arena *arena)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		const char *home = line_home(text, length, uid, arena);

		if (home != NULL)
			return home;
		text += length + (text[length] == '\n');
	}
	return NULL;
}

const char *passwd_home(int root_fd, unsigned int uid, struct arena *arena)
{
	struct error ignored;
	_cleanup_fd int fd = path_open(root_fd, "/etc/passwd",
				       O_RDONLY | O_NONBLOCK | O_NOCTTY, &ignored);
	const char *home = NULL;
	struct stat st;
	char *text;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    fd_read_all(fd, PASSWD_SIZE_MAX, arena, &text, NULL, &ignored) == 0)
		home = passwd_home_parse(text, uid, arena);
	return home != NULL ? home : "/";
}
