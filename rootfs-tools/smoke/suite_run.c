/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/suite_run.h"

#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "config/env_file.h"
#include "rootfs-tools/size_text.h"
#include "rootfs-tools/smoke/expand.h"

struct building {
	struct arena *arena;
	const struct smoke *smoke;
	const struct suite *suite;
	word_list env, args;
};

static void add_env(struct building *b, const char *name, const char *value)
{
	LIST_ADD(b->arena, &b->env, arena_printf(b->arena, "%s=%s", name, value));
}

static int add_all_env(struct building *b, const struct suite_container *container,
		       struct error *err)
{
	const struct suite_run_options *run = &b->suite->run;

	if (run->env_file != NULL && env_file_read(b->arena, run->env_file, &b->env, err) < 0)
		return error_wrap(err, "containerRunOptions: envFile");
	LIST_EACH(name, run->env)
		if (getenv(*name) != NULL)
			add_env(b, *name, getenv(*name));
	LIST_EACH(pair, b->suite->env)
		add_env(b, pair->key, expand_variables(b->arena, b->smoke, NULL, pair->value));
	LIST_EACH(pair, container->env)
		add_env(b, pair->key, expand_variables(b->arena, b->smoke, b->suite, pair->value));
	return 0;
}

static void add_args(struct building *b, const struct suite_container *container)
{
	const struct json *image = json_find(b->smoke->subject.config, "/process/args");

	if (container->command != NULL)
		LIST_ADD(b->arena, &b->args,
			 expand_variables(b->arena, b->smoke, b->suite, container->command));
	else if (container->args.count > 0 && image != NULL && image->first != NULL &&
		 image->first->type == JSON_STRING)
		/* Its program with other arguments. */
		LIST_ADD(b->arena, &b->args, image->first->text);
	LIST_EACH(arg, container->args)
		LIST_ADD(b->arena, &b->args, expand_variables(b->arena, b->smoke, b->suite, *arg));
}

int suite_config(struct arena *arena, const struct smoke *smoke, const struct suite *suite,
		 const struct suite_container *container, struct container_config *ret,
		 struct error *err)
{
	struct building b = { .arena = arena, .smoke = smoke, .suite = suite };
	const struct suite_run_options *run = &suite->run;
	const bool limited = container->memory_limit.set || container->pids_limit.set;

	if (add_all_env(&b, container, err) < 0)
		return -1;
	add_args(&b, container);
	*ret = (struct container_config){
		.args = b.args.items, .arg_count = b.args.count,
		.env = b.env.items, .env_count = b.env.count,
		.cwd = container->workdir,
		.user = container->user != NULL ? container->user :
			run->user != NULL && *run->user != '\0' ? run->user : NULL,
		.read_only = container->read_only,
		.terminal = run->terminal, .privileged = run->privileged,
		.capabilities = run->capabilities.items,
		.capability_count = run->capabilities.count,
		.binds = run->binds.items, .bind_count = run->binds.count,
		.memory_limit = container->memory_limit.value,
		.pids_limit = container->pids_limit.value,
		.network = NETWORK_OWN,
	};
	if (limited || (container->max_memory.set && smoke->cgroups))
		ret->cgroup = "";
	return 0;
}

uint64_t suite_timeout(const struct smoke *smoke, const struct suite_container *container)
{
	return ms_to_ns(container->timeout.set ? container->timeout.value : smoke->timeout);
}

/* --- judging ------------------------------------------------------------------------------ */

static void judge_status(struct findings *f, struct check *check,
			 const struct suite_container *container, const struct run *run,
			 int default_status)
{
	const char *was = status_text(f->arena, run->status);
	int wanted = container->exit_code.set ? (int)container->exit_code.value : default_status;

	if (container->exit_signal != 0) {
		if (run->status != 128 + container->exit_signal)
			check_fail(f, check, "must be ended by %s, and %s",
				   signal_text(f->arena, container->exit_signal), was);
	} else if (wanted >= 0 && run->status != wanted) {
		check_fail(f, check, "must end with status %d, and %s", wanted, was);
	}
	if (run->trace.out_of_memory)
		check_say(f, check, "the kernel killed a process of it: out of memory");
}

static void judge_limits(struct findings *f, struct check *check,
			 const struct suite_container *container, const struct run *run)
{
	const uint64_t took = run->trace.ended - run->trace.began;

	if (container->max_time.set && took > ms_to_ns(container->max_time.value))
		check_fail(f, check, "took %s, and must take at most %s",
			   duration_text(f->arena, took),
			   duration_text(f->arena, ms_to_ns(container->max_time.value)));
	if (container->max_memory.set && run->trace.memory > container->max_memory.value)
		check_fail(f, check, "used %s of memory, and must use at most %s",
			   memory_text(f->arena, run->trace.memory),
			   memory_text(f->arena, container->max_memory.value));
}

/* What a limit needs is not here: that says nothing about the image. */
static bool is_no_cgroup(const char *text)
{
	return strncmp(text, "limit resources: ", 17) == 0 ||
	       strstr(text, "enable cgroup controller") != NULL;
}

void suite_judge(struct findings *f, struct check *check, const struct suite_container *container,
		 const struct run *run, int default_status)
{
	const size_t before = check->reasons.count;

	if (run->refused != NULL && is_no_cgroup(run->refused)) {
		check_skip(f, check, "%s", run->refused);
		return;
	}
	if (run->refused != NULL) {
		check_fail(f, check, "%s", run->refused);
		return;
	}
	if (run->killed)
		check_fail(f, check, "still ran after %s, and was killed",
			   duration_text(f->arena, run->trace.stopped - run->trace.began));
	else
		judge_status(f, check, container, run, default_status);
	judge_limits(f, check, container, run);
	check_patterns(f, check, "standard output", &container->expected_out,
		       &container->excluded_out, run->out.data, run->out.size);
	check_patterns(f, check, "standard error", &container->expected_err,
		       &container->excluded_err, run->err.data, run->err.size);
	/* Of several containers the one that is to blame is heard. */
	if (check->outcome == OUTCOME_FAIL && check->reasons.count > before)
		check_show_output(f, check, run);
}
