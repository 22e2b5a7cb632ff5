/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/table.h"
#include "runtime/cgroup/stats.h"
#include "runtime/command/command.h"
#include "runtime/command/live.h"
#include "runtime/container.h"
#include "runtime/process_info.h"

struct stats_options {
	bool once, json;
	int interval;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("once", 0, struct stats_options, once, "one table, also on a terminal"),
	OPTION_ROW_FLAG("json", 0, struct stats_options, json,
			"a JSON object a line and container, again and again but for --once"),
	OPTION_ROW_NUMBER("interval", 0, struct stats_options, interval, "SECONDS",
			  "between two tables; 1 by default"),
	{ 0 },
};

/* What a container had used before, to know what it uses now. */
struct seen {
	struct seen *next;
	const char *id;
	uint64_t cpu_ns;
	bool shown;
};

struct listing {
	struct cli *cli;
	bool json;
	struct seen *first;
};

struct use {
	const char *id;
	uint64_t cpu_ns, used_ns, memory, memory_limit, pids, pids_limit, read, written;
};

static struct seen *seen_find(struct listing *l, const char *id)
{
	struct seen *seen;

	for (seen = l->first; seen != NULL; seen = seen->next)
		if (strcmp(seen->id, id) == 0)
			return seen;
	seen = ARENA_NEW(l->cli->arena, struct seen);
	seen->id = arena_strdup(l->cli->arena, id);
	seen->next = l->first;
	l->first = seen;
	return seen;
}

static void add_io(struct use *use, const struct cgroup_stats *stats)
{
	LIST_EACH(io, stats->io_bytes) {
		if (strcasecmp(io->op, "read") == 0)
			use->read += io->value;
		else if (strcasecmp(io->op, "write") == 0)
			use->written += io->value;
	}
}

/* Where no controller counts for the container, its processes are asked. */
static void add_processes(struct container *c, struct arena *arena, struct use *use)
{
	uint64_t cpu_ms = 0, memory = 0;
	struct process_info info;
	struct error ignored;
	pid_list pids;

	if (container_pids(c, arena, &pids, &ignored) < 0)
		return;
	LIST_EACH(pid, pids) {
		if (!process_info_read(arena, *pid, &info))
			continue;
		cpu_ms += info.cpu_ms;
		memory += info.memory;
	}
	if (use->cpu_ns == 0)
		use->cpu_ns = cpu_ms * 1000000;
	if (use->memory == 0)
		use->memory = memory;
	if (use->pids == 0)
		use->pids = pids.count;
}

static int use_read(struct container *c, struct arena *arena, struct use *ret, struct error *err)
{
	struct cgroup_stats stats = { 0 };

	*ret = (struct use){ .id = c->id };
	if (cgroup_is_used(&c->cgroup) && ((c->cgroup.fd < 0 && cgroup_open(&c->cgroup, err) < 0) ||
					   cgroup_stats_read(&c->cgroup, arena, &stats, err) < 0))
		return -1;
	ret->cpu_ns = stats.cpu_total;
	ret->memory = stats.memory.usage;
	ret->memory_limit = stats.memory.limit;
	ret->pids = stats.pids;
	ret->pids_limit = stats.pids_limit;
	add_io(ret, &stats);
	if (ret->cpu_ns == 0 || ret->memory == 0 || ret->pids == 0)
		add_processes(c, arena, ret);
	return 0;
}

/* Above what any machine has: no limit. */
static bool is_limit(uint64_t limit)
{
	return limit > 0 && limit < (uint64_t)1 << 60;
}

static void print_json(struct text *out, const struct use *use, uint64_t elapsed_ms)
{
	text_printf(out, "{\"id\":\"%s\",\"cpu_percent\":%s,\"cpu_ns\":%" PRIu64
		    ",\"memory\":%" PRIu64, use->id,
		    live_share(out->arena, use->used_ns, elapsed_ms), use->cpu_ns, use->memory);
	if (is_limit(use->memory_limit))
		text_printf(out, ",\"memory_limit\":%" PRIu64, use->memory_limit);
	text_printf(out, ",\"pids\":%" PRIu64, use->pids);
	if (is_limit(use->pids_limit))
		text_printf(out, ",\"pids_limit\":%" PRIu64, use->pids_limit);
	text_printf(out, ",\"io_read\":%" PRIu64 ",\"io_written\":%" PRIu64 "}\n", use->read,
		    use->written);
}

