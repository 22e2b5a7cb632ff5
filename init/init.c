/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "base/fd.h"
#include "init/hook.h"
#include "init/step.h"

struct step {
	const char *name; /* NULL: the error is one that callers know, as it is */
	init_step *run;
};

/*
 * The order of this list is the security argument of the program.
 *
 * What is the host's is opened first, with the ids of who asked for it; what
 * needs no ids is done while the runtime writes their maps.  Then the process
 * becomes the container's, and everything is mounted before the root is
 * changed.  Limits and credentials come after every mount, because
 * they take away what mounting needs.  The program is looked up before the
 * runtime hears READY, so that a wrong name fails "create", where someone is
 * still there to be told.
 *
 * The system call filter goes in last, so that a profile need not allow what
 * set-up does.  Without no_new_privs the kernel wants CAP_SYS_ADMIN for it, and
 * then it has to go in before the capabilities go: hence its two places, the
 * second in step_exec.
 */
static const struct step create_steps[] = {
	{ "join the cgroup", step_cgroup },
	{ "set the OOM score", step_oom_score },
	{ "shield the process", step_shield },
	{ "open the host's files", step_sources },
	{ "start a session", step_session },
	{ "bring up the network", step_loopback },
	{ "wait for the id maps", step_mapped },
	{ "join namespaces", step_join },
	{ "join a keyring", step_keyring },
	{ "set host name", step_names },
	{ "set kernel parameters", step_sysctls },
	{ "attach the root", step_root },
	{ "mount", step_mounts },
	{ "make devices", step_devices },
	{ "report the mounts", step_mounted },
	{ "bring up the network", step_loopback },
	{ "createContainer hooks", step_create_hooks },
	{ "pivot root", step_pivot },
	{ "make the terminal", step_console },
	{ "hide paths", step_hide },
	{ "enter the working directory", step_directory },
	{ "make mounts read-only", step_read_only },
	{ "set up the root", step_root_flags },
	{ "set limits", step_limits },
	{ "make the environment", step_environment },
	{ NULL, step_program },
	{ "set the program's label", step_label },
	{ "restrict by Landlock", step_landlock },
	{ "filter system calls", step_filter_early },
	{ "drop the bounding set", step_bounding },
	{ "start the init", step_init_early },
	{ "set credentials", step_credentials },
	{ "wait for start", step_ready },
	{ "startContainer hooks", step_start_hooks },
	{ "start the init", step_init },
	{ "start the program", step_exec },
	{ NULL, NULL },
};

/* "exec": born in the namespaces of a container that is already made. */
static const struct step exec_steps[] = {
	{ "join the cgroup", step_cgroup },
	{ "shield the process", step_shield },
	{ "wait for the cgroup", step_mapped },
	{ "join namespaces", step_join },
	{ "start a session", step_session },
	{ "join a keyring", step_keyring },
	{ "bring in the tools", step_tools },
	{ "find the root", step_exec_root },
	{ "make the terminal", step_console },
	{ "enter the working directory", step_directory },
	{ "set limits", step_limits },
	{ "make the environment", step_environment },
	{ NULL, step_program },
	{ "set the program's label", step_label },
	{ "restrict by Landlock", step_landlock },
	{ "filter system calls", step_filter_early },
	{ "drop the bounding set", step_bounding },
	{ "set credentials", step_credentials },
	{ "wait for start", step_ready },
	{ "start the program", step_exec },
	{ NULL, NULL },
};

int step_mapped(const struct plan *plan, struct init *in, struct error *err)
{
	(void)plan;
	/* With a user namespace step_sources has waited. */
	return in->host_pid != 0 ? 0 :
	       channel_expect_value(&in->channel, MESSAGE_MAPPED, &in->host_pid, err);
}

int step_mounted(const struct plan *plan, struct init *in, struct error *err)
{
	uint32_t left;

	(void)plan;
	if (channel_send(&in->channel, MESSAGE_MOUNTED, err) < 0 ||
	    channel_expect_value(&in->channel, MESSAGE_HOOKED, &left, err) < 0)
		return -1;
	if (left == HOOKED_LOOPBACK)
		in->loopback = LOOPBACK_BY_PROCESS;
	return 0;
}

/* The pid is the process' own, in its pid namespace, as runc tells these hooks. */
static const char *hook_state(const struct init *in, const char *const parts[2])
{
	if (parts[0] == NULL)
		return "{}";
	return arena_printf(in->arena, "%s%d%s", parts[0], (int)getpid(), parts[1]);
}

int step_create_hooks(const struct plan *plan, struct init *in, struct error *err)
{
	int rc;

	if (plan->hooks[HOOK_CREATE_CONTAINER].count == 0)
		return 0;
	/* What they make in the root is not to be writable by all: the caller's, as on the host. */
	umask(in->umask);
	rc = hooks_run(plan, HOOK_CREATE_CONTAINER, hook_state(in, in->create_state), err);
	umask(0);
	return rc;
}

int step_start_hooks(const struct plan *plan, struct init *in, struct error *err)
{
	if (plan->hooks[HOOK_START_CONTAINER].count == 0)
		return 0;
	/* A hook without env has the program's: it runs as a process of the container. */
	environ = (char **)(uintptr_t)in->envp;
	return hooks_run(plan, HOOK_START_CONTAINER, hook_state(in, in->start_state), err);
}

/* From READY on, whoever calls "start" is the one to talk to. */
int step_ready(const struct plan *plan, struct init *in, struct error *err)
{
	bool same = in->start.read_fd == in->channel.read_fd;

	(void)plan;
	if (channel_send(&in->channel, MESSAGE_READY, err) < 0)
		return -1;
	if (!same) {
		channel_close(&in->channel);
		in->channel = in->start;
	}
	return channel_expect(&in->start, MESSAGE_START, err);
}

static void warn_up(void *context, const char *text)
{
	const struct init *in = context;

	channel_send_warning(&in->channel, text);
}

/* Always sent: who calls "start" may want to hear it where who called "create" did not. */
static void note_up(void *context, const char *text)
{
	const struct init *in = context;

	channel_send_note(&in->channel, text);
}

/*
 * Not sanitized: the program's process runs it on a stack that AddressSanitizer does not
 * know, and that says so on stderr.
 */
__attribute__((no_sanitize("address"))) _noreturn void steps_run(const struct plan *plan,
								  struct init *in)
{
	while (in->step->run != NULL) {
		const struct step *step = in->step++;
		struct error err;

		if (step->run(plan, in, &err) < 0) {
			if (step->name != NULL)
				error_wrap(&err, "%s", step->name);
			channel_send_error(&in->channel, &err);
			break;
		}
	}
	_exit(1);
}

static _noreturn void steps_begin(const struct step *steps, const struct plan *plan,
				  struct init *in)
{
	warn_to(warn_up, in);
	note_to(note_up, in);
	in->step = steps;
	steps_run(plan, in);
}

_noreturn void init_run(const struct plan *plan, struct init *in)
{
	in->process = &plan->process;
	steps_begin(create_steps, plan, in);
}

_noreturn void init_exec(const struct plan *plan, const struct process_plan *process,
			 struct init *in)
{
	in->process = process;
	steps_begin(exec_steps, plan, in);
}
