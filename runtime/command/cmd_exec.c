/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "init/limit.h"
#include "runtime/command/command.h"
#include "runtime/command/exec_process.h"
#include "runtime/command/other_words.h"
#include "runtime/console.h"
#include "runtime/create.h"
#include "runtime/newcomer.h"
#include "runtime/state.h"
#include "runtime/wait.h"

static const struct option options[] = {
	EXEC_ABSENT_ROWS,
	OPTION_ROW_WORD("process", 'p', struct exec_options, process.process, "FILE",
			"JSON as \"process\" of config.json, instead of the flags below"),
	OPTION_ROW_FLAG("detach", 'd', struct exec_options, detach,
			"return as soon as the program runs"),
	OPTION_ROW_FLAG("tty", 't', struct exec_options, process.tty, "give it a terminal"),
	OPTION_ROW_WORD("console-socket", 0, struct exec_options, console_socket, "PATH",
			"unix socket that gets the master of the terminal"),
	OPTION_ROW_WORD("pid-file", 0, struct exec_options, pid_file, "FILE",
			"where to write its pid"),
	OPTION_ROW_WORD("pidfd-socket", 0, struct exec_options, pidfd_socket, "PATH",
			"unix socket that gets its pidfd"),
	OPTION_ROW_NUMBER("preserve-fds", 0, struct exec_options, preserve_fds, "N",
			  "pass N fds more than 0, 1 and 2 to it"),
	OPTION_ROW_WORD("cwd", 0, struct exec_options, process.cwd, "DIR", "working directory"),
	OPTION_ROW_LIST("env", 'e', struct exec_options, process.env, "NAME=VALUE", "environment"),
	OPTION_ROW_WORD("user", 'u', struct exec_options, process.user, "UID[:GID]", "who runs it"),
	OPTION_ROW_LIST("additional-gids", 'g', struct exec_options, process.gids, "GID",
			"one more group"),
	OPTION_ROW_LIST("cap", 'c', struct exec_options, process.capabilities, "NAME",
			"one more capability"),
	OPTION_ROW_MAYBE("no-new-privs", 0, struct exec_options, process.no_new_privs,
			 "set no_new_privs; =false: leave it"),
	OPTION_ROW_WORD("process-label", 0, struct exec_options, process.label, "LABEL",
			"its SELinux label"),
	OPTION_ROW_WORD("apparmor", 0, struct exec_options, process.apparmor, "PROFILE",
			"its AppArmor profile"),
	OPTION_ROW_LIST("cgroup", 0, struct exec_options, cgroups, "[CONTROLLER[,...]:]PATH",
			"below the container's cgroup; of v1 one for each controller"),
	OPTION_ROW_FLAG("ignore-paused", 0, struct exec_options, ignore_paused,
			"also in a paused container"),
	OPTION_ROW_NUMBER("timeout", 0, struct exec_options, timeout, "SECONDS",
			  "KILL it after so long"),
	OPTION_ROW_FLAG("no-subreaper", 0, struct exec_options, no_subreaper, NULL),
	{ 0 },
};

static int check_status(struct container *c, bool ignore_paused, struct error *err)
{
	int pidfd = container_pidfd(c, err);

	switch (container_status(c)) {
	case CONTAINER_CREATING:
		return error_set(err, "cannot exec in a container that is still being created");
	case CONTAINER_STOPPED:
		return error_set(err, "cannot exec in a stopped container");
	case CONTAINER_PAUSED:
		if (!ignore_paused)
			return error_set(err, "cannot exec in a paused container "
					 "(use --ignore-paused to override)");
		return 0;
	default:
		return pidfd < 0 ? -1 : 0;
	}
}

/* Without controllers it is one for all: ret_below, else NULL. */
static int check_cgroups(const struct container *c, const word_list *cgroups,
			 const char **ret_below, struct error *err)
{
	*ret_below = NULL;
	LIST_EACH(word, *cgroups) {
		if (**word == '\0')
			continue;
		if (c->cgroup.path == NULL || strstr(*word, "..") != NULL)
			return error_set(err, "--cgroup %s: must be a path below the container's "
					 "cgroup", *word);
		/* runc's words. */
		if (**word == ':')
			return error_set(err, "invalid --cgroup argument: %s (empty <controller> "
					 "prefix)", *word);
		if (strchr(*word, ':') == NULL && cgroups->count > 1)
			return error_set(err, "invalid --cgroup argument: %s (missing "
					 "<controller>: prefix)", *word);
		if (strchr(*word, ':') == NULL)
			*ret_below = *word;
	}
	return 0;
}

