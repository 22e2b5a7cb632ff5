/* SPDX-License-Identifier: Apache-2.0 */
#include "base/document.h"

#include <ctype.h>
#include <string.h>

/* --- kist(1) --------------------------------------------------------------------- */

/* A dot or quote at the start of a line is a request to roff, a backslash an escape. */
static void add_roff(struct text *out, const char *line)
{
	if (*line == '.' || *line == '\'')
		text_add(out, "\\&");
	for (; *line != '\0'; line++) {
		if (*line == '\\')
			text_add(out, "\\e");
		else if (*line == '-')
			text_add(out, "\\-");
		else
			text_add_bytes(out, line, 1);
	}
}

static void man_options(struct text *out, const struct option *options)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
		struct text left = { .arena = out->arena };

		if (o->help == NULL)
			continue;
		if (o->letter != 0)
			text_printf(&left, "-%c, ", o->letter);
		text_printf(&left, "--%s", o->name);
		option_value_text(&left, o);
		text_add(out, ".TP\n.B ");
		add_roff(out, left.data);
		text_add(out, "\n");
		add_roff(out, o->help);
		text_add(out, "\n");
	}
}

static void man_command(struct text *out, const struct command *command)
{
	text_printf(out, ".SS \"%s %s%s\"\n", command->name,
		    command->options != NULL ? "[OPTIONS] " : "", command->arguments);
	add_roff(out, command->summary);
	text_add(out, ".\n");
	if (command->description != NULL) {
		text_add(out, ".PP\n");
		add_roff(out, command->description);
		text_add(out, "\n");
	}
	man_options(out, command->options);
}

/* "kist rootfs" as the name of a page or of a function, with the mark for the blank. */
static char *joined_name(struct text *out, const struct command_set *set, char mark, bool capital)
{
	char *name = arena_strdup(out->arena, set->program);

	for (char *at = name; *at != '\0'; at++) {
		if (*at == ' ')
			*at = mark;
		else if (capital)
			*at = (char)toupper((unsigned char)*at);
	}
	return name;
}

void document_man(struct text *out, const struct command_set *set)
{
	text_add(out, ".TH ");
	add_roff(out, joined_name(out, set, '-', true));
	text_add(out, " 1 \"\" \"kist " KIST_VERSION "\" \"User Commands\"\n.SH NAME\n");
	add_roff(out, joined_name(out, set, '-', false));
	text_printf(out, " \\- %s\n.SH SYNOPSIS\n.B %s\n", set->summary, set->program);
	if (set->arguments != NULL)
		text_printf(out, "[OPTIONS] %s\n", set->arguments);
	else
		text_add(out, "[GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n");
	text_add(out, ".SH DESCRIPTION\n");
	text_add(out, set->man_description);
	text_add(out, set->arguments != NULL ? ".SH OPTIONS\n" : ".SH GLOBAL OPTIONS\n");
	man_options(out, set->options);
	if (set->arguments == NULL)
		text_add(out, ".SH COMMANDS\n");
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			man_command(out, set->commands[i]);
	text_add(out, set->man_tail);
}

int document_help(struct text *out, const struct command_set *set, const struct arguments *words,
		  struct error *err)
{
	const struct command *command;

	if (words->count == 0) {
		command_set_help(out, set);
		return 0;
	}
	command = command_demand(set, words->items[0], err);
	if (command == NULL)
		return -1;
	command_help(out, set, command);
	return 0;
}

/* --- completions ------------------------------------------------------------------- */

static void add_words(struct text *out, const struct option *options)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++)
		if (o->help != NULL)
			text_printf(out, " --%s", o->name);
}

/* Whether the first argument is the id of a container that exists. */
static bool wants_id(const struct command *command)
{
	return strncmp(command->arguments, "ID", 2) == 0 && strcmp(command->name, "run") != 0 &&
	       strcmp(command->name, "create") != 0;
}

