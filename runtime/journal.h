/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/rdt.h"

/*
 * What a container is made of: a file of lines in its directory, appended
 * before each thing is made, so that whoever comes after a kill -9 of kist
 * knows what to undo.  Lines are short and complete: one write each.
 *
 *	bundle PATH		root PATH
 *	foreground		kist waits for it, and deletes it in the end
 *	cgroup HOST MANAGER PATH SCOPE OWNER
 *	rdt-group PATH		rdt-monitor PATH
 *	root-mount ID INODE PATH	where the mount namespace is not its own (shared_root.h)
 *	process PID START-TIME
 *
 * The file is also the lock.  POSIX record locks are used because they belong
 * to the process: they go with it however it dies, and the container's
 * process, which inherits the fd, does not inherit them.
 */
enum journal_lock {
	JOURNAL_CHANGE, /* byte 0: somebody makes or changes the container */
	JOURNAL_WATCH, /* byte 1: a foreground kist waits for its end */
	JOURNAL_SETUP, /* byte 2: it still sets up what state.json tells of already */
	JOURNAL_HOOKS, /* byte 3: it waits for hooks that run in the container */
};

/* What the file says. */
struct journal {
	const char *bundle, *root_path, *root_mount;
	bool foreground;
	bool has_cgroup;
	struct cgroup cgroup;
	struct rdt rdt;
	pid_t pid;		/* 0: none was made */
	uint64_t start_time;
};

/* fd: opened with O_APPEND.  value may be NULL. */
int journal_add_text(int fd, struct arena *arena, const char *key, const char *value,
		     struct error *err);
/* The lines that every container has, in one write. */
int journal_begin(int fd, struct arena *arena, const char *bundle, const char *root_path,
		  bool foreground, struct error *err);
int journal_add_cgroup(int fd, struct arena *arena, const struct cgroup *cgroup,
		       struct error *err);
int journal_add_process(int fd, pid_t pid, uint64_t start_time, struct error *err);
/* A line cut short by a full disk is no line. */
int journal_read(int fd, struct arena *arena, struct journal *ret, struct error *err);

/* 0 locked; -1 with err->code EAGAIN when another process holds it. */
int journal_lock(int fd, enum journal_lock which, struct error *err);
void journal_unlock(int fd, enum journal_lock which);
/* A holder in a pid namespace that we do not see has no number here, but it is one. */
#define JOURNAL_UNSEEN	INT32_MAX
/*
 * The pid of who holds it; 0: nobody, or one that was killed and is about to let go; -1: that
 * cannot be told, and nobody may act as if nobody did.
 */
pid_t journal_holder(int fd, enum journal_lock which, struct error *err);
