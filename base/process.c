/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"

bool process_fields(pid_t pid, uint64_t ret[PROCESS_FIELDS])
{
	char path[40], text[1024], *at, *word;
	_cleanup_fd int fd = -EBADF;
	size_t field = 0;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size = read(fd, text, sizeof(text) - 1);
	if (size <= 0)
		return false;
	text[size] = '\0';
	/* The name, field 2, may hold blanks and parentheses of its own. */
	at = strrchr(text, ')');
	if (at == NULL || at[1] != ' ')
		return false;
	for (at += 2; field < PROCESS_FIELDS && (word = strsep(&at, " \n")) != NULL; field++) {
		ret[field] = 0;
		/* A letter, and -1 where there is no terminal. */
		text_to_u64(word, UINT64_MAX, &ret[field]);
	}
	return field == PROCESS_FIELDS;
}

bool process_start_time(pid_t pid, uint64_t *ret)
{
	uint64_t fields[PROCESS_FIELDS];

	if (!process_fields(pid, fields))
		return false;
	*ret = fields[PROCESS_START_TIME];
	return true;
}
