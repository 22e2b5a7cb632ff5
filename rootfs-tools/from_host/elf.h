/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

/*
 * What an ELF file needs to start, by reading it: nothing is executed.  Files are not trusted:
 * every offset is checked, and nothing beyond the bounds below is read.  Source: elf(5), ld.so(8).
 */
enum { ELF_MAX_NEEDED = 512, ELF_MAX_CLOSURE = 2048 };

struct elf {
	bool wide;			/* 64 bits */
	uint16_t machine;
	const char *interpreter;	/* NULL: static, or a library */
	word_list needed;		/* names, or paths */
	const char *rpath, *runpath;	/* NULL: none; with colons, $ORIGIN as written */
};

/* 1 read, 0 it is no ELF file, -1 and *err: it is a broken one. */
int elf_read(struct arena *arena, int fd, struct elf *ret, struct error *err);

/*
 * A program and all that it needs, as the dynamic loader of the root at root_fd would find it:
 * DT_RPATH, library_path (the value of LD_LIBRARY_PATH, or NULL), DT_RUNPATH, the directories of
 * /etc/ld.so.conf (or /etc/ld-musl-*.path), the default ones.  Paths are those inside the root.
 */
struct elf_missing {
	const char *name;		/* "libfoo.so.1", or the interpreter's path */
	const char *wanted_by;		/* a path */
};
struct elf_closure {
	word_list files;		/* the program first, then interpreter and libraries */
	LIST(struct elf_missing) missing;
};
int elf_closure(struct arena *arena, int root_fd, const char *path, const char *library_path,
		struct elf_closure *ret, struct error *err);
