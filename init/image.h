/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/* The pid-1 program's ELF file, carried in kist (init/pid1/image.S). */
extern const unsigned char init_image_start[], init_image_end[];

/*
 * Makes a memfd of it, to be executed by execveat(2) with AT_EMPTY_PATH, and
 * returns that fd, close-on-exec.  It is sealed with every seal the kernel
 * has, so nobody in the container can change it through /proc/1/exe, and is
 * no file of the host (CVE-2019-5736).  Mode 0555: a process of any user can
 * execute and read it, which also keeps pid 1 dumpable.
 */
int init_image_open(struct error *err);
