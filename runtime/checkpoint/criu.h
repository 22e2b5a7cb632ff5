/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

#include "base/fd.h"
#include "base/text.h"

/*
 * A conversation with "criu swrk": one request, during which CRIU tells what it
 * is about to do.  The messages are those of CRIU's images/rpc.proto.  A restored
 * process is a child of ours.
 */
enum criu_request {
	CRIU_DUMP	= 1,
	CRIU_RESTORE	= 2,
	CRIU_PRE_DUMP	= 4,
	CRIU_FEATURES	= 9,
};

/* The fields of struct criu_opts. */
enum criu_option {
	CRIU_IMAGES_DIR_FD = 1, CRIU_PID = 2, CRIU_LEAVE_RUNNING = 3, CRIU_EXT_UNIX_SK = 4,
	CRIU_TCP_ESTABLISHED = 5, CRIU_EVASIVE_DEVICES = 6, CRIU_SHELL_JOB = 7,
	CRIU_FILE_LOCKS = 8, CRIU_LOG_LEVEL = 9, CRIU_LOG_FILE = 10, CRIU_PAGE_SERVER = 11,
	CRIU_NOTIFY_SCRIPTS = 12, CRIU_ROOT = 13, CRIU_PARENT_IMG = 14, CRIU_TRACK_MEM = 15,
	CRIU_AUTO_DEDUP = 16, CRIU_WORK_DIR_FD = 17, CRIU_LINK_REMAP = 18, CRIU_EXT_MNT = 23,
	CRIU_CG_ROOT = 25, CRIU_RST_SIBLING = 26, CRIU_INHERIT_FD = 27,
	CRIU_MANAGE_CGROUPS_MODE = 34, CRIU_EXTERNAL = 37, CRIU_EMPTY_NS = 38, CRIU_JOIN_NS = 39,
	CRIU_FREEZE_CGROUP = 44, CRIU_TCP_SKIP_IN_FLIGHT = 46, CRIU_LAZY_PAGES = 48,
	CRIU_ORPHAN_PTS_MASTER = 50, CRIU_CONFIG_FILE = 51, CRIU_TCP_CLOSE = 52,
	CRIU_LSM_PROFILE = 53, CRIU_LSM_MOUNT_CONTEXT = 63, CRIU_NETWORK_LOCK = 64,
};

/* ... and two of its messages: { key = 1, value = 2 }. */
void criu_add_pair(struct text *options, enum criu_option option, const char *key,
		   const char *value);
void criu_add_fd(struct text *options, const char *key, int fd);

enum criu_dir { CRIU_IMAGES, CRIU_WORK, CRIU_DIRS };

struct criu {
	struct arena *arena;
	pid_t pid;		/* of "criu swrk"; reaped by criu_end() */
	bool asked; /* it ends by itself then; before, it would complain on stderr */
	int socket;		/* owned */
	int dir_fds[CRIU_DIRS];	/* owned; in CRIU's mount namespace, or it could not mount there */
};
#define CRIU_NONE	((struct criu){ .socket = -EBADF, .dir_fds = { -EBADF, -EBADF } })
enum { CRIU_FIRST_FD = 4, CRIU_FDS_MAX = 8 };

/* What it is started with. */
struct criu_start {
	/* Borrowed: they are CRIU_FIRST_FD and on in CRIU's process. */
	int fds[CRIU_FDS_MAX];
	size_t fd_count;
	/*
	 * A restore wants a mount point for the container's root: root_path is bound on the
	 * directory root_target, in a mount namespace of CRIU's own.  NULL: no such thing.
	 */
	const char *root_path, *root_target;
	const char *dirs[CRIU_DIRS];	/* or NULL */
};
/* Its path; NULL and *err where it is not installed. */
const char *criu_find(struct arena *arena, struct error *err);
int criu_start(const struct criu_start *start, struct arena *arena, struct criu *ret,
	       struct error *err);

/* What it tells on the way; fd: of "orphan-pts-master", taken back afterwards, else -EBADF. */
typedef int criu_notify(void *context, const char *script, pid_t pid, int fd, struct error *err);

struct criu_answer {
	pid_t pid;			/* of a restored container */
	bool mem_track, lazy_pages;	/* of CRIU_FEATURES */
};
int criu_ask(struct criu *criu, enum criu_request request, const struct text *options,
	     criu_notify *notify, void *context, struct criu_answer *ret, struct error *err);
void criu_end(struct criu *criu);
#define _cleanup_criu _cleanup(criu_end)

/* Adds to *err the last error in CRIU's log, and where that is.  Returns -1. */
int criu_explain(struct arena *arena, int dir_fd, const char *directory, const char *log,
		 struct error *err);
