/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <dirent.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * File descriptors are what is owned here.  One is closed when its variable
 * goes out of scope, unless it was taken; a parameter is borrowed; a struct
 * that keeps one says so.  "None" is -EBADF, so that using it by mistake says
 * "Bad file descriptor".  Everything is opened close-on-exec.
 */
void fd_close(int *fd);
#define _cleanup_fd _cleanup(fd_close)
/* Hands over: returns the fd and leaves none behind. */
int fd_take(int *fd);

/* A pipe or file read to its end; more than limit bytes is an error.  NUL-terminated. */
int fd_read_all(int fd, size_t limit, struct arena *arena, char **ret_text, size_t *ret_size,
		struct error *err);
/* All of it, however many writes it takes; 0 or -1 and errno. */
int fd_write_all(int fd, const void *data, size_t size);
/* Takes back the SIGPIPE of a write that failed with EPIPE, where it is blocked. */
void fd_broken_pipe_forget(void);
/* In one write, as procfs, sysfs and cgroupfs want it; 0 or -1 and errno. */
int fd_write_once(int fd, const char *text);

int file_read(int dir_fd, const char *path, size_t limit, struct arena *arena, char **ret_text,
	      size_t *ret_size, struct error *err);
/* The same with more flags of open(2). */
int file_read_flags(int dir_fd, const char *path, int flags, size_t limit, struct arena *arena,
		    char **ret_text, size_t *ret_size, struct error *err);
/* An existing file, by fd_write_once(). */
int file_write(int dir_fd, const char *path, const char *text, struct error *err);
/* Written to a temporary name beside it, then renamed: old or new, never half. */
int file_replace(int dir_fd, const char *name, const char *text, size_t size, mode_t mode,
		 struct error *err);

/*
 * Of the sendmsg(2) of fd_send(): words that a unix socket does not look at make it known to
 * config/seccomp_watch.c, and no program has these three.
 */
#define FD_SEND_FLAGS	(MSG_NOSIGNAL | MSG_DONTROUTE | MSG_CONFIRM)
/* Passes fds (at most 8) with data over a unix socket, and takes them, close-on-exec. */
int fd_send(int socket, const int *fds, size_t count, const void *data, size_t size,
	    struct error *err);
/* *ret_count: room in fds on entry, how many came on return.  Returns the bytes of data read. */
ssize_t fd_receive(int socket, int *fds, size_t *ret_count, void *data, size_t size,
		   struct error *err);

/* The list of the directory fd, which it takes, be it open or not.  NULL and errno. */
DIR *dir_take(int fd);
/* That of one that stays open, from its start; dir_fd may be of O_PATH. */
DIR *dir_list(int dir_fd);
/*
 * The next entry of a directory, "." and ".." left out.  NULL: no more, and errno is 0; or it
 * cannot be read, and a list that ends there must not be taken for the whole.
 */
struct dirent *dir_next(DIR *dir);

/* 0, or -1 and *err. */
int fd_pipe(int *ret_read_fd, int *ret_write_fd, struct error *err);

/* Closes all from 3 on but these, which may be in any order, or below.  0, or -1 and errno. */
int fd_close_others(const int *keep, size_t count);

/* Opens /dev/null on those of 0, 1, 2 that are closed, so that no later fd lands there. */
int fd_fill_stdio(struct error *err);
