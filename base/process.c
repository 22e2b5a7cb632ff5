/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"

#define FLAG_EXITING	0x4	/* PF_EXITING of the kernel's sched.h */

bool pid_is_listed(const pid_list *pids, pid_t pid)
{
	LIST_EACH(listed, *pids)
		if (*listed == pid)
			return true;
	return false;
}

bool process_fields_parse(char *text, uint64_t ret[PROCESS_FIELDS])
{
	/* The name, field 2, may hold blanks and parentheses of its own. */
	char *at = strrchr(text, ')'), *word;
	size_t field = 0;

	if (at == NULL || at[1] != ' ')
		return false;
	for (at += 2; field < PROCESS_FIELDS && (word = strsep(&at, " \n")) != NULL; field++) {
		ret[field] = 0;
		/* A letter, and -1 where there is no terminal. */
		text_to_u64(word, UINT64_MAX, &ret[field]);
	}
	return field == PROCESS_FIELDS;
}

int process_fields(pid_t pid, uint64_t ret[PROCESS_FIELDS])
{
	char path[40], text[1024];
	_cleanup_fd int fd = -EBADF;
	ssize_t size;

	if (pid == 0)
		snprintf(path, sizeof(path), "/proc/self/stat");
	else
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -1;
	size = read(fd, text, sizeof(text) - 1);
	if (size <= 0)
		return size == 0 || errno == ESRCH ? 0 : -1;
	text[size] = '\0';
	return process_fields_parse(text, ret);
}

bool process_descends_from(pid_t ancestor)
{
	uint64_t fields[PROCESS_FIELDS];
	pid_t pid = 0;

	while (process_fields(pid, fields) > 0 && fields[PROCESS_PARENT] != 0) {
		pid = (pid_t)fields[PROCESS_PARENT];
		if (pid == ancestor)
			return true;
	}
	return false;
}

bool process_start_time(pid_t pid, uint64_t *ret)
{
	uint64_t fields[PROCESS_FIELDS];

	if (process_fields(pid, fields) <= 0)
		return false;
	*ret = fields[PROCESS_START_TIME];
	return true;
}

static bool is_alive(const uint64_t fields[PROCESS_FIELDS])
{
	return !((fields[PROCESS_FLAGS] & FLAG_EXITING) && fields[PROCESS_THREADS] <= 1);
}

int process_lives(pid_t pid)
{
	uint64_t fields[PROCESS_FIELDS];
	int there = process_fields(pid, fields);

	return there <= 0 ? there : is_alive(fields);
}

int process_is(pid_t pid, uint64_t start_time)
{
	uint64_t fields[PROCESS_FIELDS];
	int there = process_fields(pid, fields);

	if (there <= 0)
		return there;
	return fields[PROCESS_START_TIME] == start_time && is_alive(fields);
}
