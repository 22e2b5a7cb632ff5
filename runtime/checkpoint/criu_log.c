/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/checkpoint/criu.h"

/* What went wrong: CRIU says it in its log alone. */

#define LOG_MAX ((size_t)64 << 20)

/* "(00.109438) Error (criu/mount.c:753): mnt: what": the last but the final "... FAILED". */
static const char *log_error_line(struct arena *arena, const char *text)
{
	const char *found = NULL;

	for (const char *at = text; (at = strstr(at, " Error (")) != NULL; at++) {
		const char *what = strstr(at, "): ");
		size_t length = what != NULL ? strcspn(what + 3, "\n") : 0;

		/* Its first ones may be about its own limits, its last ones about the end. */
		if (length > 0 && memmem(what + 3, length, "FAILED", 6) == NULL &&
		    memmem(what + 3, length, "failed with -1", 14) == NULL &&
		    strncmp(what + 3, "cg: cgroupd: ", 13) != 0)
			found = arena_strndup(arena, what + 3, length);
	}
	return found;
}

/* /etc/criu/runc.conf may give the log another name: the newest that may be one, or NULL. */
static const char *log_find(struct arena *arena, int dir_fd)
{
	DIR *dir = dir_list(dir_fd);
	struct timespec newest = { 0 };
	const char *found = NULL;
	struct stat st;

	if (dir == NULL)
		return NULL;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		const char *end = strrchr(entry->d_name, '.');

		if (end == NULL || strcmp(end, ".log") != 0 ||
		    fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode) || st.st_mtim.tv_sec < newest.tv_sec ||
		    (st.st_mtim.tv_sec == newest.tv_sec && st.st_mtim.tv_nsec < newest.tv_nsec))
			continue;
		newest = st.st_mtim;
		found = arena_strdup(arena, entry->d_name);
	}
	closedir(dir);
	return found;
}

int criu_explain(struct arena *arena, int dir_fd, const char *directory, const char *log,
		 struct error *err)
{
	const char *line;
	struct error ignored;
	char *text;

	if (faccessat(dir_fd, log, F_OK, 0) < 0)
		log = log_find(arena, dir_fd);
	if (log == NULL || file_read(dir_fd, log, LOG_MAX, arena, &text, NULL, &ignored) < 0)
		return error_hint(err, "see its log in %s", directory);
	line = log_error_line(arena, text);
	if (line != NULL)
		error_hint(err, "%s", text_printable(arena, line));
	return error_hint(err, "its log is %s/%s", directory, log);
}
