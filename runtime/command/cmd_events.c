/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "runtime/cgroup/stats.h"
#include "runtime/command/command.h"
#include "runtime/container.h"

/*
 * One JSON object a line: "stats" every so often, "oom" when it happens, until
 * the container ends.  Memory stays as it is however long that takes.
 */
struct events_options {
	const char *interval;
	bool stats;
};

static const struct option options[] = {
	OPTION_ROW_TEXT("interval", 0, struct events_options, interval, "TIME",
			"between two statistics: 5s, 500ms, 1m; 5s where not given"),
	OPTION_ROW_FLAG("stats", 0, struct events_options, stats, "one of them, and no more"),
	{ 0 },
};

static const struct { const char *unit; uint64_t ms; } units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 },
};

/* A duration as Go writes it: "1m30s". */
static int parse_interval(struct arena *arena, const char *text, int *ret_ms, struct error *err)
{
	uint64_t total = 0, number;
	const char *at = text;

	while (*at != '\0') {
		size_t digits = strspn(at, "0123456789"), letters, unit = 0;

		if (!text_to_u64(arena_strndup(arena, at, digits), 1000000, &number))
			break;
		at += digits;
		letters = strspn(at, "abcdefghijklmnopqrstuvwxyz");
		while (unit < ARRAY_SIZE(units) && (strlen(units[unit].unit) != letters ||
						    strncmp(at, units[unit].unit, letters) != 0))
			unit++;
		if (unit == ARRAY_SIZE(units))
			break;
		total += number * units[unit].ms;
		at += letters;
	}
	if (*at != '\0' || total == 0 || total > INT32_MAX)
		return error_set(err, "invalid --interval \"%s\": must be as 5s or 500ms, above 0",
				 text);
	*ret_ms = (int)total;
	return 0;
}

static int not_running(const struct container *c, struct error *err)
{
	error_set(err, "container with id %s is not running", c->id);
	err->code = ESRCH;
	return -1;
}

static int stats_line(struct container *c, struct text *line, struct error *err)
{
	struct cgroup_stats stats = { 0 };

	if (cgroup_is_used(&c->cgroup) &&
	    cgroup_stats_read(&c->cgroup, line->arena, &stats, err) < 0)
		return -1;
	text_printf(line, "{\"type\":\"stats\",\"id\":\"%s\",\"data\":{", c->id);
	cgroup_stats_print(line, &stats);
	text_add(line, ",\"intel_rdt\":");
	if (rdt_print_stats(line, &c->rdt, err) < 0)
		return -1;
	text_add(line, ",\"network_interfaces\":null}}\n");
	return 0;
}

static int print_stats(struct container *c, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	struct text line = { .arena = &arena };
	int result = stats_line(c, &line, err);
	struct error ended;

	/* Whoever deletes it takes the files away one after the other: the rest would be 0. */
	if (container_pidfd(c, &ended) < 0 && ended.code == ESRCH)
		return not_running(c, err);
	if (result < 0)
		return error_wrap(err, "statistics of %s", c->id);
	if (fd_write_all(STDOUT_FILENO, line.data, line.size) < 0)
		return error_errno(err, "write to stdout");
	return 0;
}

static int print_oom(const struct container *c, uint64_t count, struct error *err)
{
	char line[1200];

	snprintf(line, sizeof(line), "{\"type\":\"oom\",\"id\":\"%s\"}\n", c->id);
	for (uint64_t i = 0; i < count; i++)
		if (fd_write_all(STDOUT_FILENO, line, strlen(line)) < 0)
			return error_errno(err, "write to stdout");
	return 0;
}

static int follow(struct container *c, struct cgroup_oom *oom, int interval,
		  struct error *err)
{
	int64_t next = clock_ms() + interval;

	for (;;) {
		/* Of a cgroup that is gone the fd is closed, and its number may be another's. */
		struct pollfd fds[2] = { { .fd = c->pidfd, .events = POLLIN },
					 { .fd = oom->fd, .events = oom->events } };
		int64_t left = next - clock_ms();
		int ready = poll(fds, ARRAY_SIZE(fds), left > 0 ? (int)left : 0);

		if (ready < 0 && errno != EINTR)
			return error_errno(err, "wait for events of %s", c->id);
		if (ready > 0 && fds[1].revents != 0 &&
		    print_oom(c, cgroup_oom_take(oom), err) < 0)
			return -1;
		if (ready > 0 && fds[0].revents != 0)
			return 0;
		if (ready == 0) {
			/* Its end is the next thing to be seen. */
			if (print_stats(c, err) < 0 && err->code != ESRCH)
				return -1;
			next += interval;
		}
	}
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct events_options *events = values;
	_cleanup_container struct container c = CONTAINER_NONE;
	struct cgroup_oom oom = CGROUP_OOM_NONE;
	int interval = 0, result;

	if (parse_interval(cli->arena, events->interval != NULL ? events->interval : "5s",
			   &interval, err) < 0 ||
	    cli_container(cli, &c, err) < 0)
		return -1;
	if (container_status(&c) == CONTAINER_STOPPED ||
	    (container_pidfd(&c, err) < 0 && err->code == ESRCH))
		return not_running(&c, err);
	if (c.pidfd < 0)
		return -1;
	if (cgroup_is_used(&c.cgroup) && c.cgroup.fd < 0 && cgroup_open(&c.cgroup, err) < 0)
		return error_wrap(err, "statistics of %s", c.id);
	if (events->stats)
		return print_stats(&c, err);
	if (c.cgroup.path != NULL && cgroup_oom_open(&c.cgroup, &oom, err) < 0)
		return error_wrap(err, "watch %s for OOM", c.id);
	result = follow(&c, &oom, interval, err);
	cgroup_oom_close(&oom);
	return result;
}

const struct command command_events = {
	.name = "events", .arguments = "ID",
	.summary = "show what a container uses, and when memory ran out",
	.options = options, .size = sizeof(struct events_options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
