/* SPDX-License-Identifier: Apache-2.0 */
#include "config/init_option.h"

#include <linux/sched.h>
#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "config/decode.h"

const struct name init_modes[] = {
	{ "auto", INIT_AUTO }, { "always", INIT_ALWAYS }, { "never", INIT_NEVER }, { NULL, 0 },
};

/* Programs that do the work of pid 1 themselves. */
static const char *const known_inits[] = {
	"init", "systemd", "tini", "tini-static", "dumb-init", "catatonit", "docker-init",
	"podman-init", "kist-init", "s6-svscan", "s6-overlay-suexec", "runit", "runit-init",
	"runsvdir", "openrc-init", "finit", "dinit", "sinit", "my_init",
};

/* --- values -------------------------------------------------------------------- */

static bool is_seconds(const char *value)
{
	size_t whole = strspn(value, "0123456789");
	size_t rest = value[whole] == '.' ? strspn(value + whole + 1, "0123456789") : 0;

	if (whole == 0 || whole > 8)
		return false;
	return value[whole] == '\0' || (rest > 0 && value[whole + 1 + rest] == '\0');
}

static bool is_signal(const char *value)
{
	return signal_parse(value) > 0;
}

static bool is_rewrite(const char *value)
{
	const char *colon = strchr(value, ':');
	char from[24];

	if (colon == NULL || (size_t)(colon - value) >= sizeof(from))
		return false;
	memcpy(from, value, (size_t)(colon - value));
	from[colon - value] = '\0';
	return is_signal(from) && (strcmp(colon + 1, "0") == 0 || is_signal(colon + 1));
}

static bool is_remap(const char *value)
{
	const char *colon = strchr(value, ':');
	size_t length = colon != NULL ? (size_t)(colon - value) : strlen(value);
	uint64_t code;
	char from[8];

	if (length >= sizeof(from))
		return false;
	memcpy(from, value, length);
	from[length] = '\0';
	return text_to_u64(from, 255, &code) &&
	       (colon == NULL || text_to_u64(colon + 1, 255, &code));
}

static bool is_given(const char *value)
{
	return *value != '\0';
}

const struct init_option init_options[] = {
	{ "grace", "SECONDS", false, is_seconds, "seconds, as 5 or 0.5",
	  "after TERM wait so long, then KILL what is left" },
	{ "stop-signal", "SIGNAL", true, is_signal, "a signal, as TERM or 15",
	  "begins the grace period, too" },
	{ "wait-all", NULL, false, NULL, NULL, "stay until every process is gone" },
	{ "rewrite", "FROM:TO", true, is_rewrite, "two signals, as TERM:INT or TERM:0",
	  "forward TO in the place of FROM; 0: nothing" },
	{ "group", NULL, false, NULL, NULL, "signal the program's process group" },
	{ "remap", "CODE[:TO]", true, is_remap, "exit statuses from 0 to 255, as 143 or 143:1",
	  "exit with TO (0) in the place of CODE" },
	{ "report", "FD|PATH", false, is_given, "the number of an fd, or a path",
	  "write how it ended, one line of JSON" },
	{ "warn", NULL, false, NULL, NULL, "say which orphans were reaped" },
	{ NULL },
};

const struct init_option *init_option_find(const char *name)
{
	for (const struct init_option *option = init_options; option->name != NULL; option++)
		if (strcmp(option->name, name) == 0)
			return option;
	return NULL;
}

int init_option_add(struct arena *arena, struct init_plan *init, const struct init_option *option,
		    const char *value, struct error *err)
{
	const char *word;

	if (option->argument == NULL) {
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return error_set(err, "must be \"true\" or \"false\", not \"%s\"", value);
		if (strcmp(value, "false") == 0)
			return 0;
		word = arena_printf(arena, "--%s", option->name);
	} else {
		if (!option->valid(value))
			return error_set(err, "must be %s, not \"%s\"", option->expected, value);
		word = arena_printf(arena, "--%s=%s", option->name, value);
	}
	LIST_ADD(arena, &init->options, word);
	return 0;
}

