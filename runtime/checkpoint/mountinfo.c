/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/mountinfo.h"

#include <string.h>

#include "base/text.h"

/* "\040" is a blank, and so on. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
				       (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

bool mount_line_next(char **rest, struct mount_line *ret)
{
	char *line = strsep(rest, "\n"), *dash = line != NULL ? strstr(line, " - ") : NULL;
	uint64_t id;

	if (dash == NULL || !text_to_u64(strsep(&line, " "), UINT32_MAX, &id))
		return false;
	ret->id = (unsigned long)id;
	strsep(&line, " ");
	ret->device = strsep(&line, " ");
	strsep(&line, " ");
	ret->point = strsep(&line, " ");
	dash += 3;
	ret->type = strsep(&dash, " ");
	unescape(ret->point);
	return true;
}
