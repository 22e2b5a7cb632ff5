/* SPDX-License-Identifier: Apache-2.0 */
#include "pid1-version.h"
#include "supervisor.h"

#define TINI_VERSION "tini version " VERSION " - git." COMMIT	/* dockerd reads it so */

/* The last one is for every other name. */
static const struct persona personas[] = {
	{ "tini",	 TINI_VERSION, false, ISOLATE_GROUP, false, 127, 126, 1 },
	{ "tini-static", TINI_VERSION, false, ISOLATE_GROUP, false, 127, 126, 1 },
	{ "docker-init", TINI_VERSION, false, ISOLATE_GROUP, false, 127, 126, 1 },
	{ "catatonit",	 TINI_VERSION, false, ISOLATE_GROUP, true, 1, 1, 1 },
	{ "podman-init", TINI_VERSION, false, ISOLATE_GROUP, true, 1, 1, 1 },
	{ "dumb-init",	 "dumb-init v" VERSION, true, ISOLATE_SESSION, false, 2, 2, 2 },
	{ "kist-init",	 "kist-init version " VERSION " - git." COMMIT, false, ISOLATE_GROUP, true,
	  127, 126, 126 },
};

static int set_grace(struct supervisor *s, const char *value)
{
	long seconds = number_parse(value, '.', 99999999);
	long thousandths = 0;
	const char *at = value + word_size(value, '.');

	if (seconds < 0 || (*at == '.' && at[1] == '\0'))
		return -1;
	if (*at == '.')
		at++;
	for (int unit = 100; *at != '\0'; at++, unit /= 10) {
		if (*at < '0' || *at > '9')
			return -1;
		thousandths += (*at - '0') * unit;
	}
	s->grace = seconds * 1000 + thousandths;
	return 0;
}

static int set_stop_signal(struct supervisor *s, const char *value)
{
	int signal = signal_parse(value, '\0');

	if (signal <= 0)
		return -1;
	s->stop_signals |= SIGNAL_BIT(signal);
	return 0;
}

static int set_parent_death(struct supervisor *s, const char *value)
{
	s->parent_death = signal_parse(value, '\0');
	return s->parent_death > 0 ? 0 : -1;
}

static int set_rewrite(struct supervisor *s, const char *value)
{
	const char *colon = value + word_size(value, ':');
	int from = signal_parse(value, ':');
	int to = *colon == '\0' ? -1 : signal_parse(colon + 1, '\0');

	if (from <= 0 || to < 0)
		return -1;
	s->rewrite[from] = (unsigned char)to;
	return 0;
}

static int set_remap(struct supervisor *s, const char *value)
{
	const char *colon = value + word_size(value, ':');
	long from = number_parse(value, ':', 255);
	long to = *colon == '\0' ? 0 : number_parse(colon + 1, '\0', 255);

	if (from < 0 || to < 0)
		return -1;
	s->remap[from] = (unsigned char)to;
	return 0;
}

static int set_report(struct supervisor *s, const char *value)
{
	s->report = value;
	return *value == '\0' ? -1 : 0;
}

static int set_child(struct supervisor *s, const char *value)
{
	s->child = (pid_t)number_parse(value, '\0', INT32_MAX);
	return s->child > 1 ? 0 : -1;
}

static int set_adopt(struct supervisor *s, const char *value)
{
	s->become = true;
	return set_child(s, value);
}

