/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/table.h"
#include "config/passwd.h"
#include "runtime/command/command.h"
#include "runtime/container.h"
#include "runtime/state.h"

struct list_options {
	const char *format;
	bool quiet;
};

static const struct option options[] = {
	OPTION_ROW_TEXT("format", 'f', struct list_options, format, "table|json",
			"a table, which is the default, or JSON"),
	OPTION_ROW_ABSENT("all", 'a', "all are listed"),
	OPTION_ROW_FLAG("quiet", 'q', struct list_options, quiet, "ids alone"),
	{ 0 },
};

struct listing {
	struct cli *cli;
	const struct list_options *options;
	struct table table;
	bool json;
	size_t shown;
};

static void show(struct listing *l, struct container *c)
{
	struct text *out = &l->cli->out;
	enum container_status status;
	struct text created = { .arena = c->arena };
	const char *owner;

	if (l->options->quiet) {
		text_printf(out, "%s\n", c->id);
		return;
	}
	status = container_status(c);
	owner = passwd_name(c->arena, c->owner);
	if (l->json) {
		text_add(out, l->shown++ == 0 ? "[" : ",");
		state_print(out, c, status, false, owner);
		return;
	}
	/* It has only begun to be made. */
	if (c->bundle == NULL)
		c->bundle = "";
	state_print_time(&created, &c->created);
	table_row(&l->table,
		  (const char *[]){ c->id,
				    arena_printf(c->arena, "%d",
						 status == CONTAINER_STOPPED ? 0 : (int)c->pid),
				    container_status_name(status), c->bundle, created.data, owner,
				    NULL });
}

/* What is read of a container is needed no longer than its row is made. */
static void list_one(struct listing *l, int root_fd, const char *id)
{
	static _Alignas(max_align_t) unsigned char memory[16 * 1024];
	_cleanup_arena struct arena arena = { 0 };
	_cleanup_container struct container c = CONTAINER_NONE;
	struct error err;

	memset(memory, 0, sizeof(memory));
	arena_lend(&arena, memory, sizeof(memory));
	if (container_open(&c, &arena, cli_root(l->cli), root_fd, id, &err) == 0)
		show(l, &c);
	else if (err.code != ENOENT)
		warn("%s", err.text);
}

static int list(struct listing *l, struct error *err)
{
	struct cli *cli = l->cli;
	_cleanup_fd int root_fd = cli_root_open(cli, false, err);
	word_list ids;

	/* A root that was named must be there; the default one comes with the first container. */
	if (root_fd < 0)
		return err->code == ENOENT && !cli->root_given ? 0 : -1;
	if (container_ids(cli->arena, root_fd, &ids, err) < 0)
		return -1;
	LIST_EACH(id, ids)
		list_one(l, root_fd, *id);
	return 0;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	struct listing l = { .cli = cli, .options = values, .table = { .arena = cli->arena } };
	const char *format = l.options->format != NULL ? l.options->format : "table";

	l.json = strcmp(format, "json") == 0;
	if (!l.json && strcmp(format, "table") != 0)
		return error_set(err, "invalid format option");
	table_row(&l.table, (const char *[]){ strcmp(cli->name, "crun") == 0 ? "NAME" : "ID", "PID",
					      "STATUS", "BUNDLE", "CREATED", "OWNER", NULL });
	if (list(&l, err) < 0)
		return -1;
	if (l.options->quiet)
		return 0;
	if (l.json)
		text_add(&cli->out, l.shown > 0 ? "]\n" : "null\n");
	else
		table_print(&l.table, &cli->out);
	return 0;
}

const struct command command_list = {
	.name = "list", .arguments = "", .summary = "list containers",
	.options = options, .size = sizeof(struct list_options),
	.min = 0, .max = 0, .stop_after = -1, .run = run,
};
