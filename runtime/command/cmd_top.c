/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/table.h"
#include "config/passwd.h"
#include "runtime/command/command.h"
#include "runtime/command/live.h"
#include "runtime/container.h"
#include "runtime/process_info.h"

#define PROCESSES_MAX	4096

struct top_options {
	bool once;
	int interval;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("once", 0, struct top_options, once, "one table, also on a terminal"),
	OPTION_ROW_NUMBER("interval", 0, struct top_options, interval, "SECONDS",
			  "between two tables; 1 by default"),
	{ 0 },
};

/* What a process had used before, to know what it uses now. */
struct seen {
	pid_t pid;
	uint64_t cpu_ms;
};

struct top {
	struct container *c;
	struct seen seen[PROCESSES_MAX];
	size_t seen_count;
};

struct row {
	struct process_info info;
	uint64_t used_ms;
};

/* A pid that came again has used less than the process before it: nothing, then. */
static uint64_t used_since(const struct top *top, const struct process_info *now)
{
	for (size_t i = 0; i < top->seen_count; i++)
		if (top->seen[i].pid == now->pid && top->seen[i].cpu_ms < now->cpu_ms)
			return now->cpu_ms - top->seen[i].cpu_ms;
	return 0;
}

static int by_use(const void *a, const void *b)
{
	const struct row *one = a, *two = b;

	if (one->used_ms != two->used_ms)
		return one->used_ms > two->used_ms ? -1 : 1;
	return one->info.pid < two->info.pid ? -1 : 1;
}

static size_t rows_read(struct top *top, struct arena *arena, const pid_list *pids,
			struct row *rows)
{
	size_t shown = 0;

	for (size_t i = 0; i < pids->count && shown < PROCESSES_MAX; i++) {
		struct row *row = &rows[shown];

		if (!process_info_read(arena, pids->items[i], &row->info))
			continue;
		row->used_ms = used_since(top, &row->info);
		shown++;
	}
	top->seen_count = shown;
	for (size_t i = 0; i < shown; i++)
		top->seen[i] = (struct seen){ rows[i].info.pid, rows[i].info.cpu_ms };
	qsort(rows, shown, sizeof(*rows), by_use);
	return shown;
}

static const char *time_used(struct arena *arena, uint64_t ms)
{
	return arena_printf(arena, "%" PRIu64 ":%02" PRIu64 ".%02" PRIu64, ms / 60000,
			    ms / 1000 % 60, ms / 10 % 100);
}

static int frame(void *context, struct text *out, uint64_t elapsed_ms, struct error *err)
{
	struct top *top = context;
	struct arena *arena = out->arena;
	struct table table = { .arena = arena, .narrow = true };
	struct row *rows;
	pid_list pids;
	size_t shown;

	if (container_pidfd(top->c, err) < 0)
		return err->code == ESRCH ? LIVE_END : -1;
	/* It may have ended since, and its cgroup with it. */
	if (container_pids(top->c, arena, &pids, err) < 0)
		return cgroup_is_gone(err->code) ? LIVE_END : -1;
	rows = ARENA_NEWS(arena, pids.count + 1, struct row);
	shown = rows_read(top, arena, &pids, rows);
	table_row(&table, (const char *[]){ "PID", "INSIDE", "USER", "S", "CPU%", "MEMORY", "TIME",
					    "COMMAND", NULL });
	for (size_t i = 0; i < shown; i++) {
		const struct process_info *p = &rows[i].info;

		table_row(&table, (const char *[]){
			arena_printf(arena, "%d", (int)p->pid),
			arena_printf(arena, "%d", (int)p->inner_pid),
			passwd_name(arena, p->uid), arena_printf(arena, "%c", p->state),
			live_share(arena, rows[i].used_ms * 1000000, elapsed_ms),
			live_size(arena, p->memory), time_used(arena, p->cpu_ms), p->command,
			NULL });
	}
	table_print(&table, out);
	return LIVE_MORE;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct top_options *top_options = values;
	_cleanup_container struct container c = CONTAINER_NONE;
	static struct top top;

	if (cli_container(cli, &c, err) < 0 || container_pidfd(&c, err) < 0)
		return -1;
	top.c = &c;
	return live_run(top_options->once ? LIVE_ONCE : LIVE_AUTO, top_options->interval, frame,
			&top, err);
}

const struct command command_top = {
	.name = "top", .arguments = "ID", .summary = "watch the processes of a container",
	.options = options, .size = sizeof(struct top_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
