/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

#include "config/plan.h"

/*
 * Detached mount trees: what the new mount API is made of.  A tree is an fd
 * that nothing is mounted from yet; its flags are set while it is detached, so
 * that there is no moment without them, and it is attached onto an fd that the
 * resolver gave (security.md I3).  Nothing here uses mount(2).
 */

/* A clone of what path leads to, as bind (recursive: rbind) has it. */
int tree_clone(int dir_fd, const char *path, bool recursive, struct error *err);
/*
 * The source of a bind mount, cloned, with its id mapping; by path in the
 * calling process' mount namespace.  An id mapping wants privileges over the
 * source's file system, so for containers with a user namespace too it is the
 * runtime that calls this for MOUNT_IDMAP.  A symlink that is to be copied
 * (MOUNT_COPY_SYMLINK) comes as a plain O_PATH fd of the link.
 */
int tree_open_bind(const struct plan *plan, const struct mount_plan *mount, struct error *err);
/* The same in two parts, without its id mapping: an O_PATH fd of the source, and its clone. */
int tree_find_bind(const struct mount_plan *mount, struct error *err);
int tree_clone_bind(const struct mount_plan *mount, int found_fd, struct error *err);
/* MOUNT_ATTR_* and, where not 0, MS_* propagation with or without MS_REC. */
int tree_flags(int tree_fd, uint64_t set, uint64_t clear, unsigned long propagation,
	       bool recursive, struct error *err);
/* The same of all below, where there is any. */
int tree_recursive(int tree_fd, uint64_t set, uint64_t clear, struct error *err);
/* The propagation of the plan. */
int tree_propagation(const struct mount_plan *mount, int tree_fd, struct error *err);
int tree_attach(int tree_fd, int target_fd, const char *what, struct error *err);

/*
 * A new file system.  data: comma-separated options, or NULL.  The kernel's own
 * words about a wrong option stand in the error.  Returns the detached mount.
 */
struct file_system {
	const char *type, *source, *data;
	uint64_t super_set, super_clear;	/* MS_* */
	uint64_t attributes;			/* MOUNT_ATTR_* */
	const char *label;			/* SELinux context=, or NULL */
};
/* As the plan has it, but for the label. */
struct file_system file_system_of(const struct mount_plan *mount);
int tree_new(const struct file_system *fs, struct error *err);
/* New options for the file system that is mounted at fd ("remount"). */
int tree_reconfigure(int fd, uint64_t super_set, uint64_t super_clear, const char *data,
		     struct error *err);
