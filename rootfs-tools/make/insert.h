/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/make/session.h"

/*
 * A layer with one change on top of the session's image: files of the host put
 * at a path, or a path taken away.  The path is looked up in the image, through
 * its symlinks, and the directories on the way are in the layer as they are
 * below: a layer that is unpacked alone must not change them.
 */
struct insert {
	const char *source;		/* file or directory of the host */
	const char *target;		/* where in the image; with "/" at the end: into it */
	bool opaque;			/* what a directory held before is hidden */
	const struct tree_walk_options *walk;
};
int insert_files(struct session *session, const struct insert *insert, struct error *err);
int insert_whiteouts(struct session *session, const char *const *paths, size_t count,
		     struct error *err);