static int join_cgroups(const struct container *c, const word_list *cgroups, pid_t pid,
			struct error *err)
{
	LIST_EACH(word, *cgroups) {
		const char *colon = strchr(*word, ':');
		char *controllers, *controller;

		if (colon == NULL)
			continue;
		controllers = arena_strndup(c->arena, *word, (size_t)(colon - *word));
		while ((controller = strsep(&controllers, ",")) != NULL)
			if (cgroup_join_below(&c->cgroup, c->arena, controller,
					      colon + 1 + strspn(colon + 1, "/"), pid, err) < 0)
				return error_wrap(err, "--cgroup %s", *word);
	}
	return 0;
}

static int open_cgroup(struct container *c, const word_list *cgroups, struct error *err)
{
	const char *below;

	if (check_cgroups(c, cgroups, &below, err) < 0)
		return -1;
	if (!cgroup_is_used(&c->cgroup))
		return 0;
	if (below != NULL) {
		cgroup_close(&c->cgroup);
		c->cgroup.whole = c->cgroup.path;
		c->cgroup.path = arena_printf(c->arena, "%s/%s", c->cgroup.path,
					      below + strspn(below, "/"));
	}
	if (c->cgroup.fd < 0 && cgroup_open(&c->cgroup, err) < 0)
		return -1;
	return below != NULL ? 0 : cgroup_follow(&c->cgroup, c->arena, c->pid, err);
}

static const char *on_hook_state(void *context, const char *status)
{
	struct container c = *(const struct container *)context;
	struct text state = { .arena = c.arena };

	/* The pid is put in by spawn: of the new process, which the listener is told. */
	c.pid = 0;
	state_print_hook(&state, &c, status);
	return state.data;
}

static int tell_callers(const struct spawn *spawn, const struct exec_options *exec,
			struct error *err)
{
	if (exec->pidfd_socket != NULL &&
	    pidfd_socket_send(exec->pidfd_socket, spawn->pidfd, "setns", err) < 0)
		return -1;
	return exec->pid_file == NULL ? 0 : pid_file_write(exec->pid_file, spawn->pid, err);
}

/* A process of its own, because the waiting one takes every signal for the program's. */
static int watch_deadline(int pidfd, int seconds, struct error *err)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	pid_t pid = seconds != 0 ? fork() : 1;

	if (pid < 0)
		return error_errno(err, "start the process that watches --timeout");
	if (pid > 0)
		return 0;
	if (poll(&ended, 1, clock_poll_ms(seconds)) == 0)
		sys_pidfd_send_signal(pidfd, SIGKILL);
	_exit(0);
}

struct exec {
	const struct exec_options *options;
	struct container *container;
	struct spawn_request request;
};

static int on_born(void *context _unused, pid_t pid _unused, int pidfd,
		   struct error *err _unused)
{
	newcomer_born(pidfd);
	return 0;
}

/*
 * The process inherits the OOM score from us, who have it meanwhile.  Inside it may have no file to
 * write it to: where /proc is read-only, the kernel gives a user namespace no other one that is
 * not; and where an ordinary user calls, what may not be traced has no right over its own.  By
 * then nor have we, so that user's kist keeps the score.
 */
static int spawn_scored(const struct spawn_request *request, struct spawn *ret, struct error *err)
{
	static const char file[] = "/proc/self/oom_score_adj";
	struct error ignored;
	char text[16], *own;
	int result;

	if (!request->process->oom_score_adj.set)
		return spawn_create(request, ret, err);
	snprintf(text, sizeof(text), "%d", (int)request->process->oom_score_adj.value);
	if (file_read(AT_FDCWD, file, 16, request->arena, &own, NULL, err) < 0 ||
	    file_write(AT_FDCWD, file, text, err) < 0) {
		error_wrap(err, "set the OOM score");
		return oom_score_refused(err);
	}
	result = spawn_create(request, ret, err);
	(void)file_write(AT_FDCWD, file, own, &ignored);
	return result;
}

static int exec_bring_in(const struct exec *exec, const struct spawn_request *request,
			 struct console *console, struct spawn *ret, struct error *err)
{
	if (spawn_scored(request, ret, err) < 0)
		return error_wrap(err, "unable to start container process");
	/* The pid file has to be there before the program can end. */
	if ((console != NULL && console_attach(console, err) < 0) ||
	    join_cgroups(exec->container, &exec->options->cgroups, ret->pid, err) < 0 ||
	    tell_callers(ret, exec->options, err) < 0) {
		sys_pidfd_send_signal(ret->pidfd, SIGKILL);
		spawn_close(ret);
		return -1;
	}
	return spawn_start(ret, err) == 0 ? 0 :
	       error_wrap(err, "unable to start container process");
}

/* console: takes the terminal that comes, before the program could set it up; or NULL. */
static int exec_start(const struct exec *exec, struct console *console, struct spawn *ret,
		      struct error *err)
{
	struct spawn_request request = exec->request;
	struct newcomer newcomer;
	int result, left;