/* With an argument and what takes it, or without and which byte counts it. */
static const struct option {
	char letter;
	const char *name, *argument;
	int (*set)(struct supervisor *s, const char *value);
	size_t flag;
	const char *help;
} options[] = {
#define FLAG(field)	NULL, NULL, offsetof(struct supervisor, field)
	{ 'g', "group", FLAG(group), "signal the program's process group" },
	{ 'c', "single-child", FLAG(single_child), "signal the program alone, no new session" },
	{ 's', "subreaper", FLAG(subreaper), "adopt orphans where this is not pid 1" },
	{ 'p', "parent-death", "SIGNAL", set_parent_death, 0,
	  "as if SIGNAL came when the parent ends" },
	{ 'r', "rewrite", "FROM:TO", set_rewrite, 0,
	  "forward TO in the place of FROM; 0: nothing" },
	{ 'e', "remap", "CODE[:TO]", set_remap, 0, "exit with TO (0) in the place of CODE" },
	{ 0, "grace", "SECONDS", set_grace, 0, "after TERM wait so long, then KILL what is left" },
	{ 0, "stop-signal", "SIGNAL", set_stop_signal, 0, "begins the grace period too" },
	{ 0, "wait-all", FLAG(wait_all), "stay until every process is gone" },
	{ 0, "report", "FD|PATH", set_report, 0, "write how it ended, one line of JSON" },
	{ 'P', "pause", FLAG(pause), "no program: reap until INT or TERM" },
	{ 'w', "warn", FLAG(warn), "say which orphans were reaped" },
	{ 'v', "verbose", FLAG(verbosity), "say what happens" },
	{ 0, "child", "PID", set_child, 0, "adopt PID, start nothing (for kist)" },
	{ 0, "adopt", "PID", set_adopt, 0, "--child; credentials are the last word (for kist)" },
	{ 'l', "license", FLAG(license), "print the license" },
	{ 'L', NULL, FLAG(license), NULL },
	{ 'V', "version", FLAG(version), "print the version" },
	{ 'h', "help", FLAG(help), "print this" },
};
#define OPTION_COUNT	(sizeof(options) / sizeof(options[0]))

static void help_print(const struct supervisor *s, int fd)
{
	struct line line = { 0 };

	line_add(&line, "usage: ");
	line_add(&line, s->persona->name);
	line_add(&line, " [OPTION...] [--] PROGRAM [ARGUMENT...]\nAn init for containers.");
	line_write(&line, fd);
	for (const struct option *o = options; o < options + OPTION_COUNT; o++) {
		if (o->help == NULL)
			continue;
		line = (struct line){ 0 };
		line_add(&line, o->letter != 0 ? (char[]){ ' ', ' ', '-', o->letter, 0 } : "    ");
		line_add(&line, "  --");
		line_add(&line, o->name);
		if (o->argument != NULL) {
			line_add(&line, "=");
			line_add(&line, o->argument);
		}
		while (line.size < 32)
			line_add(&line, " ");
		line_add(&line, o->help);
		line_write(&line, fd);
	}
}

/*
 * value: what stands in the same word, or NULL; *next: the word behind.
 * 0, or -1 after a message.
 */
static int option_apply(struct supervisor *s, const struct option *o, const char *word,
			const char *value, char ***next)
{
	struct line wrong = { 0 };
	bool joined = value != NULL;

	if (o == NULL || (o->set == NULL && value != NULL)) {
		say(s, o == NULL ? "unknown option" : "no value belongs to", word, 0);
		return -1;
	}
	if (o->set == NULL) {
		((unsigned char *)s)[o->flag]++;
		return 0;
	}
	if (value == NULL && **next != NULL)
		value = *(*next)++;
	if (value == NULL) {
		say(s, "option requires an argument:", word, 0);
		return -1;
	}
	if (o->set(s, value) == 0)
		return 0;
	line_add(&wrong, word);
	line_add(&wrong, joined ? "" : " ");
	line_add(&wrong, joined ? "" : value);
	line_add(&wrong, ": must be");
	say(s, wrong.text, o->argument, 0);
	return -1;
}

/* By its letter, or by its name where that is not NULL. */
static const struct option *option_find(char letter, const char *name, size_t size)
{
	for (const struct option *o = options; o < options + OPTION_COUNT; o++)
		if (name == NULL ? o->letter == letter :
		    o->name != NULL && strlen(o->name) == size && text_begins(name, o->name))
			return o;
	return NULL;
}

/* One word that begins with "-". */
static int word_parse(struct supervisor *s, const char *word, char ***next)
{
	if (word[1] == '-') {
		const char *name = word + 2;
		size_t size = word_size(name, '=');

		return option_apply(s, option_find(0, name, size), word,
				    name[size] == '=' ? name + size + 1 : NULL, next);
	}
	for (const char *at = word + 1; *at != '\0'; at++) {
		const struct option *o = option_find(*at, NULL, 0);
		bool rest = o != NULL && o->set != NULL && at[1] != '\0';

		if (option_apply(s, o, word, rest ? at + 1 : NULL, next) < 0)
			return -1;
		if (o->set != NULL)
			break;
	}
	return 0;
}

