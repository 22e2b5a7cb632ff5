/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * Processes that look at the bytes of archives (security.md I16).
 *
 * Such a process is alone in a mount namespace whose root is the directory that it fills, or an
 * empty one; where it has not the right to one even in a new user namespace, Landlock takes the
 * file system away.  It holds no fd but those it was given; no_new_privs is set; all
 * capabilities but those for owners, modes, devices and attributes are gone; a system call
 * filter leaves what reading, writing files and threads need: no sockets, no program, no other
 * process.  Its memory is bounded, and it ends with its parent.  What of this cannot be done is
 * an error: nothing is parsed without it.
 *
 * It speaks to its parent in messages, and the parent trusts none of them further than it must.
 */
enum { CONFINE_MEMORY = 1 << 30 };	/* of address space: threads' stacks included */
enum { CONFINED_ROOM = 3072, CONFINED_FDS = 1024 };

enum confined_type { CONFINED_DATA, CONFINED_WARNING, CONFINED_ERROR, CONFINED_DONE };

struct confined_message {
	uint32_t type, size;
	char data[CONFINED_ROOM];	/* of ERROR a struct error, of WARNING a text */
};

/* root_fd: the only tree that may be written to, or -EBADF; out: for confined_send(). */
typedef int confined_work(void *context, int root_fd, int out, struct error *err);

struct confined_request {
	int root_fd;			/* or -EBADF; borrowed */
	const int *fds;			/* what it keeps besides, under the same numbers */
	size_t fd_count;
	confined_work *work;
	void *context;
};

struct confined {
	pid_t pid;
	int pidfd, fd;			/* owned */
};
#define CONFINED_NONE { .pidfd = -EBADF, .fd = -EBADF }

int confined_start(const struct confined_request *request, struct confined *ret,
		   struct error *err);
/* The child's side. */
int confined_send(int out, enum confined_type type, const void *data, size_t size,
		  struct error *err);
/*
 * The parent's: the next message of type DATA is 1; 0 when the work is done; -1 and *err when it
 * failed, died, or talks nonsense.  Warnings are passed on.
 */
int confined_receive(struct confined *confined, struct confined_message *ret, struct error *err);
/* Kills what still runs, and reaps it. */
void confined_end(struct confined *confined);
#define _cleanup_confined _cleanup(confined_end)

/* confine_fs.c and confine_filter.c: the parts, for confined_start() alone. */
int confine_file_system(int *root_fd, struct error *err);
int confine_privileges(struct error *err);
int confine_calls(struct error *err);