static void bash_case(struct text *out, const struct command_set *set,
		      const struct command *command)
{
	if (command->elsewhere) {
		text_printf(out, "\t%s)\n\t\tdeclare -F _kist_%s >/dev/null ||\n"
				 "\t\t\teval \"$(%s %s completion bash 2>/dev/null)\"\n"
				 "\t\tdeclare -F _kist_%s >/dev/null && _kist_%s\n\t\treturn ;;\n",
			    command->name, command->name, set->program, command->name,
			    command->name, command->name);
		return;
	}
	text_printf(out, "\t%s) words=\"", command->name);
	add_words(out, command->options);
	text_printf(out, " --help\"; ids=%d ;;\n", wants_id(command));
}

static int words_of(const struct command_set *set)
{
	int count = 1;

	for (const char *at = set->program; *at != '\0'; at++)
		count += *at == ' ';
	return count;
}

/* Global options whose value is a word of its own, as a pattern. */
static void bash_valued(struct text *out, const struct option *options)
{
	const char *bar = "";

	for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
		if (o->help == NULL || o->value == NULL || o->kind == OPTION_BARE_CHOICE)
			continue;
		text_printf(out, "%s--%s", bar, o->name);
		bar = "|";
	}
}

static void complete_bash(struct text *out, const struct command_set *set)
{
	const char *function = joined_name(out, set, '_', false);

	text_printf(out, "# bash completion for %s, made by \"%s completion bash\"\n"
			 "_%s() {\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} command= words= ids=0 i\n"
			 "\tfor ((i = %d; i < COMP_CWORD; i++)); do\n"
			 "\t\tcase ${COMP_WORDS[i]} in\n\t\t",
		    set->program, set->program, function, words_of(set));
	bash_valued(out, set->options);
	text_add(out, ") ((i++)) ;;\n\t\t-*) ;;\n"
		      "\t\t*) command=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n"
		      "\tcase $command in\n\t\"\") words=\"");
	add_words(out, set->options);
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			text_printf(out, " %s", set->commands[i]->name);
	text_add(out, "\" ;;\n");
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			bash_case(out, set, set->commands[i]);
	text_add(out, "\tesac\n");
	if (set->ids != NULL)
		text_printf(out, "\tif [[ $cur != -* && $ids == 1 ]]; then\n"
				 "\t\twords=$(%s 2>/dev/null)\n\tfi\n", set->ids);
	text_add(out, "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n");
	if (words_of(set) == 1)
		text_printf(out, "complete -o default -F _%s %s\n", function, set->program);
}

/* In single quotes; special: what gets a backslash there. */
static void add_quoted(struct text *out, const char *line, const char *special)
{
	for (; *line != '\0'; line++) {
		if (*line == '\'')
			text_add(out, "'\\''");
		else if (strchr(special, *line) != NULL)
			text_printf(out, "\\%c", *line);
		else
			text_add_bytes(out, line, 1);
	}
}

/* What _arguments and _describe take for their own. */
#define ZSH_SPECIAL	"[]:\\"

static void zsh_options(struct text *out, const struct option *options)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
		if (o->help == NULL)
			continue;
		text_printf(out, " \\\n\t\t\t'--%s%s[", o->name,
			    o->value == NULL ? "" : "=");
		add_quoted(out, o->help, ZSH_SPECIAL);
		text_add(out, o->value == NULL ? "]'" : "]:value:_files'");
	}
}

static void zsh_case(struct text *out, const struct command_set *set,
		     const struct command *command)
{
	if (command->elsewhere) {
		text_printf(out, "\t\t%s) (( $+functions[_kist_%s] )) ||\n"
				 "\t\t\teval \"$(%s %s completion zsh 2>/dev/null)\"\n"
				 "\t\t\t(( $+functions[_kist_%s] )) && _kist_%s ;;\n",
			    command->name, command->name, set->program, command->name,
			    command->name, command->name);
		return;
	}
	text_printf(out, "\t\t%s) _arguments", command->name);
	zsh_options(out, command->options);
	text_printf(out, " \\\n\t\t\t'*:%s' ;;\n",
		    wants_id(command) ? "id:_kist_ids" : "file:_files");
}

