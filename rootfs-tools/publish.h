/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * A directory that appears at once or not at all: made inside ".kist-new-…" (0700) beside its
 * place, synced, and renamed without replacing anything (security.md I18).  What a killed
 * kist left there is removed by the next one that publishes in the same directory: the
 * temporary directory is locked as long as its maker lives.
 */
struct publish {
	int parent_fd, temporary_fd;	/* owned */
	int root_fd;			/* owned: the directory to be filled, 0755 */
	char temporary[280], name[256];
};
#define PUBLISH_NONE { .parent_fd = -EBADF, .temporary_fd = -EBADF, .root_fd = -EBADF }

/* name: one component below parent_fd; what is there already is an error, told at once. */
int publish_begin(int parent_fd, const char *name, struct publish *ret, struct error *err);
/* Of a path; its parent must be there. */
int publish_begin_path(const char *path, struct publish *ret, struct error *err);
/* Syncs the file system and gives it its name. */
int publish_commit(struct publish *publish, struct error *err);
/* The same without waiting for the disk: for the few small files that are quickly made again. */
int publish_commit_unsynced(struct publish *publish, struct error *err);
/* Removes what was not published, and closes; nothing to do after publish_commit(). */
void publish_abort(struct publish *publish);
#define _cleanup_publish _cleanup(publish_abort)

/*
 * Renames without replacing anything; also a directory that its owner may not write to, who else
 * could not move it elsewhere.  0, or -1 and errno.
 */
int publish_rename(int from_fd, const char *from, int to_fd, const char *to);

/*
 * Removes the temporary files and directories that killed kists of this user have left in the
 * directory path: whoever makes one locks it (flock) at once, and as long as it is at work.  Their
 * names begin with prefix; behind it are these characters alone, or with NULL any.  That this fails
 * is no reason to stop.
 */
void publish_remove_left(int dir_fd, const char *path, const char *prefix, const char *behind);

/* Removes name below dir_fd with everything in it, on this file system only, following nothing. */
int tree_remove(int dir_fd, const char *name, struct error *err);
