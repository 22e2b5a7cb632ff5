/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/option.h"
#include "config/plan.h"
#include "runtime/container.h"
#include "runtime/spawn.h"

/*
 * What "create" and "run" have in common: from options to a process that waits
 * for START, with everything that "delete" takes away again.
 */
struct create_options {
	const char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	int preserve_fds;
	bool no_pivot, no_new_keyring, no_subreaper;
};

/* The rows of the options above, for tables of commands. */
#define CREATE_OPTION_ROWS(s, at) \
	OPTION_ROW_WORD("bundle", 'b', s, at bundle, "DIR", "the bundle; the default is \".\""), \
	OPTION_ROW_WORD("config", 'f', s, at config, "FILE", \
			"instead of config.json in the bundle"), \
	OPTION_ROW_WORD("console-socket", 0, s, at console_socket, "PATH", \
			"unix socket that gets the master of the terminal"), \
	OPTION_ROW_WORD("pid-file", 0, s, at pid_file, "FILE", \
			"where to write the pid of the container's first process"), \
	OPTION_ROW_WORD("pidfd-socket", 0, s, at pidfd_socket, "PATH", \
			"unix socket that gets a pidfd of that process"), \
	OPTION_ROW_NUMBER("preserve-fds", 0, s, at preserve_fds, "N", \
			  "pass N fds more than 0, 1 and 2 to the program"), \
	OPTION_ROW_FLAG("no-pivot", 0, s, at no_pivot, \
			"move and chroot instead of pivot_root (the root is a ramdisk)"), \
	OPTION_ROW_FLAG("no-new-keyring", 0, s, at no_new_keyring, \
			"keep the session keyring of the caller"), \
	OPTION_ROW_FLAG("no-subreaper", 0, s, at no_subreaper, NULL)

/* The configuration: its bytes, kept for later commands, and what they mean. */
struct bundle {
	const char *path;		/* absolute */
	const char *config;		/* as messages call it */
	char *text;
	size_t size;
	const struct plan *plan;
};
int bundle_load(struct arena *arena, const struct create_options *options, struct bundle *ret,
		struct error *err);

struct creation;
struct creation_request {
	struct arena *arena;
	const char *root;		/* the directory of all containers */
	enum cgroup_manager manager;
	bool as_runc;			/* errors in runc's words, for those who match them */
	const struct create_options *options;
	const struct bundle *bundle;
	const char *id;
	bool wait_for_start;		/* START comes from another kist */
	bool foreground;		/* kist stays, and deletes the container in the end */
	int console_socket;		/* where the terminal's master goes, or -EBADF; borrowed */
	/* Makes the process in another way than from the configuration; NULL: that one. */
	int (*make)(struct creation *creation, const struct creation_request *request,
		    struct error *err);
	const void *make_context;
};

struct creation {
	struct container container;
	struct spawn spawn;
	const struct plan *plan;
	const char *notify_env;		/* runtime/notify.h; or NULL */
};
#define CREATION_NONE	((struct creation){ CONTAINER_NONE, SPAWN_NONE, NULL, NULL })

/*
 * Up to "created": claims the id, makes cgroup and process, saves the state,
 * writes the pid file.  On an error nothing is left.
 */
int creation_begin(const struct creation_request *request, struct creation *ret,
		   struct error *err);
/*
 * The program, poststart hooks, and the notify socket (runtime/notify.h), for which watched is
 * what the service manager is told to watch.  On an error nothing is left.
 */
struct notify;
int creation_start(struct creation *creation, struct notify *notify, pid_t watched,
		   struct error *err);
/* Undoes it by what delete calls; keeps *err. */
void creation_undo(struct creation *creation);
/*
 * Deletes it once its process has ended, for who stays in the foreground: nobody else does, but
 * maybe "delete --force", and then there is nothing to do.
 */
int creation_end(struct creation *creation, struct error *err);
void creation_close(struct creation *creation);

/* Whether a terminal can reach the caller that way; in runc's words. */
int create_check_terminal(bool terminal, bool detach, const char *console_socket,
			  struct error *err);

/* No newline behind the number, and never half a file: callers parse all of it. */
int pid_file_write(const char *path, pid_t pid, struct error *err);
/* payload: what goes with the pidfd, "standard" or "setns". */
int pidfd_socket_send(const char *path, int pidfd, const char *payload, struct error *err);
