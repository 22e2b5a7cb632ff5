/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/*
 * For tests of one step with real system calls.  Criterion's test process has
 * two threads, so what changes its own namespaces or credentials runs in a fork.
 */

/* Runs function(context) in a fork; its exit status, or 128 + N. */
int child_status(int (*function)(void *), void *context);
/* The exit status of a child that runs already; reaps it. */
int child_wait(pid_t pid);
/* The inode number of /proc/<pid>/ns/<name>; 0 where there is none.  pid 0: ours. */
unsigned long child_namespace(pid_t pid, const char *name);
void child_copy_program(const char *from, const char *to);
/* For good, in this process and what it starts: that system call fails so. */
void child_deny(int call, int number);
/* Skips the test, with the reason. */
void child_need_root(void);

/* In what runs in a fork: tells what is not so, with an error's text, and ends it with 1. */
#define CHECK_WITH(error, what)                                                       \
	do {                                                                          \
		if (!(what)) {                                                        \
			fprintf(stderr, "%s:%d: %s: %s\n", __func__, __LINE__, #what, \
				(error).text);                                        \
			return 1;                                                     \
		}                                                                     \
	} while (0)
/* Such a function, as root, ends with 0. */
void child_expect(int (*function)(void *));
