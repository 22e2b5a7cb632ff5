/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/space_run.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "runtime/wait.h"

/* mount(2)'s; <sys/mount.h> can't be included beside <linux/mount.h>. */
#define PROC_FLAGS	(0x2 | 0x4 | 0x8)	/* MS_NOSUID | MS_NODEV | MS_NOEXEC */

static int set_up(const struct space_run *run)
{
	struct mount_attr attr = { .propagation = run->propagation };

	if (run->kill_child && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_errno(run->said, "ask for a signal when kist ends");
	if (run->options.flags & CLONE_NEWNS && run->propagation != 0 &&
	    sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr) < 0)
		return error_errno(run->said, "set the propagation of the mounts");
	if (run->mount_proc && syscall(SYS_mount, "proc", "/proc", "proc", PROC_FLAGS, NULL) < 0)
		return error_errno(run->said, "mount /proc");
	return 0;
}

/* In the child. */
static int hook_up(void *context, enum kist_moment moment, const struct kist_error *why)
{
	const struct space_run *run = context;

	(void)moment;
	(void)why;
	pthread_sigmask(SIG_SETMASK, &run->mask, NULL);
	return set_up(run) < 0 ? CLI_FAILURE : 0;
}

static const char *const *args_or_shell(struct cli *cli, const char *const *args)
{
	const char **shell;

	if (*args != NULL)
		return args;
	shell = ARENA_NEWS(cli->arena, 2, const char *);
	shell[0] = getenv("SHELL") != NULL && *getenv("SHELL") == '/' ? getenv("SHELL") : "/bin/sh";
	return shell;
}

static int follow(struct cli *cli, struct space_run *run, struct wait *wait,
		  struct kist_space *space, struct error *err)
{
	const int pid = kist_space_pid(space);
	int status;

	if (run->verbose) {
		text_printf(&cli->out, "PID of child created by clone() is %ld\n", (long)pid);
		if (cli_flush(cli, err) < 0)
			return -1;
	}
	if (wait_foreground(wait, pid, kist_space_pidfd(space), NULL, &status, err) < 0)
		return -1;
	if (run->said->text[0] != '\0') {
		*err = *run->said;
		return -1;
	}
	if (run->verbose)
		text_printf(&cli->out, "Child returned: pid %d, status %d\n", pid, status);
	return status;
}

int space_run_foreground(struct cli *cli, struct space_run *run, const char *const *args,
			 struct error *err)
{
	_cleanup_wait struct wait wait = WAIT_NONE;
	struct kist_space *space;
	struct kist_error why;
	int status;

	/* Shared with the child, which has no other way to tell why a hook of ours failed. */
	run->said = mmap(NULL, sizeof(*run->said), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->said == MAP_FAILED)
		return error_errno(err, "make memory to share");
	if (wait_open(&wait, err) < 0)
		return -1;
	run->mask = wait.mask;
	run->options.args = args_or_shell(cli, args);
	run->options.context = run;
	run->options.hooks[KIST_PRE_UP] = hook_up;
	status = run->target != NULL ?
		 kist_space_inject(run->target, &run->options, &space, &why) :
		 kist_space_start(&run->options, &space, &why);
	if (status < 0) {
		err->code = why.code;
		memcpy(err->text, why.text, sizeof(err->text));
		return -1;
	}
	status = follow(cli, run, &wait, space, err);
	kist_space_free(space);
	return status;
}
