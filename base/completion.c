/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/document.h"

/*
 * The completions of a program.  Each shell has to find the command among the words: what is no
 * option, nor the value of one.  A command of another program ("kist rootfs") asks that one for
 * its completions, which begin behind the command's name.
 */

/* The first blank of "kist rootfs", or NULL: the program itself is typed. */
static const char *below(const struct command_set *set)
{
	return strchr(set->program, ' ');
}

static bool is_shown(const struct option *option)
{
	return option->help != NULL;
}

/* Its value is a word of its own. */
static bool is_valued(const struct option *option)
{
	return is_shown(option) && option->value != NULL && option->kind != OPTION_BARE_CHOICE;
}

static bool is_choice(const struct option *option)
{
	return option->kind == OPTION_CHOICE || option->kind == OPTION_BARE_CHOICE;
}

/* "auto|always" with blanks. */
static const char *choices(struct text *out, const struct option *option)
{
	char *words = arena_strdup(out->arena, option->value);

	for (char *at = words; (at = strchr(at, '|')) != NULL;)
		*at = ' ';
	return words;
}

enum values { VALUES_ALL, VALUES_FILES };

/* Names of options whose value is a word of its own, with that between them; how many. */
static size_t add_valued(struct text *out, const struct option *options, enum values values,
			 const char *between)
{
	size_t count = 0;

	for (const struct option *o = options; o != NULL && o->name != NULL; o++)
		if (is_valued(o) && (values == VALUES_ALL || !is_choice(o)))
			text_printf(out, "%s--%s", count++ > 0 ? between : "", o->name);
	return count;
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

/* For bash and zsh, where the value of that option is in $of. */
static const char *ids_line(struct text *out, const struct command_set *set)
{
	return arena_printf(out->arena, "%s ${of:+\"--%s=$of\"} %s", set->program, set->ids_option,
			    set->ids);
}

/* --- bash -------------------------------------------------------------------------------- */

/* words of what may come; nothing where the value of an option does, for then it is files. */
static void bash_words(struct text *out, const struct option *options)
{
	text_add(out, "case $previous in\n");
	for (const struct option *o = options; o != NULL && o->name != NULL; o++)
		if (is_valued(o) && is_choice(o))
			text_printf(out, "\t\t--%s) words=\"%s\" ;;\n", o->name, choices(out, o));
	text_add(out, "\t\t");
	if (add_valued(out, options, VALUES_FILES, "|") > 0)
		text_add(out, ") ;;\n\t\t");
	text_add(out, "*) words=\"--help");
	for (const struct option *o = options; o != NULL && o->name != NULL; o++)
		if (is_shown(o) && strcmp(o->name, "help") != 0)
			text_printf(out, " --%s", o->name);
}

static void bash_case(struct text *out, const struct command *command)
{
	if (command->elsewhere) {
		text_printf(out, "\t%s)\n\t\tdeclare -F _kist_%s >/dev/null ||\n"
				 "\t\t\teval \"$(kist %s completion bash 2>/dev/null)\"\n"
				 "\t\tdeclare -F _kist_%s >/dev/null && _kist_%s $((i + 1))\n"
				 "\t\treturn ;;\n",
			    command->name, command->name, command->name, command->name,
			    command->name);
		return;
	}
	text_printf(out, "\t%s) ", command->name);
	bash_words(out, command->options);
	text_printf(out, "%s\"; ids=%d ;;\n\t\tesac ;;\n", command_words(out->arena, command),
		    command_wants_id(command));
}

/* The loop that finds the command; the first word is number 1, or where _kist has found us. */
static void bash_command(struct text *out, const struct command_set *set)
{
	text_printf(out, "\tfor ((i = %s; i < COMP_CWORD; i++)); do\n"
			 "\t\tcase ${COMP_WORDS[i]} in\n\t\t", below(set) == NULL ? "1" : "$1");
	/* bash makes three words of "--root=DIR". */
	if (add_valued(out, set->options, VALUES_ALL, "|") > 0) {
		text_add(out, ")\n\t\t\toption=${COMP_WORDS[i++]}\n"
			      "\t\t\t[[ ${COMP_WORDS[i]} != = ]] || ((i++))\n");
		if (set->ids != NULL)
			text_printf(out,
				    "\t\t\t[[ $option != --%s ]] ||\n"
				    "\t\t\t\tof=${COMP_WORDS[i]/#\\~\\//$HOME/}\n",
				    set->ids_option);
		text_add(out, "\t\t\t;;\n\t\t");
	}
	text_add(out, "-*) ;;\n\t\t*) command=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n");
}

static void complete_bash(struct text *out, const struct command_set *set)
{
	const char *function = document_name(out, set, '_', false);

	text_printf(out,
		    "# bash completion for %s, made by \"%s completion bash\"\n"
		    "_%s() {\n"
		    "\tlocal current=${COMP_WORDS[COMP_CWORD]}\n"
		    "\tlocal previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
		    "\tlocal command='' words='' option='' of='' ids=0 i\n",
		    set->program, set->program, function);
	if (set->arguments == NULL)
		bash_command(out, set);
	text_add(out, "\tcase $command in\n\t\"\") ");
	bash_words(out, set->options);
	for (size_t i = 0; set->arguments == NULL && set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			text_printf(out, " %s", set->commands[i]->name);
	text_add(out, "\" ;;\n\t\tesac ;;\n");
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			bash_case(out, set->commands[i]);
	text_add(out, "\tesac\n");
	if (set->ids != NULL)
		text_printf(out,
			    "\tif [[ $current != -* && $ids == 1 ]]; then\n"
			    "\t\twords=$(%s 2>/dev/null)\n\tfi\n",
			    ids_line(out, set));
	text_add(out, "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n}\n");
	if (below(set) == NULL)
		text_printf(out, "complete -o default -F _%s %s\n", function, set->program);
}

/* --- zsh --------------------------------------------------------------------------------- */

/* What _arguments and _describe take for their own. */
#define ZSH_SPECIAL	"[]:\\"

static void zsh_option(struct text *out, const struct option *option)
{
	const char *files = option->kind == OPTION_BARE_CHOICE ? "::value:" : ":value:";

	text_printf(out, " \\\n\t\t\t'--%s%s[", option->name, option->value == NULL ? "" :
		    option->kind == OPTION_BARE_CHOICE ? "=-" : "=");
	add_quoted(out, option->help, ZSH_SPECIAL);
	text_add(out, "]");
	if (is_choice(option))
		text_printf(out, "%s(%s)", files, choices(out, option));
	else if (option->value != NULL)
		text_printf(out, "%s_files", files);
	text_add(out, "'");
}

static void zsh_options(struct text *out, const struct option *options)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++)
		if (is_shown(o))
			zsh_option(out, o);
}

