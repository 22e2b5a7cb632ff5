/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/option.h"

/*
 * Commands by tables: a row for the parser, --help, the man page and the
 * completions, and the function that does it.  Each has a file cmd_<name>.c.
 *
 * A command prints nothing: what it adds to cli->out goes to stdout when it
 * has succeeded (or with cli_flush(), for what streams), and its error goes to
 * main(), which is the only one to report it.
 */

/* What a program gives its commands; each of kist's programs has its own. */
struct cli;

struct command_set;

struct command {
	const char *name;
	const char *arguments;		/* "ID [SIGNAL]" */
	const char *summary;		/* one line, for the list of commands */
	const char *description;	/* what --help and the man page add, or NULL */
	const struct option *options;	/* or NULL */
	size_t size;			/* of the struct that they fill */
	int min, max;			/* arguments; max -1: any number */
	int stop_after;			/* behind so many arguments no option comes; -1: never */
	bool hidden;
	bool elsewhere;			/* another program, with completions of its own */
	int failure;			/* the exit status of an error, where it is not 1 */
	/* The exit status, or -1 and *err. */
	int (*run)(struct cli *cli, const void *options, struct error *err);
	/* In its place, for what needs nothing but the tables (base/document.h). */
	int (*document)(struct text *out, const struct command_set *set,
			const struct arguments *words, struct error *err);
};

/* A command of other programs, and what is done here in its place. */
struct command_other {
	const char *name, *instead;	/* NULL ends the table */
};

/* All of one program. */
struct command_set {
	const char *program;			/* as users type it: "kist", "kist rootfs" */
	const char *summary;
	const char *arguments;			/* of a program without commands; else NULL */
	const struct command *const *commands;	/* NULL behind the last */
	const struct command_other *others;	/* or NULL */
	const struct option *options;		/* the global ones */
	const char *ids;			/* its words that print an ID per line, or NULL */
	const char *ids_option;			/* the global one that these depend on */
	const char *help_note;			/* lines for the end of --help, or NULL */
	const char *man_description;		/* plain text, lines ended */
	const char *man_tail;			/* the last sections, in roff */
};

const struct command *command_find(const struct command_set *set, const char *name);
/* The same, or NULL and what may have been meant. */
const struct command *command_demand(const struct command_set *set, const char *name,
				     struct error *err);
/* Whether there are as many arguments as it wants. */
int command_check_count(const struct command_set *set, const struct command *command,
			const struct arguments *arguments, struct error *err);

/* Whether the first argument is the id of a container that exists. */
bool command_wants_id(const struct command *command);
/* Arguments that are words of its own, " add remove", or "": for completions. */
const char *command_words(struct arena *arena, const struct command *command);

void command_help(struct text *out, const struct command_set *set, const struct command *command);
void command_set_help(struct text *out, const struct command_set *set);
