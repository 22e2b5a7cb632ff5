/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/result.h"

#include <stdarg.h>

#include "base/list.h"
#include "rootfs-tools/smoke/smoke.h"

struct check *check_new(struct findings *findings, const char *name)
{
	struct check *check = ARENA_NEW(findings->arena, struct check);

	check->group = findings->group;
	check->name = name;
	check->began = check->ended = time_now();
	LIST_ADD(findings->arena, &findings->checks, check);
	return check;
}

static const char *format(struct arena *arena, const char *fmt, va_list args)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, fmt, args);
	return text;
}

static void say(struct findings *f, struct check *check, const char *text)
{
	LIST_ADD(f->arena, &check->reasons, text);
	check->ended = time_now();
}

static struct check *worsen(struct check *check, enum outcome outcome)
{
	static const int badness[OUTCOME_COUNT] = {
		[OUTCOME_PASS] = 0, [OUTCOME_NOTE] = 1, [OUTCOME_SKIP] = 2, [OUTCOME_FAIL] = 3,
	};

	if (badness[outcome] > badness[check->outcome])
		check->outcome = outcome;
	return check;
}

#define CHECK_FUNCTION(name, outcome)						\
	struct check *name(struct findings *f, struct check *check, const char *fmt, ...) \
	{									\
		va_list args;							\
										\
		va_start(args, fmt);						\
		say(f, check, format(f->arena, fmt, args));			\
		va_end(args);							\
		return worsen(check, outcome);					\
	}
CHECK_FUNCTION(check_fail, OUTCOME_FAIL)
CHECK_FUNCTION(check_note, OUTCOME_NOTE)
CHECK_FUNCTION(check_skip, OUTCOME_SKIP)

void check_say(struct findings *f, struct check *check, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(f, check, format(f->arena, fmt, args));
	va_end(args);
}

void check_fact(struct findings *f, struct check *check, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	check->fact = format(f->arena, fmt, args);
	va_end(args);
	check->ended = time_now();
}

const char *duration_text(struct arena *arena, uint64_t ns)
{
	if (ns < 10000000)
		return arena_printf(arena, "%.1f ms", (double)ns / 1e6);
	if (ns < 1000000000)
		return arena_printf(arena, "%ju ms", (uintmax_t)(ns / 1000000));
	return arena_printf(arena, "%.1f s", (double)ns / 1e9);
}
