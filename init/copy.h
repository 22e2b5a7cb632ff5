/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/error.h"

/*
 * tmpcopyup: what the directory at path holds in the root, copied into an
 * empty directory: types, modes, owners, times and extended attributes.  Only
 * fds are walked, links are copied as links, and no other mount is entered.
 */
int copy_tree(int root_fd, const char *path, int to_fd, struct error *err);
