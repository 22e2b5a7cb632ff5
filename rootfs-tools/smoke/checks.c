/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/checks.h"

#include <fnmatch.h>
#include <string.h>

#include "config/names.h"

/* Which checks there are: without a suite, and of each suite, in the order of the report. */

struct planning {
	struct smoke *smoke;
	job_list *jobs;
	const char *group;
	const struct suite *suite;
};

static bool is_wanted(const struct planning *p, const char *name)
{
	const char *only = p->smoke->options->only;

	return only == NULL || fnmatch(only, name, 0) == 0;
}

static void add_any(struct planning *p, check_job *run, const char *name, const void *what)
{
	struct job *job = job_add(p->smoke->arena, p->jobs);

	*job = (struct job){
		.group = p->group, .name = name, .run = run, .what = (void *)(uintptr_t)what,
		.suite = p->suite, .number = p->jobs->count,
	};
}

static void add(struct planning *p, check_job *run, const char *name, const void *what)
{
	if (is_wanted(p, name))
		add_any(p, run, name, what);
}

static bool is_required(const struct smoke *smoke, const char *flag)
{
	LIST_EACH(word, smoke->options->requires)
		if (strcmp(*word, flag) == 0 || strcmp(*word, "all") == 0)
			return true;
	return false;
}

static int check_requires(const struct smoke *smoke, struct error *err)
{
	LIST_EACH(word, smoke->options->requires) {
		bool known = strcmp(*word, "all") == 0;

		for (const struct need *need = check_needs; need->name != NULL; need++)
			known = known || strcmp(need->flag, *word) == 0;
		if (!known)
			return error_set(err, "--require=%s: must be read-only, non-root, "
					 "no-capabilities, no-init, no-network or all", *word);
	}
	return 0;
}

static void add_defaults(struct planning *p)
{
	struct start *start = ARENA_NEW(p->smoke->arena, struct start);
	bool start_wanted = is_wanted(p, "container");

	/* What each need is measured against. */
	for (const struct need *row = check_needs; row->name != NULL; row++)
		start_wanted = start_wanted || is_wanted(p, row->name);
	pthread_mutex_init(&start->lock, NULL);
	pthread_cond_init(&start->known, NULL);
	p->suite = NULL;
	p->group = "image";
	add(p, check_image, "image", NULL);
	p->group = "container";
	/* The first of those who wait for it, so that none waits for what is not begun. */
	if (start_wanted)
		add_any(p, check_start, "container", start);
	p->group = "needs";
	for (const struct need *row = check_needs; row->name != NULL; row++) {
		struct need *need = ARENA_NEW(p->smoke->arena, struct need);

		*need = *row;
		need->start = start;
		need->required = is_required(p->smoke, row->flag);
		add(p, check_need, row->name, need);
	}
	p->group = "files";
	add(p, check_tree, "files", NULL);
}

static void add_suite(struct planning *p, const struct suite *suite)
{
	p->suite = suite;
	p->group = suite->name;
	LIST_EACH(test, suite->commands)
		add(p, check_command, test->container.name, test);
	LIST_EACH(test, suite->services)
		add(p, check_service, test->container.name, test);
	LIST_EACH(test, suite->existence)
		add(p, check_existence, test->name, test);
	LIST_EACH(test, suite->contents)
		add(p, check_content, test->name, test);
	LIST_EACH(test, suite->licenses)
		add(p, check_license, "licences", test);
	if (suite->metadata.set)
		add(p, check_metadata, "metadata", &suite->metadata);
}

int checks_plan(struct smoke *smoke, job_list *ret, struct error *err)
{
	struct planning p = { .smoke = smoke, .jobs = ret };

	if (check_requires(smoke, err) < 0)
		return -1;
	if (smoke->suites.count == 0 || smoke->options->defaults)
		add_defaults(&p);
	LIST_EACH(suite, smoke->suites)
		add_suite(&p, suite);
	if (ret->count == 0)
		return smoke->options->only == NULL ?
		       error_set(err, "there is nothing to check") :
		       error_set(err, "--only=%s: no check is called so; --list names them",
				 smoke->options->only);
	return 0;
}