static void print_row(struct table *table, const struct use *use, uint64_t elapsed_ms)
{
	struct arena *a = table->arena;

	table_row(table, (const char *[]){
		arena_strdup(a, use->id), live_share(a, use->used_ns, elapsed_ms),
		live_size(a, use->memory),
		is_limit(use->memory_limit) ? live_size(a, use->memory_limit) : "-",
		arena_printf(a, "%" PRIu64, use->pids),
		is_limit(use->pids_limit) ? arena_printf(a, "%" PRIu64, use->pids_limit) : "-",
		live_size(a, use->read), live_size(a, use->written), NULL });
}

/* All that run; those that were named, whatever they do. */
static int ids_of(struct listing *l, struct arena *arena, int root_fd,
		  word_list *ret, struct error *err)
{
	const struct arguments *words = &l->cli->arguments;

	if (words->count == 0)
		return container_ids(arena, root_fd, ret, err);
	ret->items = words->items;
	ret->count = words->count;
	return 0;
}

static int show(struct listing *l, int root_fd, const char *id, struct table *table,
		struct text *out, uint64_t elapsed_ms, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;
	struct seen *seen = seen_find(l, id);
	struct use use;

	/* One that was named has to be there, at first. */
	if (container_open(&c, out->arena, cli_root(l->cli), root_fd, id, err) < 0)
		return l->cli->arguments.count == 0 || (seen->shown && err->code == ENOENT) ? 0 :
											      -1;
	if (container_pidfd(&c, err) < 0) {
		if (err->code != ESRCH)
			return -1;
		if (l->cli->arguments.count == 0 || seen->shown)
			return 0;
		return error_wrap(err, "stats %s", id);
	}
	/* It may have ended since, and its cgroup with it. */
	if (use_read(&c, out->arena, &use, err) < 0)
		return cgroup_is_gone(err->code) ? 0 : error_wrap(err, "statistics of %s", id);
	/* ... or only some of it, and the rest would be 0. */
	if (container_pidfd(&c, err) < 0)
		return err->code == ESRCH ? 0 : -1;
	seen->shown = true;
	use.used_ns = use.cpu_ns > seen->cpu_ns ? use.cpu_ns - seen->cpu_ns : 0;
	seen->cpu_ns = use.cpu_ns;
	if (l->json)
		print_json(out, &use, elapsed_ms);
	else
		print_row(table, &use, elapsed_ms);
	return 1;
}

static int frame(void *context, struct text *out, uint64_t elapsed_ms, struct error *err)
{
	struct listing *l = context;
	_cleanup_fd int root_fd = cli_root_open(l->cli, false, err);
	struct table table = { .arena = out->arena, .narrow = true };
	word_list ids = { NULL, 0 };
	int running = 0;

	table_row(&table, (const char *[]){ "ID", "CPU%", "MEMORY", "LIMIT", "PIDS", "LIMIT",
					    "READ", "WRITTEN", NULL });
	if (root_fd < 0 && (err->code != ENOENT || l->cli->root_given))
		return -1;
	if (root_fd >= 0 && ids_of(l, out->arena, root_fd, &ids, err) < 0)
		return -1;
	LIST_EACH(id, ids) {
		int shown = show(l, root_fd, *id, &table, out, elapsed_ms, err);

		if (shown < 0)
			return -1;
		running += shown;
	}
	if (!l->json)
		table_print(&table, out);
	/* Those that were named have all ended: nothing more will come. */
	return running == 0 && l->cli->arguments.count > 0 ? LIVE_END : LIVE_MORE;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct stats_options *stats = values;
	struct listing l = { .cli = cli, .json = stats->json };
	enum live_mode mode = stats->once ? LIVE_ONCE : stats->json ? LIVE_STREAM : LIVE_AUTO;

	return live_run(mode, stats->interval, frame, &l, err);
}

const struct command command_stats = {
	.name = "stats", .arguments = "[ID...]",
	.summary = "watch what containers use",
	.description = "A table that is renewed on a terminal, and written once into a pipe.\n"
		       "CPU% is of one CPU.",
	.options = options, .size = sizeof(struct stats_options),
	.min = 0, .max = -1, .stop_after = -1, .run = run,
};
