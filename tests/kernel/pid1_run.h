/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <criterion/criterion.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * kist-init as its users see it: a process that is started, signalled and
 * waited for.  The build names KIST_INIT, and PROBE (pid1_probe.c), which it is
 * given to run.
 */
#define WORDS(...)	((const char *const[]){ __VA_ARGS__, NULL })

struct run {
	pid_t pid;		/* of the init */
	int out;		/* its stdout and stderr */
	size_t size;
	char text[8192];	/* what came so far */
};

struct start {
	const char *file;		/* to execute; NULL: KIST_INIT */
	const char *const *args;	/* argv */
	const char *const *env;		/* NULL: PATH alone */
	bool pid_namespace;
	int denied;			/* a system call that fails with EAGAIN, or 0 */
	int terminal;			/* stdin and controlling terminal, or 0 */
};

/* What most tests start: kist-init with these words, as a subreaper or as pid 1. */
#define ALONE(...)	(&(struct start){ .args = WORDS("kist-init", __VA_ARGS__) })
#define INSIDE(yes, ...) \
	(&(struct start){ .args = WORDS("kist-init", __VA_ARGS__), .pid_namespace = (yes) })

/* A failed assertion ends the test's process, and then what it started. */
void run_start(struct run *run, const struct start *start);
/* Reads until text holds what (NULL: the end of the output); false after ten seconds. */
bool run_expect(struct run *run, const char *what);
/* Its exit status or 128 + N, and all output; -1 when it did not end within ten seconds. */
int run_wait(struct run *run);
int run_all(struct run *run, const struct start *start);

/* The first line of /proc/<pid>/<file> that begins with key, without the key; "": none. */
const char *proc_value(pid_t pid, const char *file, const char *key);
/* How many children a process has, and their pids, as many as there is room for. */
int children_of(pid_t pid, pid_t *ret, int room);
/* Within five seconds: the letter of "State:". */
bool state_becomes(pid_t pid, char state);
