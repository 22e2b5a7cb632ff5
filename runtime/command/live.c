/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command/live.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/fd.h"

#define FIRST_MS	500	/* between the frame that is not shown and the first that is */
#define INTERVAL_MAX	3600 /* seconds */

/* As many lines and columns as the window has: wrapped lines would scroll it. */
static void frame_cut(struct text *out, const char *frame)
{
	struct winsize window;
	size_t column = 0, row = 1;

	/* Who made the pty may have told it no size. */
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0 || window.ws_row == 0 ||
	    window.ws_col == 0)
		window = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	for (; *frame != '\0' && row < window.ws_row; frame++) {
		if (*frame == '\n') {
			text_add(out, "\033[K\n");
			column = 0;
			row++;
		} else if (column++ < window.ws_col) {
			text_add_bytes(out, frame, 1);
		}
	}
}

static int frame_show(struct arena *arena, const struct text *frame, bool in_place,
		      struct error *err)
{
	struct text out = { .arena = arena };

	if (frame->size == 0)
		return 0;
	if (in_place) {
		text_add(&out, "\033[H");
		frame_cut(&out, frame->data);
		text_add(&out, "\033[J");
	} else {
		text_add(&out, frame->data);
	}
	if (fd_write_all(STDOUT_FILENO, out.data, out.size) < 0)
		return error_errno(err, "write to stdout");
	return 0;
}

int live_run(enum live_mode mode, int interval, live_frame *frame, void *context, struct error *err)
{
	const bool in_place = mode == LIVE_AUTO && isatty(STDOUT_FILENO);
	const bool once = mode == LIVE_ONCE || (mode == LIVE_AUTO && !in_place);
	uint64_t before = 0;

	if (interval > INTERVAL_MAX)
		return error_set(err, "--interval %d: must be %d at most", interval, INTERVAL_MAX);
	if (in_place)
		(void)!fd_write_all(STDOUT_FILENO, "\033[H\033[2J", 7);
	for (;;) {
		_cleanup_arena struct arena arena = { 0 };
		struct text text = { .arena = &arena };
		uint64_t now = (uint64_t)clock_ms();
		int more = frame(context, &text, before != 0 ? now - before : 0, err);

		if (more < 0)
			return -1;
		if (before != 0 && frame_show(&arena, &text, in_place, err) < 0)
			return -1;
		if (more == LIVE_END || (before != 0 && once))
			return 0;
		poll(NULL, 0, before == 0 ? FIRST_MS : interval > 0 ? interval * 1000 : 1000);
		before = now;
	}
}

const char *live_size(struct arena *arena, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	size_t unit = 0;
	uint64_t tenths;

	if (bytes < 1024)
		return arena_printf(arena, "%" PRIu64 "B", bytes);
	/* In 1/1024 of the unit, so that a tenth is left to show. */
	for (unit = 1; bytes >= 1024 * 1024 && unit + 1 < sizeof(units) - 1; unit++)
		bytes /= 1024;
	tenths = bytes * 10 / 1024;
	if (tenths >= 100)
		return arena_printf(arena, "%" PRIu64 "%c", tenths / 10, units[unit]);
	return arena_printf(arena, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10,
			    units[unit]);
}

const char *live_share(struct arena *arena, uint64_t used_ns, uint64_t elapsed_ms)
{
	uint64_t tenths = elapsed_ms > 0 ? used_ns / 1000 / elapsed_ms : 0;

	return arena_printf(arena, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}
