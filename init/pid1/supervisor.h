/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "bare.h"
#include "pid1.h"

/*
 * What the files of kist-init share.  One struct on the stack of main(), no
 * heap, no global that is written: the less memory is touched, the less pid 1
 * takes in every container (tests/kernel/test_pid1.c has the limit).
 */
#define SIGNAL_MAX	64
#define SIGNAL_BIT(s)	(UINT64_C(1) << ((s) - 1))

enum isolation {
	ISOLATE_NONE,		/* the program stays in our process group */
	ISOLATE_GROUP,		/* a group of its own, in the foreground of the terminal */
	ISOLATE_SESSION,	/* a session of its own, which takes the terminal over */
};

/* The habits of a program that we are called by the name of. */
struct persona {
	const char *name;
	const char *version;		/* what --version prints */
	bool version_to_stderr;
	enum isolation isolation;
	bool subreaper;			/* becomes one where it is not pid 1, unasked */
	unsigned char exec_missing, exec_denied, exec_other;	/* exit codes */
};

struct credentials {
	long uid, gid;
	long permitted;			/* capability set */
	unsigned int groups[PID1_GROUPS_MAX];
	size_t group_count;
};

struct supervisor {
	const struct persona *persona;
	char **program, **env;		/* argv of it, and what it inherits */
	pid_t self, child;
	enum isolation isolation;

	/* Options. */
	unsigned char single_child, group, subreaper, wait_all, warn, verbosity, pause;
	unsigned char help, version, license;
	int parent_death;		/* signal, or 0 */
	long grace;			/* milliseconds, or -1 */
	const char *report;
	bool become;			/* credentials are the program's, to be taken */
	struct credentials credentials;
	uint64_t stop_signals;		/* SIGNAL_BIT of those that begin the grace period */
	unsigned char rewrite[SIGNAL_MAX + 1];
	unsigned char remap[256];

	/* The loop's. */
	uint64_t swallow;		/* SIGNAL_BIT of those not to forward once */
	int64_t started, deadline;	/* milliseconds, CLOCK_MONOTONIC; 0: no deadline */
	bool ended;			/* the child was reaped: status and usage are its */
	bool alone;			/* no child, adopted or not, is left */
	bool killing;			/* the grace period is over */
	int status;
	struct rusage usage;
	int report_fd, oom_fd, children_fd;	/* or -1 */
	long oom_kills;			/* of the cgroup, when we began */
};

/* option.c: fills all options; 0, or the exit code + 1 when there is nothing more to do. */
int options_parse(struct supervisor *s, char **argv);

/* signal.c: values of options, up to the character end or the terminator; -1: no such thing. */
long number_parse(const char *text, char end, long max);	/* digits only */
int signal_parse(const char *text, char end);			/* a name or number, 0 to 64 */
size_t word_size(const char *text, char end);

/* loop.c: until the program (or all) ended; returns the exit code. */
int loop_run(struct supervisor *s);

/* credentials.c: of --adopt (pid1.h). */
int credentials_parse(struct credentials *c, const char *text);
int credentials_take(const struct supervisor *s);	/* -1 after a message */
/* SIGKILL must reach processes that became another user; nothing else needs a capability. */
void capabilities_drop(uint64_t keep);

/* filter.c: no_new_privs, capabilities, fds, then the system call filter. */
void privileges_drop(struct supervisor *s);

/* report.c */
int report_open(struct supervisor *s);	/* before the program starts; -1 after a message */
void report_write(const struct supervisor *s, int code);

/* A line of output, zeroed at first, cut where it is too long. */
struct line {
	size_t size;
	char text[252];
};
void line_add(struct line *line, const char *text);
void line_number(struct line *line, int64_t number);
void line_write(struct line *line, int fd);
/* "NAME: text detail: cause" on stderr; detail may be NULL, error is an errno or 0. */
void say(const struct supervisor *s, const char *text, const char *detail, long error);
void say_number(const struct supervisor *s, const char *text, int64_t number);
