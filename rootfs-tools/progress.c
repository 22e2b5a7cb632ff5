/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

enum { FIRST_MILLISECONDS = 500, BETWEEN_MILLISECONDS = 100, BAR_MAX = 40 };

void progress_begin(struct progress *progress, const char *what)
{
	*progress = (struct progress){ .what = what, .terminal = isatty(STDERR_FILENO) };
	progress->begun = progress->last = clock_ms();
}

static void draw(const struct progress *progress, uint64_t done, uint64_t total)
{
	char line[512], bar[BAR_MAX + 1];
	struct winsize window = { .ws_col = 80 };
	int columns, filled, length;

	ioctl(STDERR_FILENO, TIOCGWINSZ, &window);
	columns = window.ws_col - 40;
	columns = columns > BAR_MAX ? BAR_MAX : columns < 0 ? 0 : columns;
	if (total > 0) {
		filled = (int)(done >= total ? (uint64_t)columns :
					       done * (uint64_t)columns / total);
		memset(bar, '=', sizeof(bar));
		memset(bar + filled, ' ', sizeof(bar) - (size_t)filled);
		bar[columns] = '\0';
		length = snprintf(line, sizeof(line), "\r\033[K%.20s [%s] %3u%% %ju MB",
				  progress->what, bar,
				  done >= total ? 100 : (unsigned int)(done * 100 / total),
				  (uintmax_t)(done / 1000000));
	} else {
		length = snprintf(line, sizeof(line), "\r\033[K%.20s %ju MB", progress->what,
				  (uintmax_t)(done / 1000000));
	}
	if (length > 0)
		fd_write_all(STDERR_FILENO, line, (size_t)length);
}

void progress_show(void *context, uint64_t done, uint64_t total)
{
	struct progress *progress = context;
	int64_t now;

	if (!progress->terminal)
		return;
	now = clock_ms();
	if (now - progress->begun < FIRST_MILLISECONDS ||
	    now - progress->last < BETWEEN_MILLISECONDS)
		return;
	progress->last = now;
	progress->shown = true;
	draw(progress, done, total);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fd_write_all(STDERR_FILENO, "\r\033[K", 4);
	progress->shown = false;
}
