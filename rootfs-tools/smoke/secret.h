/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>

#include "base/compiler.h"

/*
 * What looks like a secret that nobody wants in an image: private keys, by what is in the
 * file; credentials of known programs, by the file's name and what is in it; variables that are
 * called so.  A guess: it may be wrong in both directions.
 */

/* Why, or NULL.  path: in the image; name: below dir_fd. */
const char *secret_file(int dir_fd, const char *name, const char *path, const struct stat *st);
bool secret_variable(const char *name, const char *value);