static void zsh_case(struct text *out, const struct command *command)
{
	const char *words = command_words(out->arena, command);

	if (command->elsewhere) {
		text_printf(out, "\t\t%s) (( $+functions[_kist_%s] )) ||\n"
				 "\t\t\teval \"$(kist %s completion zsh 2>/dev/null)\"\n"
				 "\t\t\t(( $+functions[_kist_%s] )) && _kist_%s ;;\n",
			    command->name, command->name, command->name, command->name,
			    command->name);
		return;
	}
	text_printf(out, "\t\t%s) _arguments", command->name);
	zsh_options(out, command->options);
	text_add(out, " \\\n\t\t\t'--help[show help]'");
	if (*words != '\0')
		text_printf(out, " \\\n\t\t\t'1:word:(%s)'", words);
	text_printf(out, " \\\n\t\t\t'*:%s' ;;\n",
		    command_wants_id(command) ? "id:_kist_ids" : "file:_files");
}

static void zsh_commands(struct text *out, const struct command_set *set)
{
	text_add(out, "\tlocal -a commands=(\n");
	for (size_t i = 0; set->commands[i] != NULL; i++) {
		if (set->commands[i]->hidden)
			continue;
		text_printf(out, "\t\t'%s:", set->commands[i]->name);
		add_quoted(out, set->commands[i]->summary, ZSH_SPECIAL);
		text_add(out, "'\n");
	}
	text_add(out, "\t)\n\tlocal curcontext=$curcontext state line\n"
		      "\tlocal -A opt_args\n\t_arguments -C");
	zsh_options(out, set->options);
	text_add(out, " \\\n\t\t'1:command:->command' '*::argument:->argument'\n"
		      "\tcase $state in\n\tcommand) _describe command commands ;;\n"
		      "\targument)\n");
	if (set->ids != NULL)
		text_printf(out, "\t\tlocal of=${${(Q)opt_args[--%s]}/#\\~\\//$HOME/}\n",
			    set->ids_option);
	text_add(out, "\t\tcase $line[1] in\n");
	for (size_t i = 0; set->commands[i] != NULL; i++)
		if (!set->commands[i]->hidden)
			zsh_case(out, set->commands[i]);
	text_add(out, "\t\tesac ;;\n\tesac\n");
}

static void complete_zsh(struct text *out, const struct command_set *set)
{
	const char *function = document_name(out, set, '_', false);

	if (below(set) == NULL)
		text_printf(out, "#compdef %s\n", set->program);
	text_printf(out, "# made by \"%s completion zsh\"\n", set->program);
	if (set->ids != NULL)
		text_printf(out, "_kist_ids() { compadd -- ${(f)\"$(%s 2>/dev/null)\"} }\n",
			    ids_line(out, set));
	text_printf(out, "_%s() {\n", function);
	if (set->arguments == NULL) {
		zsh_commands(out, set);
	} else {
		text_add(out, "\t_arguments");
		zsh_options(out, set->options);
		text_add(out, " \\\n\t\t\t'*:file:_files'\n");
	}
	text_add(out, "}\n");
	if (below(set) == NULL)
		text_printf(out, "_%s \"$@\"\n", function);
}

