/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/finding.h"

/*
 * The words of "options" of a mount that are not the file system's own.
 * Source: OCI runtime spec 1.3, config.md, "Linux mount options"; crun's
 * additions, which Podman sends.  What is not in the table goes to the file
 * system as it is.
 *
 * Of options that contradict each other the last one counts.
 */
enum mount_option_kind {
	OPTION_ATTR,		/* value: MOUNT_ATTR_*, of the mount */
	OPTION_ATTR_RECURSIVE,	/* the same, for all mounts below, too */
	OPTION_SUPER,		/* value: MS_*, of the superblock */
	OPTION_READ_ONLY,	/* "ro", "rw": of both */
	OPTION_PROPAGATION,	/* value: MS_* */
	OPTION_FLAG,		/* value: enum mount_flag */
	OPTION_NOTHING,		/* "defaults" */
};

struct mount_option {
	const char *name;
	enum mount_option_kind kind;
	bool clear;		/* takes value away */
	uint64_t value;
};

/* Ends with a row whose name is NULL. */
extern const struct mount_option mount_options[];

/* The row with that name, or NULL: an option of the file system. */
const struct mount_option *mount_option_find(const char *name);
void mount_option_apply(struct mount_plan *mount, const struct mount_option *option);

/* "idmap=..." and "ridmap=...", which carry a map. */
int decode_idmap_option(struct decoder *d, const struct json *v, struct mount_plan *mount);
