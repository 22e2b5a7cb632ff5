/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/process_info.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"

#define COMMAND_MAX	4096

static char *part_read(struct arena *arena, int dir_fd, const char *name)
{
	struct error ignored;
	char *text;

	return file_read(dir_fd, name, 1 << 20, arena, &text, NULL, &ignored) == 0 ? text : NULL;
}

/* As much of it as there is room for. */
static size_t head_read(int dir_fd, const char *name, char *text, size_t room)
{
	_cleanup_fd int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t n;

	while (fd >= 0 && size < room && (n = read(fd, text + size, room - size)) > 0)
		size += (size_t)n;
	return size;
}

static bool stat_parse(char *text, struct process_info *ret, char **ret_name)
{
	char *name = strchr(text, '('), *end = strrchr(text, ')');
	uint64_t fields[PROCESS_FIELDS];

	if (name == NULL || !process_fields_parse(text, fields))
		return false;
	*end = '\0';
	*ret_name = name + 1;
	ret->state = end[2];
	ret->cpu_ms = (fields[PROCESS_USER_TIME] + fields[PROCESS_SYSTEM_TIME]) * 1000 /
		      (uint64_t)sysconf(_SC_CLK_TCK);
	ret->memory = fields[PROCESS_PAGES] * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

/* The last number of "NSpid:\t123\t1", the second of "Uid:\t0\t0\t0\t0". */
static void status_parse(const char *text, struct process_info *ret)
{
	const char *uid = strstr(text, "\nUid:"), *pids = strstr(text, "\nNSpid:");
	char *at;

	/* Real, then effective. */
	if (uid != NULL) {
		strtoul(uid + strlen("\nUid:"), &at, 10);
		ret->uid = (uid_t)strtoul(at, NULL, 10);
	}
	/* One a pid namespace, the innermost last; the next line begins with a letter. */
	for (pids = pids != NULL ? pids + strlen("\nNSpid:") : ""; *pids != '\0'; pids = at) {
		long pid = strtol(pids, &at, 10);

		if (at == pids)
			break;
		ret->inner_pid = (pid_t)pid;
	}
}

static const char *command_of(struct arena *arena, int dir_fd, const char *name)
{
	char text[COMMAND_MAX];
	size_t size = head_read(dir_fd, "cmdline", text, sizeof(text));

	/* pid 1's last word was wiped (init/pid1/pid1.h), and shows as that many NULs. */
	while (size > 0 && text[size - 1] == '\0')
		size--;
	if (size == 0)
		return arena_printf(arena, "[%s]", text_printable(arena, name));
	for (size_t i = 0; i < size; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	return text_printable(arena, arena_strndup(arena, text, size));
}

bool process_info_read(struct arena *arena, pid_t pid, struct process_info *ret)
{
	/* A process has up to 65536 groups in its status, and a container thousands of those. */
	_cleanup_arena struct arena scratch = { 0 };
	_cleanup_fd int dir_fd = open(arena_printf(&scratch, "/proc/%d", (int)pid),
				      O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *text = dir_fd >= 0 ? part_read(&scratch, dir_fd, "stat") : NULL, *name;

	*ret = (struct process_info){ .pid = pid, .inner_pid = pid };
	if (text == NULL || !stat_parse(text, ret, &name))
		return false;
	text = part_read(&scratch, dir_fd, "status");
	if (text == NULL)
		return false;
	status_parse(text, ret);
	ret->command = command_of(arena, dir_fd, name);
	return true;
}
