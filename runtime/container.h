/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "base/fd.h"
#include "config/plan.h"
#include "init/channel.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/rdt.h"

/*
 * One container as the host sees it: its directory below the root
 * (/run/kist/<id>, 0700), its state, its journal, its cgroup, its process.
 *
 * The directory is opened once and everything in it by openat.  A pid is only
 * ever used with its start time or a pidfd.  state.json is written to a
 * temporary name and renamed.  The journal names what is about to be made,
 * before it is made, so that delete --force, gc and the next create of the id
 * clean up after a kill -9 of kist at any instant.
 *
 * The directory:
 *	journal		what was made; the lock (runtime/journal.h)
 *	config.json	as it was at create: later changes of the bundle's have no effect
 *	state.json	there as soon as everything of "create" is done (runtime/state.h)
 *	and what runtime/spawn.c puts there for "start"
 * While it is made it is called "~<id>", which is no valid id, and has no
 * name of its own before its journal is locked.
 */
enum container_status {
	CONTAINER_CREATING,
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPED,
};
const char *container_status_name(enum container_status status);

struct container {
	struct arena *arena;
	const char *root;		/* the directory of all containers, absolute */
	const char *id;
	int root_fd, dir_fd;		/* owned; O_DIRECTORY on them */
	int lock_fd;			/* owned; the journal: locked while a command changes it */

	/* What state.json keeps. */
	const char *bundle;
	const char *root_path;		/* of the plan */
	const char *oci_version;
	pid_t pid;			/* the container's pid 1, in our namespace; 0: none yet */
	uint64_t start_time;		/* field 22 of /proc/<pid>/stat, clock ticks */
	struct timespec created;	/* CLOCK_REALTIME */
	uint32_t owner;			/* uid of who created it */
	bool detached;
	bool callers_keyring;		/* made with --no-new-keyring: none for "exec" either */
	bool restored; /* by CRIU, which makes a time namespace for it */
	annotation_list annotations;
	struct cgroup cgroup;		/* manager and paths, remembered */
	struct rdt rdt;			/* the same of intelRdt */

	bool complete;			/* state.json is there: create came to its end */
	bool foreground;		/* journal: a kist waits for it, and deletes it */
	int pidfd;			/* owned; -EBADF when there is no process */
};
#define CONTAINER_NONE	((struct container){ \
	.root_fd = -EBADF, .dir_fd = -EBADF, .lock_fd = -EBADF, .pidfd = -EBADF, \
	.cgroup = CGROUP_INIT })

/* A text that clients match, so nothing is added to it, and a code for our callers.  Returns -1. */
int container_error(struct error *err, int code, const char *fmt, ...) _printf(3, 4);

/* 0, or "invalid container ID format". */
int container_id_check(const char *id, struct error *err);

/*
 * Opens the directory of all containers, made (0700) where create is set.  One
 * that somebody else owns or may write to is refused.  Returns an fd.
 */
int container_root_open(const char *path, bool create, struct error *err);

/*
 * Makes the directory of a new container, its journal locked.  What a dead
 * kist left under this id is destroyed first; "container with given ID already
 * exists" when it is no such thing.  root_fd is taken over in any case.
 */
int container_claim(struct container *ret, struct arena *arena, const char *root, int root_fd,
		    const char *id, struct error *err);
/* One that exists: "container does not exist" (ENOENT) otherwise.  root_fd is duplicated. */
int container_open(struct container *ret, struct arena *arena, const char *root, int root_fd,
		   const char *id, struct error *err);
/* The same where state.json may be damaged: what the journal knows stands in, with a warning. */
int container_open_damaged(struct container *ret, struct arena *arena, const char *root,
			   int root_fd, const char *id, struct error *err);
/*
 * Alone until it is closed; waits a while for another command to end.  EDEADLK, at once, where that
 * waits for us: what may be changed under its lock can go on.
 */
int container_lock(struct container *c, struct error *err);
/* The same for one that we made ourselves, so that nothing need be read again. */
int container_relock(struct container *c, struct error *err);
void container_unlock(struct container *c);
/* Whether we are called by a hook, for whose end the one that has it locked waits. */
bool container_waits_for_us(struct container *c);
void container_close(struct container *c);
/*
 * Before a process of ours goes into the container: against one with CAP_SYS_PTRACE and no user
 * namespace nothing shields it, and a directory of the host's, from which ".." leads to all others,
 * may not be open in it.
 */
void container_close_state(struct container *c);
#define _cleanup_container _cleanup(container_close)

/* config.json as it is now, kept for later commands. */
int container_keep_config(struct container *c, const char *text, size_t size, struct error *err);
/* The process has just been made: notes it in the journal. */
int container_born(struct container *c, pid_t pid, struct error *err);
/* Before START: startContainer hooks may call us, for their container. */
void container_await_hooks(struct container *c, const struct plan *plan);
/* The program runs: poststart hooks, which may change the container, so it is unlocked for them. */
int container_started(struct container *c, const struct plan *plan, struct error *err);
/* Asks the kernel, not a file.  What does not let itself be looked at counts as running. */
enum container_status container_status(struct container *c);
/*
 * Whether a dead kist left it: half made, or its foreground kist is gone and it has ended.  1, 0,
 * or -1 where that cannot be told.
 */
int container_abandoned(struct container *c, struct error *err);
/*
 * Whether its first process is on its way out, and has nothing left but its number: of pid 1 the
 * kernel keeps that until all others of the namespace were reaped.
 */
bool container_exiting(const struct container *c);
/* A pidfd of its first process, borrowed; or -1 and "container not running", ESRCH. */
int container_pidfd(struct container *c, struct error *err);
/* All its processes, in our pid namespace. */
int container_pids(struct container *c, struct arena *arena, pid_list *ret, struct error *err);
/* The plan as it was at create. */
const struct plan *container_plan(struct container *c, struct error *err);

/*
 * Kills what runs, removes cgroup and directory; what is not there is no
 * error.  plan: its poststop hooks run, and only warn; NULL: none do.  Called
 * with the lock held; serves delete, gc, the end of run, and the undoing of a
 * failed create.
 */
int container_destroy(struct container *c, const struct plan *plan, struct error *err);
/* The same for a create or start that failed; it only warns.  It may be deleted by now. */
void container_undo(struct container *c, const struct plan *plan);

/* The "~<id>" of a kist that was killed before it had the id; nothing where it is in use. */
void container_remove_draft(int root_fd, const char *id);
/* All of them. */
void container_remove_drafts(int root_fd);
/* The ids of all containers, sorted. */
int container_ids(struct arena *arena, int root_fd, word_list *ret, struct error *err);