static void complete_zsh(struct text *out, const struct command_set *set)
{
	const char *function = joined_name(out, set, '_', false);

	if (words_of(set) == 1)
		text_printf(out, "#compdef %s\n", set->program);
	text_printf(out, "# made by \"%s completion zsh\"\n", set->program);
	if (set->ids != NULL)
		text_printf(out, "_kist_ids() { compadd -- ${(f)\"$(%s 2>/dev/null)\"} }\n",
			    set->ids);
	text_printf(out, "_%s() {\n\tlocal -a commands=(\n", function);
	for (size_t i = 0; set->commands[i] != NULL; i++) {
		if (set->commands[i]->hidden)
			continue;
		text_printf(out, "\t\t'%s:", set->commands[i]->name);
		add_quoted(out, set->commands[i]->summary, ZSH_SPECIAL);
		text_add(out, "'\n");
	}
	text_add(out, "\t)\n\tlocal state line\n\t_arguments -C");
	zsh_options(out, set->options);
	text_add(out, " \\\n\t\t'1:command:->command' '*::argument:->argument'\n"
		      "\tcase $state in\n\tcommand) _describe command commands ;;\n"
		      "\targument)\n\t\tcase $line[1] in\n");
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			zsh_case(out, set, set->commands[i]);
	text_add(out, "\t\tesac ;;\n\tesac\n}\n");
	if (words_of(set) == 1)
		text_printf(out, "_%s \"$@\"\n", function);
}

#define FISH_SPECIAL	"\\"

/* Of the program that is typed, whoever does the command. */
static const char *fish_complete(struct text *out, const struct command_set *set)
{
	return arena_printf(out->arena, "complete -c %.*s", (int)strcspn(set->program, " "),
			    set->program);
}

static void fish_options(struct text *out, const struct command_set *set,
			 const struct option *options, const char *condition)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
		if (o->help == NULL)
			continue;
		text_printf(out, "%s -n '%s' -l %s", fish_complete(out, set), condition, o->name);
		if (o->letter != 0)
			text_printf(out, " -s %c", o->letter);
		text_printf(out, "%s -d '", o->value == NULL ? "" : " -r");
		add_quoted(out, o->help, FISH_SPECIAL);
		text_add(out, "'\n");
	}
}

/* What holds while no command of the set has been typed. */
static const char *fish_unchosen(struct text *out, const struct command_set *set)
{
	struct text condition = { .arena = out->arena };
	const char *blank = strchr(set->program, ' ');

	if (blank == NULL)
		return "__fish_use_subcommand";
	text_printf(&condition, "__fish_seen_subcommand_from%s; and not "
				"__fish_seen_subcommand_from", blank);
	for (size_t i = 0; set->commands[i] != NULL; i++)
		text_printf(&condition, " %s", set->commands[i]->name);
	return condition.data;
}

static void fish_command(struct text *out, const struct command_set *set,
			 const struct command *command)
{
	const char *blank = strchr(set->program, ' ');
	const char *condition = arena_printf(out->arena, "__fish_seen_subcommand_from %s",
					     command->name);

	text_printf(out, "%s -n '%s' -f -a %s -d '", fish_complete(out, set),
		    fish_unchosen(out, set), command->name);
	add_quoted(out, command->summary, FISH_SPECIAL);
	text_add(out, "'\n");
	if (command->elsewhere) {
		text_printf(out, "%s %s completion fish 2>/dev/null | source\n", set->program,
			    command->name);
		return;
	}
	if (blank != NULL)
		condition = arena_printf(out->arena, "__fish_seen_subcommand_from%s; and %s",
					 blank, condition);
	fish_options(out, set, command->options, condition);
	if (wants_id(command))
		text_printf(out, "%s -n '%s' -f -a '(%s)'\n", fish_complete(out, set), condition,
			    set->ids);
}

static void complete_fish(struct text *out, const struct command_set *set)
{
	text_printf(out, "# fish completion for %s, made by \"%s completion fish\"\n",
		    set->program, set->program);
	fish_options(out, set, set->options, fish_unchosen(out, set));
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			fish_command(out, set, set->commands[i]);
}

static const struct {
	const char *shell;
	void (*write)(struct text *out, const struct command_set *set);
} shells[] = {
	{ "bash", complete_bash },
	{ "zsh", complete_zsh },
	{ "fish", complete_fish },
};

int document_completion(struct text *out, const struct command_set *set, const char *shell,
			struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shells[i].shell, shell) == 0) {
			shells[i].write(out, set);
			return 0;
		}
	}
	return error_set(err, "no completions for %s: must be bash, zsh or fish", shell);
}