/* --- fish -------------------------------------------------------------------------------- */

#define FISH_SPECIAL	"\\"

/*
 * "_kist_is COMMAND": whether that is the command of the line, or without one, whether there is
 * none yet.  __fish_use_subcommand takes the value of an option for one.
 */
static void fish_is(struct text *out, const struct command_set *set)
{
	const char *blank = below(set);

	text_printf(out, "function _%s_is --argument-names wanted\n"
			 "\tset -l words (commandline -opc)\n",
		    document_name(out, set, '_', false));
	if (blank != NULL)
		text_printf(out, "\t_kist_is %s; or return\n"
				 "\tset -e words[1..(contains -i -- %s $words)]\n",
			    blank + 1, blank + 1);
	else
		text_add(out, "\tset -e words[1]\n");
	text_add(out, "\twhile set -q words[1]\n\t\tswitch $words[1]\n\t\t\tcase ");
	if (add_valued(out, set->options, VALUES_ALL, " ") > 0)
		text_add(out, "\n\t\t\t\tset -e words[1]\n\t\t\tcase ");
	text_add(out, "'-*'\n\t\t\tcase '*'\n\t\t\t\ttest \"$words[1]\" = \"$wanted\"\n"
		      "\t\t\t\treturn\n\t\tend\n\t\tset -e words[1]\n\tend\n"
		      "\ttest -z \"$wanted\"\nend\n");
}

/* "_kist_of": the option that the ids depend on, if it is there. */
static void fish_of(struct text *out, const struct command_set *set)
{
	text_printf(out,
		    "function _%s_of\n"
		    "\tset -l words (commandline -opc)\n"
		    "\twhile set -q words[2]\n\t\tset -e words[1]\n\t\tswitch $words[1]\n"
		    "\t\t\tcase --%s\n"
		    "\t\t\t\techo -- --%s=(string replace -r '^~/' $HOME/ -- $words[2])\n"
		    "\t\t\tcase '--%s=*'\n\t\t\t\techo -- $words[1]\n"
		    "\t\tend\n\tend\nend\n",
		    set->program, set->ids_option, set->ids_option, set->ids_option);
}

/* The line that offers something on a condition, of the program that is typed. */
static void fish_complete(struct text *out, const char *condition)
{
	text_printf(out, "complete -c kist -n '%s'", condition);
}

static void fish_description(struct text *out, const char *description)
{
	text_add(out, " -d '");
	add_quoted(out, description, FISH_SPECIAL);
	text_add(out, "'\n");
}

static void fish_options(struct text *out, const struct option *options, const char *condition)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
		if (!is_shown(o))
			continue;
		fish_complete(out, condition);
		text_printf(out, " -l %s", o->name);
		if (o->letter != 0)
			text_printf(out, " -s %c", o->letter);
		if (is_choice(o))
			text_printf(out, " -f%s -a '%s'", is_valued(o) ? " -r" : "",
				    choices(out, o));
		else if (is_valued(o))
			text_add(out, " -r");
		fish_description(out, o->help);
	}
}

static void fish_command(struct text *out, const struct command_set *set,
			 const struct command *command)
{
	const char *is = arena_printf(out->arena, "_%s_is", document_name(out, set, '_', false));
	const char *condition = arena_printf(out->arena, "%s %s", is, command->name);
	const char *words = command_words(out->arena, command);

	fish_complete(out, is);
	text_printf(out, " -f -a %s", command->name);
	fish_description(out, command->summary);
	if (command->elsewhere) {
		text_printf(out, "kist %s completion fish 2>/dev/null | source\n", command->name);
		return;
	}
	fish_options(out, command->options, condition);
	fish_complete(out, condition);
	text_add(out, " -l help -d 'show help'\n");
	if (*words != '\0')
		text_printf(out, "complete -c kist -n '%s' -a '%s'\n", condition, words);
	if (command_wants_id(command)) {
		fish_complete(out, condition);
		text_printf(out, " -f -a '(%s (_%s_of) %s)'\n", set->program, set->program,
			    set->ids);
	}
}

static void complete_fish(struct text *out, const struct command_set *set)
{
	text_printf(out, "# fish completion for %s, made by \"%s completion fish\"\n",
		    set->program, set->program);
	if (set->arguments != NULL) {
		fish_options(out, set->options,
			     arena_printf(out->arena, "_kist_is%s", below(set)));
		return;
	}
	fish_is(out, set);
	if (set->ids != NULL)
		fish_of(out, set);
	fish_options(out, set->options,
		     arena_printf(out->arena, "_%s_is", document_name(out, set, '_', false)));
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
