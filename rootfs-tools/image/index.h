/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/writer.h"
#include "rootfs-tools/json_edit.h"

/*
 * The list of the images in an OCI layout, index.json, and its changes: all
 * that is not changed stays, word for word.
 */
/*
 * Commits the writer with the descriptor of a new manifest under the writer's tag ("latest"
 * where there is none).  old: the manifest that it replaces, or NULL: where the tag stands for
 * several platforms, this one alone is exchanged.
 */
int index_commit(struct writer *writer, const struct digest *old, struct json *descriptor,
		 struct error *err);

/* What tag names gets the name to as well; replaces what had it. */
int index_tag_commit(struct writer *writer, const char *tag, const char *to, struct error *err);
/* The tags go; their blobs stay until index_collect(). */
int index_remove_commit(struct writer *writer, const char *const *tags, size_t count,
			struct error *err);