/* What the other inits take from the environment; with kist, that is the program's alone. */
static void environment_apply(struct supervisor *s)
{
	const char *value = env_find(s->env, "TINI_VERBOSITY");
	long number = value != NULL ? number_parse(value, '\0', 100) : -1;

	if (number >= 0)
		s->verbosity = (unsigned char)number;
	if (env_find(s->env, "TINI_SUBREAPER") != NULL)
		s->subreaper = 1;
	if (env_find(s->env, "TINI_KILL_PROCESS_GROUP") != NULL)
		s->group = 1;
	value = env_find(s->env, "DUMB_INIT_SETSID");
	if (value != NULL && text_equal(value, "0"))
		s->single_child = 1;
	value = env_find(s->env, "DUMB_INIT_DEBUG");
	if ((value != NULL && text_equal(value, "1")) ||
	    env_find(s->env, "CATATONIT_DEBUG") != NULL)
		s->verbosity = 2;
}

static void persona_take(struct supervisor *s, const char *name)
{
	const char *base = name != NULL ? name : "";

	for (const char *at = base; *at != '\0'; at++)
		if (*at == '/')
			base = at + 1;
	s->persona = personas;
	while (s->persona < personas + sizeof(personas) / sizeof(personas[0]) - 1 &&
	       !text_equal(s->persona->name, base))
		s->persona++;
}

/* What follows from all the options together. */
static void options_finish(struct supervisor *s)
{
	static const unsigned char job_control[] = { SIGTSTP, SIGTTIN, SIGTTOU };

	s->isolation = s->child != 0 ? ISOLATE_NONE : s->persona->isolation;
	if (s->isolation == ISOLATE_SESSION && s->single_child)
		s->isolation = ISOLATE_NONE;
	if (s->isolation != ISOLATE_SESSION)
		return;
	s->group = 1;
	/* A session without a terminal's shell is an orphaned group: TSTP would not stop it. */
	for (size_t i = 0; i < sizeof(job_control); i++)
		if (s->rewrite[job_control[i]] == job_control[i])
			s->rewrite[job_control[i]] = SIGSTOP;
}

/* Taken away, for what ps(1) shows is the program's command line. */
static int credentials_find(struct supervisor *s, char **words)
{
	char *last = NULL;

	for (; *words != NULL; words++)
		last = *words;
	if (last == NULL || credentials_parse(&s->credentials, last) < 0) {
		say(s, "invalid credentials", last, 0);
		return -1;
	}
	memset(last, 0, strlen(last));
	return 0;
}

int options_parse(struct supervisor *s, char **argv)
{
	char **next = argv + (argv[0] != NULL);
	struct line line = { 0 };

	persona_take(s, argv[0]);
	s->verbosity = 1;
	s->grace = -1;
	s->stop_signals = SIGNAL_BIT(SIGTERM);
	for (int i = 0; i <= SIGNAL_MAX; i++)
		s->rewrite[i] = (unsigned char)i;
	for (int i = 0; i < 256; i++)
		s->remap[i] = (unsigned char)i;
	while (*next != NULL && (*next)[0] == '-' && (*next)[1] != '\0') {
		const char *word = *next++;

		if (text_equal(word, "--"))
			break;
		if (word_parse(s, word, &next) < 0)
			return 1 + 1;
	}
	s->program = next;
	if (s->become && credentials_find(s, next) < 0)
		return 1 + 1;
	if (s->help) {
		help_print(s, STDOUT_FILENO);
		return 0 + 1;
	}
	if (s->version || s->license) {
		line_add(&line, s->version ? s->persona->version :
			 "kist-init: Apache License, Version 2.0");
		line_write(&line, s->version && s->persona->version_to_stderr ? 2 : 1);
		return 0 + 1;
	}
	if (*next == NULL && !s->pause && s->child == 0) {
		help_print(s, STDERR_FILENO);
		return 1 + 1;
	}
	if (s->child == 0)
		environment_apply(s);
	options_finish(s);
	return 0;
}
