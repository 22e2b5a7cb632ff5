/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that uses libkist, to have its system calls fail.
 *
 * spacer WHAT: starts one in the way of that row, waits for it, lets go of it; "inject" and
 * "enter" are of another process' namespaces, which was started before.  Calls that fail are
 * those between two of getpgid(SPACER_MARK).  Then it tells, as KEY=VALUE lines, what came back
 * and what has changed.
 */
#include "tests/attack/spacer.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/kist/space.h"

enum { STATUS = 7 };

/* Without a system call of its own. */
static int leave_mark(void *context)
{
	*(volatile int *)context = 1;
	return STATUS;
}

static int for_ever(void *context)
{
	for (;;)
		pause();
	return context != NULL;
}

static const char *const exit_seven[] = { "/bin/sh", "-c", "exit 7", NULL };
/* It is ended; one that was forgotten would be seen. */
static const char *const stay[] = { "/bin/sleep", "1000", NULL };

enum { SPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET };

static const struct row {
	const char *name;
	uint64_t flags;
	bool program, daemonize, mapped;
	enum { START, INJECT, ENTER } how;
} rows[] = {
	{ "function", SPACES | CLONE_NEWPID | CLONE_NEWUSER, false, false, true, START },
	{ "program", SPACES | CLONE_NEWPID | CLONE_NEWUSER, true, false, true, START },
	{ "memory", SPACES | CLONE_VM | CLONE_FILES, false, false, false, START },
	{ "vfork", SPACES | CLONE_VFORK | CLONE_VM | CLONE_NEWUSER, true, false, true, START },
	{ "thread",
	  CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SYSVSEM, false,
	  false, false, START },
	{ "daemon", SPACES, true, true, false, START },
	{ "pid1", SPACES | CLONE_NEWPID, true, true, false, START },
	{ "inject", 0, true, false, false, INJECT },
	{ "enter", 0, false, false, false, ENTER },
};

static void mark(void)
{
	(void)getpgid(SPACER_MARK);
}

/* --- what must not change ------------------------------------------------------- */

struct own {
	char spaces[8][64];
	int fds;
};

static int fds_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

static void own_take(struct own *ret)
{
	static const char *const names[] = { "mnt", "uts",  "ipc",    "net",
					     "pid", "user", "cgroup", "time" };

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < 8; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", names[i]);
		(void)!readlink(path, ret->spaces[i], sizeof(ret->spaces[i]) - 1);
	}
	ret->fds = fds_count();
}

static void told(const char *key, const struct kist_error *err)
{
	printf("%s=%s\n", key, err->text[0] != '\0' ? err->text : "(no word)");
}

/* refused, lost: why; or NULL. */
static void outcome_tell(const struct kist_error *refused, const struct kist_error *lost,
			 int status)
{
	if (refused != NULL)
		told("refused", refused);
	else if (lost != NULL)
		told("lost", lost);
	else
		printf("status=%d\n", status);
}

/* --- what is tried ------------------------------------------------------------------ */

static struct kist_options options_of(const struct row *row, int *reached)
{
	struct kist_options options = KIST_OPTIONS_INIT;

	options.flags = row->flags;
	options.daemonize = row->daemonize;
	if (row->mapped)
		options.uid_map = options.gid_map = "0 0 65536";
	if (row->program) {
		options.args = row->daemonize ? stay : exit_seven;
	} else {
		options.function = leave_mark;
		options.context = reached;
	}
	return options;
}

static struct kist_space *other_start(struct kist_target *ret)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space = NULL;

	options.flags = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
	options.function = for_ever;
	if (kist_space_start(&options, &space, NULL) < 0)
		return NULL;
	ret->pid = kist_space_pid(space);
	ret->which = options.flags;
	return space;
}

static void child_try(const struct row *row, const struct kist_target *target,
		      const struct kist_options *options)
{
	struct kist_error err = { 0 }, wait_err = { 0 };
	struct kist_space *space = NULL;
	int started, waited = 0, status = -1, pid = 0;

	mark();
	started = row->how == INJECT ? kist_space_inject(target, options, &space, &err) :
				       kist_space_start(options, &space, &err);
	if (started == 0) {
		pid = kist_space_pid(space);
		/* A second time, where the first is what failed. */
		if (row->daemonize && kist_space_kill(space, NULL) < 0)
			(void)kist_space_kill(space, NULL);
		/* For a moment each: so long it is waited for who reaps a daemon, too. */
		while ((waited = kist_space_wait(space, 50, &status, &wait_err)) == 0)
			;
	}
	mark();
	outcome_tell(started < 0 ? &err : NULL, waited < 0 ? &wait_err : NULL, status);
	if (started == 0)
		printf("pid=%d\n", pid);
	/* What could not be waited for is ended by hand. */
	if (started == 0 && waited < 0 && (options->flags & CLONE_THREAD) == 0) {
		kist_space_kill(space, NULL);
		kist_space_wait(space, -1, NULL, NULL);
	}
	if (started == 0)
		kist_space_free(space);
}

static void visit_try(const struct kist_target *target)
{
	struct kist_error err = { 0 }, leave_err = { 0 };
	struct kist_visit *visit = NULL;
	int entered, left = 0;

	mark();
	entered = kist_space_enter(target, &visit, &err);
	if (entered == 0)
		left = kist_space_leave(visit, &leave_err);
	mark();
	outcome_tell(entered < 0 ? &err : NULL, left < 0 ? &leave_err : NULL, STATUS);
}

static const struct row *row_find(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct row *row = argc == 2 ? row_find(argv[1]) : NULL;
	int *reached = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kist_target target = KIST_TARGET_INIT;
	struct kist_space *other = NULL;
	struct kist_options options;
	struct own before, after;

	if (row == NULL || reached == MAP_FAILED)
		return 1;
	options = options_of(row, reached);
	if (row->how != START && (other = other_start(&target)) == NULL)
		return 1;
	own_take(&before);
	if (row->how == ENTER)
		visit_try(&target);
	else
		child_try(row, &target, &options);
	own_take(&after);
	printf("fds=%d\nsame=%d\nreached=%d\n", after.fds - before.fds,
	       memcmp(before.spaces, after.spaces, sizeof(before.spaces)) == 0, *reached);
	if (other != NULL) {
		kist_space_kill(other, NULL);
		kist_space_wait(other, -1, NULL, NULL);
		kist_space_free(other);
	}
	/* Nothing of its own is left: whoever is, was started and forgotten. */
	printf("child=%d\n", waitpid(-1, NULL, WNOHANG | __WALL) >= 0);
	puts("end=1");
	return 0;
}