	newcomer_begin(&newcomer, exec->options->timeout);
	request.born = on_born;
	result = exec_bring_in(exec, &request, console, ret, err);
	left = newcomer_end(&newcomer);
	if (result < 0)
		return newcomer_explain(err);
	if (watch_deadline(ret->pidfd, left, err) == 0)
		return 0;
	sys_pidfd_send_signal(ret->pidfd, SIGKILL);
	spawn_close(ret);
	return -1;
}

static int exec_foreground(struct exec *exec, struct error *err)
{
	const bool terminal = exec->request.process->terminal;
	_cleanup_wait struct wait wait = WAIT_NONE;
	_cleanup_console struct console console = CONSOLE_NONE;
	_cleanup_fd int console_socket = -EBADF;
	struct spawn spawn;
	int status = 0;

	if (wait_open(&wait, err) < 0 ||
	    (terminal && console_open(&console, &console_socket, err) < 0))
		return -1;
	exec->request.console_socket = console_socket;
	if (exec_start(exec, terminal ? &console : NULL, &spawn, err) < 0)
		return -1;
	fd_close(&console_socket);
	if (wait_foreground(&wait, spawn.pid, spawn.pidfd, terminal ? &console : NULL, &status,
			    err) < 0)
		status = -1;
	spawn_close(&spawn);
	return status;
}

static int exec_detached(struct exec *exec, struct error *err)
{
	_cleanup_fd int console_socket = -EBADF;
	struct spawn spawn;

	if (console_connect(exec->options->console_socket, &console_socket, err) < 0)
		return -1;
	exec->request.console_socket = console_socket;
	if (exec_start(exec, NULL, &spawn, err) < 0)
		return -1;
	spawn_close(&spawn);
	return 0;
}

static bool is_listed(const char *cpus)
{
	return cpus != NULL && *cpus != '\0';
}

static int exec_run(struct cli *cli, const struct exec_options *values, int tools_fd,
		    struct container *c, struct error *err)
{
	struct arguments command = { cli->arguments.items + 1, cli->arguments.count - 1, 0 };
	const struct plan *plan = container_plan(c, err);
	struct exec exec = { .options = values, .container = c };

	if (plan == NULL)
		return -1;
	exec.request = (struct spawn_request){
		.plan = plan,
		.id = c->id,
		.arena = cli->arena,
		.cgroup = c->cgroup.path != NULL ? &c->cgroup : NULL,
		.rdt = &c->rdt,
		.state_fd = -EBADF,
		.console_socket = -EBADF,
		.new_keyring = !c->callers_keyring,
		.preserve_fds = values->preserve_fds,
		.process = exec_process(cli->arena, plan, &values->process, &command, err),
		.join_pidfd = c->pidfd,
		.join_time = c->restored,
		.tools_fd = tools_fd,
		.hook_state = on_hook_state,
		.context = c,
	};
	if (exec.request.process == NULL)
		return -1;
	if (exec.request.process->args.count == 0)
		return error_set(err, "process args cannot be empty");
	/* Until the program is in the container's cgroup: its own CPUs are left in peace. */
	if (is_listed(exec.request.process->cpu_affinity_initial) &&
	    affinity_set(exec.request.process->cpu_affinity_initial, err) < 0)
		return -1;
	if (create_check_terminal(exec.request.process->terminal, values->detach,
				  values->console_socket, err) < 0)
		return -1;
	container_close_state(c);
	return values->detach || values->console_socket != NULL ? exec_detached(&exec, err) :
								  exec_foreground(&exec, err);
}

int exec_command(struct cli *cli, const struct exec_options *exec, int tools_fd, struct error *err)
{
	_cleanup_container struct container c = CONTAINER_NONE;
	int status = -1;

	if (exec->process.process == NULL && cli->arguments.count < 2)
		error_set(err, "exec args cannot be empty: give a command or --process FILE");
	else if (cli_container(cli, &c, err) == 0 &&
		 check_status(&c, exec->ignore_paused, err) == 0 &&
		 open_cgroup(&c, &exec->cgroups, err) == 0)
		status = exec_run(cli, exec, tools_fd, &c, err);
	return status;
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	int status = exec_command(cli, values, -EBADF, err);

	return status < 0 ? error_wrap(err, "exec failed") : status;
}

const struct command command_exec = {
	.name = "exec", .arguments = "ID [--] COMMAND...",
	.summary = "run another program in a container",
	.description = "The exit status is the program's; 255 where it could not be started.",
	.options = options, .size = sizeof(struct exec_options),
	.min = 1, .max = -1, .stop_after = 1, .failure = CLI_EXEC_FAILURE, .run = run,
};
