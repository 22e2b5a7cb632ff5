/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/document.h"

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

void document_man(struct text *out)
{
	text_add(out, ".TH KIST 1 \"\" \"kist " KIST_VERSION "\" \"User Commands\"\n"
		      ".SH NAME\nkist \\- run containers from OCI bundles\n"
		      ".SH SYNOPSIS\n.B kist\n[GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]\n"
		      ".SH DESCRIPTION\n"
		      "kist takes a bundle, a root file system and a config.json as the OCI "
		      "runtime specification has them, and runs it.\n"
		      "It understands the command lines of runc and crun.\n"
		      ".SH GLOBAL OPTIONS\n");
	man_options(out, global_options);
	text_add(out, ".SH COMMANDS\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		if (!commands[i]->hidden)
			man_command(out, commands[i]);
	text_add(out,
		 ".SH EXIT STATUS\nThat of the program for\n.B run\nand\n.BR exec ,\n"
		 "128+N where signal N ended it.  Errors of kist itself: 1, and 255 for\n"
		 ".BR exec .\n"
		 ".SH ENVIRONMENT\n.TP\n.B KIST_INIT\nThe default of\n.BR \"run \\-\\-init\" .\n"
		 ".TP\n.B XDG_RUNTIME_DIR\nWhere an ordinary user's state is kept, in kist/.\n"
		 ".TP\n.B LISTEN_FDS\nThe fds are passed on, with LISTEN_PID set for the program.\n"
		 ".SH FILES\n.TP\n.I /run/kist\nThe state of root's containers.\n");
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

static void bash_case(struct text *out, const struct command *command)
{
	text_printf(out, "\t%s) words=\"", command->name);
	add_words(out, command->options);
	text_printf(out, " --help\"; ids=%d ;;\n", wants_id(command));
}

void document_bash(struct text *out)
{
	text_add(out, "# bash completion for kist, made by \"kist completion bash\"\n"
		      "_kist() {\n"
		      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} command= words= ids=0 i\n"
		      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		      "\t\tcase ${COMP_WORDS[i]} in\n\t\t--root|--log) ((i++)) ;;\n\t\t-*) ;;\n"
		      "\t\t*) command=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n"
		      "\tcase $command in\n\t\"\") words=\"");
	add_words(out, global_options);
	for (size_t i = 0; commands[i] != NULL; i++)
		if (!commands[i]->hidden)
			text_printf(out, " %s", commands[i]->name);
	text_add(out, "\" ;;\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		if (!commands[i]->hidden)
			bash_case(out, commands[i]);
	text_add(out, "\tesac\n"
		      "\tif [[ $cur != -* && $ids == 1 ]]; then\n"
		      "\t\twords=$(kist list -q 2>/dev/null)\n\tfi\n"
		      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		      "}\ncomplete -o default -F _kist kist\n");
}

/* In single quotes, and without what _arguments and _describe take for their own. */
static void add_quoted(struct text *out, const char *line)
{
	for (; *line != '\0'; line++) {
		if (*line == '\'')
			text_add(out, "'\\''");
		else if (strchr("[]:\\", *line) != NULL)
			text_printf(out, "\\%c", *line);
		else
			text_add_bytes(out, line, 1);
	}
}

static void zsh_options(struct text *out, const struct option *options)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
		if (o->help == NULL)
			continue;
		text_printf(out, " \\\n\t\t\t'--%s%s[", o->name,
			    o->value == NULL ? "" : "=");
		add_quoted(out, o->help);
		text_add(out, o->value == NULL ? "]'" : "]:value:_files'");
	}
}

void document_zsh(struct text *out)
{
	text_add(out, "#compdef kist\n# made by \"kist completion zsh\"\n"
		      "_kist_ids() { compadd -- ${(f)\"$(kist list -q 2>/dev/null)\"} }\n"
		      "_kist() {\n\tlocal -a commands=(\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (commands[i]->hidden)
			continue;
		text_printf(out, "\t\t'%s:", commands[i]->name);
		add_quoted(out, commands[i]->summary);
		text_add(out, "'\n");
	}
	text_add(out, "\t)\n\tlocal state line\n\t_arguments -C");
	zsh_options(out, global_options);
	text_add(out, " \\\n\t\t'1:command:->command' '*::argument:->argument'\n"
		      "\tcase $state in\n\tcommand) _describe command commands ;;\n"
		      "\targument)\n\t\tcase $line[1] in\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (commands[i]->hidden)
			continue;
		text_printf(out, "\t\t%s) _arguments", commands[i]->name);
		zsh_options(out, commands[i]->options);
		text_printf(out, " \\\n\t\t\t'*:%s' ;;\n",
			    wants_id(commands[i]) ? "id:_kist_ids" : "file:_files");
	}
	text_add(out, "\t\tesac ;;\n\tesac\n}\n_kist \"$@\"\n");
}

static void fish_options(struct text *out, const struct option *options, const char *condition)
{
	for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
		if (o->help == NULL)
			continue;
		text_printf(out, "complete -c kist -n '%s' -l %s", condition, o->name);
		if (o->letter != 0)
			text_printf(out, " -s %c", o->letter);
		text_printf(out, "%s -d '", o->value == NULL ? "" : " -r");
		add_quoted(out, o->help);
		text_add(out, "'\n");
	}
}

void document_fish(struct text *out)
{
	text_add(out, "# fish completion for kist, made by \"kist completion fish\"\n");
	fish_options(out, global_options, "__fish_use_subcommand");
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct command *command = commands[i];
		const char *condition;

		if (command->hidden)
			continue;
		condition = arena_printf(out->arena, "__fish_seen_subcommand_from %s",
					 command->name);
		text_printf(out, "complete -c kist -n __fish_use_subcommand -f -a %s -d '",
			    command->name);
		add_quoted(out, command->summary);
		text_add(out, "'\n");
		fish_options(out, command->options, condition);
		if (wants_id(command))
			text_printf(out, "complete -c kist -n '%s' -f -a '(kist list -q)'\n",
				    condition);
	}
}
