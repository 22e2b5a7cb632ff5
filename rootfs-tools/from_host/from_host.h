/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/*
 * The smallest root around programs of the host: each file at the path that it has on the host,
 * with the symlinks that lead there.  What a program needs is read from its ELF file (elf.h), and
 * of a script from its first line; nothing is executed.  What a program opens by itself while it
 * runs (dlopen, locales, configuration) is not known: from_host_file() takes it along.
 */
struct from_host {
	struct arena *arena;
	int host_fd, root_fd;		/* borrowed: "/", and the directory to be filled */
	unsigned int files;		/* so far */
	uint64_t bytes;
	bool needs_cache;		/* a library is where only /etc/ld.so.cache leads */
	const char *library_folder;	/* the C library's, once it is known */
	struct error *err;
};

/* The directories that every root needs: mount points, and /tmp. */
int from_host_begin(struct from_host *made);
/* A program by path, or by name in PATH, and all that it needs. */
int from_host_program(struct from_host *made, const char *name);
/* A file or, with all below it, a directory, as it is; relative to the working directory. */
int from_host_file(struct from_host *made, const char *path);
/* /etc/nsswitch.conf and the libraries that it names. */
int from_host_names(struct from_host *made);
/* An /etc/passwd and /etc/group with root and nobody. */
int from_host_users(struct from_host *made);
/* The certificates of the authorities, where OpenSSL and others look. */
int from_host_certificates(struct from_host *made);
/* What the loader needs, now that all libraries are known, and /bin where that is a link. */
int from_host_end(struct from_host *made);
