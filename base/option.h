/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

/*
 * Options by tables: one row per option serves the parser, --help, the man
 * page and the completions, so they cannot differ.
 *
 * Every spelling that runc's callers use is understood: --name=value, --name
 * value, -name (one dash, a long name), -n, -nvalue, -xyz for flags of one
 * letter each, options before and behind the arguments, "--" in front of what
 * is no option.  Nothing is split at commas.
 */
enum option_kind {
	OPTION_SWITCH, /* bool; "=true" and "=false" may follow */
	OPTION_MAYBE, /* the same, as int: 1, or -1 for false; 0: not given */
	OPTION_TEXT, /* const char * */
	OPTION_WORD, /* the same; an empty one is as none, as runc has it */
	OPTION_LIST, /* word_list, once per time given */
	OPTION_NUMBER, /* int, not negative */
	OPTION_CHOICE, /* const char *: one of those in value; an empty one: none */
	OPTION_BARE_CHOICE, /* the same; without a value the first of them */
	OPTION_ASSIGN, /* word_list of many rows: "name=value", or "=true" */
	OPTION_ABSENT, /* an option of other programs: value is what to do in its place */
};

struct option {
	const char *name;	/* NULL ends the table */
	char letter;		/* or 0 */
	enum option_kind kind;
	size_t offset;		/* of the value in the command's struct */
	const char *value;	/* what help calls it, "DIR"; choices: "auto|always"; NULL: none */
	const char *help;	/* NULL: accepted, and not shown */
};

/* A row whose member has the type that its kind wants, or a compile error. */
#define OPTION_AT(s, m, type) \
	(offsetof(s, m) + \
	 0 * sizeof(char[2 * __builtin_types_compatible_p(__typeof__(((s *)0)->m), type) - 1]))
#define OPTION_ROW_FLAG(name, letter, s, m, help) \
	{ name, letter, OPTION_SWITCH, OPTION_AT(s, m, bool), NULL, help }
#define OPTION_ROW_MAYBE(name, letter, s, m, help) \
	{ name, letter, OPTION_MAYBE, OPTION_AT(s, m, int), NULL, help }
#define OPTION_ROW_TEXT(name, letter, s, m, value, help) \
	{ name, letter, OPTION_TEXT, OPTION_AT(s, m, const char *), value, help }
#define OPTION_ROW_WORD(name, letter, s, m, value, help) \
	{ name, letter, OPTION_WORD, OPTION_AT(s, m, const char *), value, help }
#define OPTION_ROW_LIST(name, letter, s, m, value, help) \
	{ name, letter, OPTION_LIST, OPTION_AT(s, m.items, const char **), value, help }
#define OPTION_ROW_NUMBER(name, letter, s, m, value, help) \
	{ name, letter, OPTION_NUMBER, OPTION_AT(s, m, int), value, help }
#define OPTION_ROW_CHOICE(name, letter, s, m, value, help) \
	{ name, letter, OPTION_CHOICE, OPTION_AT(s, m, const char *), value, help }
#define OPTION_ROW_BARE_CHOICE(name, letter, s, m, value, help) \
	{ name, letter, OPTION_BARE_CHOICE, OPTION_AT(s, m, const char *), value, help }
#define OPTION_ROW_ASSIGN(name, s, m, value, help) \
	{ name, 0, OPTION_ASSIGN, OPTION_AT(s, m.items, const char **), value, help }
#define OPTION_ROW_ABSENT(name, letter, use)	{ name, letter, OPTION_ABSENT, 0, use, NULL }

/* What is no option, NULL behind the last. */
struct arguments {
	const char **items;
	size_t count;
	size_t dashes;		/* how many stood before "--"; count where there was none */
};

/* A table, and the struct that it fills. */
struct option_scope {
	const struct option *options;
	void *values;
};

/*
 * Sorts argv into options (looked up in the first scope, then in the second)
 * and arguments.  stop_after: behind so many arguments nothing is an option
 * any more (the program's own options begin there); negative: never.
 */
int option_parse(struct arena *arena, const struct option_scope scopes[2], int stop_after,
		 char *const *argv, struct arguments *ret, struct error *err);

/* The other way round: the words that would say these values; rows of OPTION_ASSIGN say nothing. */
void option_words(struct arena *arena, const struct option *options, const void *values,
		  word_list *words);

/* "  -b, --bundle DIR     what it is for", a line per option that is shown. */
void option_help(struct text *out, const struct option *options);
/* The choices or the value of a row as shown: " DIR", "[=auto|always]", "". */
void option_value_text(struct text *out, const struct option *option);
