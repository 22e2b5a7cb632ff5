/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/tree/tree.h"

/*
 * Extended attributes of files in a directory: those that belong to a file and
 * so to a layer, those that overlayfs keeps for itself, and the owner that
 * unpacking without privileges leaves in XATTR_OWNER.
 */
#define XATTR_OWNER	"user.rootlesscontainers"

/* Not of the file but of the machine: labels of its policy, what its file server says. */
bool xattr_is_foreign(const char *name);
/* What overlayfs notes in its layers, and obeys. */
bool xattr_is_overlay(const char *name);

struct xattr_reader {
	struct arena *arena;
	char names[1 << 16], value[1 << 16];
};

/* Sets xattrs and xattr_count; name is one component, of the directory, or ".". */
int xattr_read(struct xattr_reader *reader, int dir_fd, const char *name, struct tree_inode *inode,
	       struct error *err);
/* The first byte of trusted.overlay.WHAT or user.overlay.WHAT; '\0': there is none. */
char xattr_overlay(struct xattr_reader *reader, int dir_fd, const char *name, const char *what);
/* Capabilities that count where the caller is root become everybody's, as layers have them. */
void xattr_share_capability(struct tree_inode *inode);
/* Whether there was an XATTR_OWNER: it is taken away, and becomes uid and gid. */
bool xattr_take_owner(struct tree_inode *inode);