/* --- whether --------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* By name alone: the program is looked up only inside the container. */
static bool is_init(const struct process_plan *process)
{
	const char *name = base_name(process->args.items[0]);

	if (strcmp(name, "busybox") == 0 && process->args.count > 1)
		name = process->args.items[1];
	for (size_t i = 0; i < ARRAY_SIZE(known_inits); i++)
		if (strcmp(name, known_inits[i]) == 0)
			return true;
	return false;
}

/* The cgroup has no room for an init beside the program. */
static bool is_alone(const struct plan *plan)
{
	const struct opt_i64 *limit = &plan->resources.pids_limit;

	return limit->set && (limit->value == 0 || limit->value == 1);
}

/*
 * What the kernel does not hand on to a child: the program is made by a fork, and
 * a process with a deadline may not fork at all.
 */
static bool is_scheduled_alone(const struct scheduler_plan *scheduler)
{
	return scheduler->set && (scheduler->policy == SCHED_DEADLINE ||
				  (scheduler->flags & SCHED_FLAG_RESET_ON_FORK));
}

bool init_plan_used(const struct plan *plan, enum init_mode mode)
{
	const struct namespace_plan *pid = &plan->namespaces[NAMESPACE_PID];

	/* In a pid namespace that others live in it would not be pid 1. */
	if (mode == INIT_NEVER || !plan->has_process || !pid->listed || pid->path != NULL ||
	    is_scheduled_alone(&plan->process.scheduler))
		return false;
	return mode == INIT_ALWAYS || (!is_init(&plan->process) && !is_alone(plan));
}

/* --- annotations -------------------------------------------------------------------- */

static int add_values(struct decoder *d, const struct json *v, const struct init_option *option,
		      struct init_plan *init)
{
	const char *at = v->text;
	struct error err;

	for (;;) {
		size_t length = option->many ? strcspn(at, ",") : strlen(at);

		if (init_option_add(d->arena, init, option, arena_strndup(d->arena, at, length),
				    &err) < 0)
			return bad_value(d, v, "%s", err.text);
		if (at[length] == '\0')
			return 0;
		at += length + 1;
	}
}

static int unknown_option(struct decoder *d, const struct json *v, const char *name)
{
	struct guess guess = GUESS(name);

	for (const struct init_option *option = init_options; option->name != NULL; option++)
		guess_try(&guess, option->name);
	return bad_value(d, v, "is no option of kist's init%s", guess_text(d->arena, guess.meant));
}

static int add_annotation(struct decoder *d, const struct json *v, struct init_plan *init)
{
	const char *name = v->key + strlen(INIT_ANNOTATION);
	const struct init_option *option;
	uint64_t mode;

	if (*name == '\0') {
		if (decode_name(d, v, init_modes, "\"auto\", \"always\" or \"never\"", &mode) < 0)
			return -1;
		init->mode = (enum init_mode)mode;
		return 0;
	}
	if (*name != '.')
		return 0;
	option = init_option_find(name + 1);
	if (option == NULL)
		return unknown_option(d, v, name + 1);
	return add_values(d, v, option, init);
}

int init_plan_make(struct decoder *d, struct plan *plan)
{
	const struct json *annotations = json_member(d->root, "annotations");
	const struct json *annotation = annotations != NULL ? annotations->first : NULL;
	int result = 0;

	for (; annotation && (result == 0 || d->collect); annotation = annotation->next)
		if (annotation->type == JSON_STRING &&
		    strncmp(annotation->key, INIT_ANNOTATION, strlen(INIT_ANNOTATION)) == 0 &&
		    add_annotation(d, annotation, &plan->init) < 0)
			result = -1;
	plan->init.used = init_plan_used(plan, plan->init.mode);
	return result;
}
