/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command/space_run.h"

#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "runtime/wait.h"

static int set_up(const struct space_run *run)
{
	struct mount_attr attr = { .propagation = run->propagation };

	if (run->kill_child && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_errno(run->said, "ask for a signal when kist ends");
	if (run->options.flags & CLONE_NEWNS && run->propagation != 0 &&
	    sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr) < 0)
		return error_errno(run->said, "set the propagation of the mounts");
	if (run->mount_proc &&
	    syscall(SYS_mount, "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return error_errno(run->said, "mount /proc");
	return 0;
}

/* Ids count in the user namespace that the program is in by now. */
static int set_ids(const struct space_run *run)
{
	if (run->gid != NULL) {
		gid_t gid = (gid_t)strtoul(run->gid, NULL, 10);

		/* Denied where the gid map was written without privileges. */
		if (setgroups(0, NULL) < 0 && errno != EPERM)
			return error_errno(run->said, "leave the supplementary groups");
		if (setresgid(gid, gid, gid) < 0)
			return error_errno(run->said, "become group %u", gid);
	}
	if (run->uid != NULL) {
		uid_t uid = (uid_t)strtoul(run->uid, NULL, 10);

		if (setresuid(uid, uid, uid) < 0)
			return error_errno(run->said, "become user %u", uid);
	}
	return 0;
}

static int hook_ids(void *context, enum kist_moment moment, const struct kist_error *why)
{
	(void)moment;
	(void)why;
	return set_ids(context) < 0 ? CLI_FAILURE : 0;
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

static int check_id(struct cli *cli, const char *flag, const char *text, struct error *err)
{
	uint64_t id;

	if (text == NULL || text_to_u64(text, UINT32_MAX - 1, &id))
		return 0;
	return error_set(err, "invalid value \"%s\" for flag --%s: must be a number",
			 text_printable(cli->arena, text), flag);
}

int space_run_foreground(struct cli *cli, struct space_run *run, const char *const *args,
			 struct error *err)
{
	_cleanup_wait struct wait wait = WAIT_NONE;
	struct kist_space *space;
	struct kist_error why;
	int status;

	if (check_id(cli, "setuid", run->uid, err) < 0 ||
	    check_id(cli, "setgid", run->gid, err) < 0)
		return -1;
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
	run->options.hooks[KIST_PRE_EXEC] = hook_ids;
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
