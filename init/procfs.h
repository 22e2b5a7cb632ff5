/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "init/step.h"

/*
 * The procfs that the steps read and write (security.md I5): one that nobody
 * else can have mounted anything over.  It is either private and detached, or
 * the superblock that the step "mount" has just made for the container's own
 * /proc, known by the fd that fsmount(2) returned; nothing mounted on either
 * is ever entered.  It shows the process' own pid namespace, so "self" works.
 */

/* Borrowed from *in, made when it is first asked for. */
int procfs(struct init *in, struct error *err);
/* A whole one with /proc/sys, to be closed by the caller. */
int procfs_open(struct error *err);
/* One write, and for a label a read back. */
int procfs_write(int proc_fd, const char *path, const char *text, struct error *err);
int procfs_read(int proc_fd, const char *path, char *text, size_t size, struct error *err);
/* The same of a file of any length, up to limit bytes. */
int procfs_read_all(int proc_fd, const char *path, size_t limit, struct arena *arena,
		    char **ret_text, struct error *err);
