/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"

/*
 * The directories from the root to where the unpacker works, open: entries of one directory
 * mostly follow each other.  Each keeps the times that it had, or that the layer gave it, and
 * gets them back when it is left, for every file made in it changes them; so no list of
 * directories has to be kept to the end.
 */
enum { DIRS_MAX = 256 };

struct dir {
	int fd;				/* owned, but the root's */
	size_t end;			/* of its path in dirs->path */
	struct timespec times[2];
	mode_t mode;			/* as it is to be in the end */
	bool opened_up;			/* it has 0700 for now, so that its owner may write to it */
	bool through_link;		/* its name is a symlink, and it is what that leads to */
};

struct dirs {
	char path[4096];		/* of the innermost one */
	struct dir stack[DIRS_MAX + 1];	/* the root first */
	unsigned int depth;		/* of the innermost one; the root's is 0 */
	bool privileged;		/* modes forbid nothing */
	bool whiteouts;			/* those of overlayfs give way to directories */
	/* Owner and mode of a directory that no entry named, or a whiteout's (hides); 0 or -1. */
	int (*adopt)(void *context, int fd, bool hides, struct error *err);
	void *context;
};

/* root_fd is borrowed.  The root's times are those of now until an entry sets them. */
int dirs_init(struct dirs *dirs, int root_fd, struct error *err);
/* The directory of that path, without "/" at its ends; made where it is missing.  Borrowed fd. */
int dirs_enter(struct dirs *dirs, const char *path, size_t length, struct error *err);
/*
 * The same, but -EBADF when there is no such directory: err->code is ENOENT then, or ENOTDIR where
 * something else is in its place.
 */
int dirs_find(struct dirs *dirs, const char *path, size_t length, struct error *err);
/* Goes into a directory that is in the innermost one; takes over fd. */
int dirs_push(struct dirs *dirs, const char *name, int fd, struct error *err);
/* The innermost one. */
struct dir *dirs_top(struct dirs *dirs);
/* Something at this path is about to be removed: nothing below it may stay open. */
int dirs_forget(struct dirs *dirs, const char *path, size_t length, struct error *err);
/* Leaves all. */
int dirs_leave(struct dirs *dirs, struct error *err);
