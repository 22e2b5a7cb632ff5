/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"
#include "init/pid1/pid1.h"
#include "init/seccomp.h"
#include "init/step.h"

/*
 * Where pid 1 leaves: the rest of the steps goes to a child, which becomes the
 * program, and pid 1 becomes the init (init/pid1/pid1.h).
 *
 * The child shares our memory, so that nothing is copied.  Until execve has
 * taken us out of it we do nothing but that call: no arena, no errno that the
 * child could miss.
 */
struct leaving {
	const struct plan *plan;
	struct init *in;
	int wait[2];		/* a pipe; its end: the init is there */
	char pid[NUMBER_ROOM];	/* of the child, for the init's command line */
	char listen_pid[NUMBER_ROOM + 16];
};

static int child_begin(struct leaving *leaving, struct error *err)
{
	struct init *in = leaving->in;

	in->init_end = leaving->wait[0];
	close(leaving->wait[1]);
	if (setsid() < 0)
		return error_errno(err, "start a session");
	if (in->process->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return error_errno(err, "take the terminal");
	return 0;
}

/* Not sanitized, as steps_run(). */
__attribute__((no_sanitize("address"))) static int child_run(void *context)
{
	struct leaving *leaving = context;
	struct error err;

	if (child_begin(leaving, &err) == 0)
		steps_run(leaving->plan, leaving->in);
	error_wrap(&err, "start the program's process");
	channel_send_error(&leaving->in->channel, &err);
	_exit(1);
}

#define ALL_CAPABILITIES	((uint64_t)INT64_MAX / 16)	/* more than any kernel has */

/* What execve would leave the init of what it inherited, had we taken them before. */
static uint64_t permitted_after_exec(const struct process_plan *process)
{
	const uint64_t *sets = process->capabilities;

	if (process->uid != 0)
		return process->has_capabilities ? sets[CAPABILITY_AMBIENT] : 0;
	if (!process->has_capabilities)
		return ALL_CAPABILITIES;
	return process->no_new_privileges ? sets[CAPABILITY_PERMITTED] :
	       sets[CAPABILITY_BOUNDING] | sets[CAPABILITY_INHERITABLE];
}

/* What the init is to take because we have not (pid1.h). */
static char *credentials(const struct init *in)
{
	const struct process_plan *process = in->process;
	struct text text = { .arena = in->arena };
	const uint64_t numbers[] = { process->uid, process->gid,
				     permitted_after_exec(process) & ALL_CAPABILITIES };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		text_add(&text, i > 0 ? ":" : "");
		text_add_number(&text, numbers[i]);
	}
	LIST_EACH(gid, process->additional_gids) {
		text_add(&text, ":");
		text_add_number(&text, *gid);
	}
	return plain(text.data);
}

static char **init_argv(struct leaving *leaving, bool early)
{
	const struct plan *plan = leaving->plan;
	const struct process_plan *process = leaving->in->process;
	size_t count = plan->init.options.count + process->args.count + 6, at = 0;
	char **argv = ARENA_NEWS(leaving->in->arena, count, char *);

	argv[at++] = plain(PID1_NAME);
	LIST_EACH(option, plan->init.options)
		argv[at++] = plain(*option);
	argv[at++] = plain(early ? PID1_ADOPT : PID1_CHILD);
	argv[at++] = leaving->pid;
	argv[at++] = plain("--");
	LIST_EACH(arg, process->args)
		argv[at++] = plain(*arg);
	if (early)
		argv[at++] = credentials(leaving->in);
	return argv;
}

/* sd_listen_fds(3) compares it with the program's own pid, known only now. */
static void pid_write(struct leaving *leaving, pid_t pid)
{
	static const char name[] = "LISTEN_PID=";

	number_print(leaving->pid, (uint64_t)pid);
	memcpy(leaving->listen_pid, name, sizeof(name));
	memcpy(leaving->listen_pid + sizeof(name) - 1, leaving->pid, sizeof(leaving->pid));
	for (char **env = (char **)(uintptr_t)leaving->in->envp; *env != NULL; env++)
		if (strncmp(*env, name, sizeof(name) - 1) == 0)
			*env = leaving->listen_pid;
}

/* Comes back only where it fails: the child goes on at in->step, on a stack of its own. */
static int leave(const struct plan *plan, struct init *in, bool early, struct error *err)
{
	_Alignas(16) static char stack[65536];
	static struct leaving leaving;
	uint64_t all = UINT64_MAX;
	char **argv;
	pid_t pid;

	leaving = (struct leaving){ .plan = plan, .in = in };
	argv = init_argv(&leaving, early);
	if (execve_prepare(plan, in, err) < 0)
		return -1;
	/* The init closes its end, as all that it inherits, when it has taken its name. */
	if (pipe2(leaving.wait, O_CLOEXEC) < 0 || fcntl(leaving.wait[1], F_SETFD, 0) < 0)
		return error_errno(err, "make a pipe");
	if (syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all)) < 0)
		return error_errno(err, "block signals");
	pid = clone(child_run, stack + sizeof(stack), CLONE_VM | SIGCHLD, &leaving);
	if (pid < 0)
		return error_errno(err, "start the program's process");
	pid_write(&leaving, pid);
	sys_execveat(in->init_image, "", argv, in->envp, AT_EMPTY_PATH);
	error_errno(err, "exec the init");
	/* Before the pipe's end tells it to go on, and before we use what it shares. */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

/*
 * Before the credentials, which both then take at the same time; only "run",
 * for whoever has to wait for START does so as pid 1, and hooks of the start
 * are told that pid.  A filter that is in already need not allow what the init
 * would have to do, and who is not root in its user namespace (a map without
 * 0) has no capabilities left after execve.
 */
static bool leaves_early(const struct plan *plan, const struct init *in)
{
	return in->start.read_fd == in->channel.read_fd && !seccomp_is_early(plan, in) &&
	       geteuid() == 0 && plan->hooks[HOOK_START_CONTAINER].count == 0 &&
	       in->process->additional_gids.count <= PID1_GROUPS_MAX &&
	       plan_annotation(plan, "run.oci.keep_original_groups") == NULL;
}

int step_init_early(const struct plan *plan, struct init *in, struct error *err)
{
	return in->init_image >= 0 && in->program != NULL && leaves_early(plan, in) ?
		       leave(plan, in, true, err) :
		       0;
}

int step_init(const struct plan *plan, struct init *in, struct error *err)
{
	return in->init_image >= 0 && in->program != NULL && in->init_end < 0 ?
		       leave(plan, in, false, err) :
		       0;
}
