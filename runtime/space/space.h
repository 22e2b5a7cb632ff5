/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sched.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/sys.h"
#include "runtime/clone.h"
#include "runtime/kist/space.h"

/*
 * The inside of libkist.  A struct kist_space lives in pages of its own, with
 * the stack of a child with CLONE_VM below it: no allocator is touched, in the
 * caller or in the child, so running out of memory is an error like any other.
 *
 * The child says what it does over a socketpair of records; the caller looks
 * at that and at the pidfd, so that a child that dies is noticed.
 */
#define SPACE_MAPS	340	/* as many as the kernel takes (user_namespaces(7)) */

/* Linux 2.6.2 made it mean nothing; glibc 2.42 has no name for it any more. */
#ifndef CLONE_DETACHED
#define CLONE_DETACHED	0x00400000
#endif
#define NAMESPACES	KIST_ALL_NAMESPACES
/* What an error about its id maps begins with. */
#define SPACE_NO_IDS	"give the process its ids"

/* What the child reports.  In this order; each at most once. */
enum report_kind {
	REPORT_DAEMON = 1,	/* with the pidfd of the process that stays */
	REPORT_UP,		/* the function comes next, or a hook ended it */
	REPORT_EXEC,		/* execve comes next; the lock falls when it has succeeded */
	REPORT_ERROR,
};

struct report {
	enum report_kind kind;
	struct error error;
};

/* Root and working directory of the process whose namespaces are joined; -EBADF: none. */
struct space_root {
	int root_fd, work_fd;		/* owned */
	const char *path;		/* or a chroot inside */
};
#define SPACE_ROOT_NONE	((struct space_root){ -EBADF, -EBADF, NULL })

/*
 * With CLONE_VFORK the caller sleeps, and a copy of it, made before, writes the id maps: the
 * child sends it a byte, which the kernel stamps with its pid, and hears an error, empty where
 * all is well.
 */
struct space_writer {
	struct clone_result process;
	int fd; /* the child's end; owned; -EBADF: the caller itself writes */
};

struct kist_space {
	struct kist_options options;	/* with all of flags, on and off in flags */
	struct clone_result child;
	bool mapped;			/* id maps are written before it goes on */
	bool foreign_ids;		/* its user namespace may not know the caller's id */
	bool root_caller;
	bool exposed;			/* others are where it is born, and may not trace it */
	bool daemon;			/* not our child any more */
	bool ended;
	int status;			/* once ended */
	int here, there;		/* the socketpair; owned until the child is up */
	int child_end;			/* the number of there, which the child knows it by */
	int lock_fd;			/* of a program; owned likewise */
	int caller_fd; /* its pidfd, where the fd table is shared; owned likewise */
	struct space_writer writer;
	int exit_code;			/* of a thread */
	int own_tid, *end_word;		/* what the kernel clears when a thread has ended */
	struct space_root root;
	/* What it was joined by, for the child to close: borrowed here, in its table its own. */
	int join_fds[NAMESPACE_COUNT], join_pidfd;
	void *pages;
	size_t pages_size;
};

/* What is asked for, in the shape of this version; *ret_space's flags and maps are filled too. */
struct space_maps {
	struct kist_id_map uid[SPACE_MAPS], gid[SPACE_MAPS];
	size_t uid_count, gid_count;
};

/* The struct as we know it, whatever version of it the caller was built with. */
int sized_copy(void *ret, size_t ret_size, const void *from, size_t least, struct error *err);
/* Resolves on and off, and refuses what the kernel forbids.  joins: for kist_space_inject(). */
int space_check(struct kist_options *options, bool joins, struct error *err);
int space_maps_read(const struct kist_options *options, struct space_maps *ret, struct error *err);
/* Gives them to the process that waits for them. */
int space_maps_write(const struct kist_options *options, const struct space_maps *maps,
		     const struct clone_request *joined, pid_t pid, struct error *err);

int space_writer_start(const struct kist_options *options, const struct space_maps *maps,
		       struct space_writer *ret, struct error *err);
/* In the child: 0 when it has its maps. */
int space_writer_ask(const struct space_writer *writer, struct error *err);
void space_writer_end(struct space_writer *writer);

/* base: what is joined, or CLONE_REQUEST_INIT.  Takes the fds of root. */
int space_start(const struct kist_options *options, struct clone_request *base,
		struct space_root *root, struct kist_space **ret, struct error *err);
/* clone_process() of what those that it comes to may not trace, from its birth; it says so, too. */
int space_clone_hidden(const struct clone_request *request, clone_function *function, void *context,
		       struct clone_result *ret, struct error *err);
/* What runs in the child: everything up to the function or execve. */
int space_child(void *context);
void space_root_close(struct space_root *root);
/* Of whom, as this process sees it; 0: none, or not visible; -1 and errno: it cannot tell. */
pid_t pidfd_pid(int pidfd);

/* err of the public functions: fills it, where there is one; returns status. */
int space_result(int status, const struct error *from, struct kist_error *err);
