/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/*
 * Why the kernel would not execute a program: execve's ENOENT and ENOEXEC mean
 * many things.  Adds what it finds to *err: a missing ELF or script
 * interpreter, another architecture, no program at all.
 */
void program_explain(int root_fd, const char *path, struct error *err);
