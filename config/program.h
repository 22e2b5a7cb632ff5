/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <limits.h>

#include "base/error.h"

/*
 * Programs in the container's root: where one is, and why the kernel would not
 * execute it, for execve(2) says ENOENT both for a missing program and for its
 * missing interpreter.  Nothing here allocates, so that the container's
 * process may ask after its clone; every path is resolved below root_fd.
 */

/*
 * As execvp(3) looks it up: a name with "/" below cwd, else through search, the
 * value of PATH (NULL: the usual directories).  Returns an fd opened O_PATH and the path;
 * an error's text is what clients of runc match.
 */
int program_find(int root_fd, const char *name, const char *cwd, const char *search,
		 char ret_path[PATH_MAX], struct error *err);

/*
 * The same by a process whose root that is, and whose real ids are another user's: what those may
 * not execute, or not reach, is passed over, as execvp(3) by that user does it.
 */
int program_find_for_user(int root_fd, const char *name, const char *cwd, const char *search,
			  char ret_path[PATH_MAX], struct error *err);

/*
 * 0 when nothing speaks against executing it.  -1 and *err: "its ELF
 * interpreter /lib64/ld-linux-x86-64.so.2 does not exist in the root", and the
 * errno that execve gives: ENOENT, EACCES, or ENOEXEC for another architecture
 * and for what is neither ELF nor a script.
 */
int program_check(int root_fd, const char *path, struct error *err);

/*
 * For after an execve(2) that failed: keeps that errno as the code, and tells the reason behind
 * it where one is found.  Returns -1.
 */
int program_explain(int root_fd, const char *path, int number, struct error *err);
