/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/smoke/expand.h"
#include "rootfs-tools/smoke/suite_run.h"

/* commandTests: a container for each, with a root of its own that set-up may have changed. */

struct commanding {
	const struct smoke *smoke;
	const struct suite *suite;
	const struct suite_command *test;
	struct findings *f;
	struct check *check;
	struct container_config config;	/* as the test itself has it */
};

/* Set-up and teardown: what they do is no check, but a failure of theirs is worth knowing. */
static void run_aside(struct commanding *c, const char *what, const word_list *command)
{
	const char *name = arena_printf(c->f->arena, "%s: %s", c->test->container.name, what);
	struct container_config config = c->config;
	struct run run = RUN_NONE;
	struct error err;
	const char **args = ARENA_NEWS(c->f->arena, command->count, const char *);

	for (size_t i = 0; i < command->count; i++)
		args[i] = expand_variables(c->f->arena, c->smoke, c->suite, command->items[i]);
	config.args = args;
	config.arg_count = command->count;
	config.cgroup = NULL;
	if (run_start(&run, c->f->arena, c->smoke, name, &config, &err) < 0) {
		check_fail(c->f, c->check, "%s: %s", what, err.text);
	} else {
		run_wait(&run, time_now() + suite_timeout(c->smoke, &c->test->container), NULL,
			 NULL);
		run_end(&run);
		if (run.refused != NULL)
			check_fail(c->f, c->check, "%s: %s", what, run.refused);
		else if (run.status != 0 || run.killed)
			check_say(c->f, c->check, "%s: %s %s", what, args[0],
				  run.killed ? "took too long" :
					       status_text(c->f->arena, run.status));
	}
	run_close(&run, c->f, c->check);
}

static void run_test(struct commanding *c)
{
	struct run run = RUN_NONE;
	struct error err;

	if (run_start(&run, c->f->arena, c->smoke, c->test->container.name, &c->config,
		      &err) < 0) {
		check_fail(c->f, c->check, "%s", err.text);
	} else {
		run_wait(&run, time_now() + suite_timeout(c->smoke, &c->test->container), NULL,
			 NULL);
		run_end(&run);
		suite_judge(c->f, c->check, &c->test->container, &run, 0);
	}
	run_close(&run, c->f, c->check);
}

void check_command(const struct smoke *smoke, const struct job *job, struct findings *f)
{
	struct commanding c = { .smoke = smoke, .suite = job->suite, .test = job->what, .f = f,
				.check = check_new(f, job->name) };
	struct root root = { 0 };
	struct error err;

	if (suite_config(f->arena, smoke, job->suite, &c.test->container, &c.config, &err) < 0 ||
	    root_make(f->arena, smoke, arena_printf(f->arena, "root-%zu", job->number), &root,
		      &err) < 0) {
		check_fail(f, c.check, "%s", err.text);
		return;
	}
	c.config.root = root.path;
	LIST_EACH(command, c.test->setup)
		run_aside(&c, "setup", command);
	run_test(&c);
	LIST_EACH(command, c.test->teardown)
		run_aside(&c, "teardown", command);
	root_drop(&root);
	c.check->ended = time_now();
}
