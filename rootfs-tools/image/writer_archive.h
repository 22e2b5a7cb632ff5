/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/writer.h"

/*
 * The tar behind a writer: blobs go straight into it, and their headers, with
 * the digest as name and the size, are written when they are known.  It gets
 * its name when it is whole.
 */
int archive_open(struct writer *writer, struct error *err);
bool archive_has(const struct writer *writer, const struct digest *digest);
int archive_blob_begin(struct writer *writer, struct error *err);
int archive_blob_end(struct writer *writer, const struct stored *blob, struct error *err);
/* layout: the text of an OCI archive's oci-layout. */
int archive_commit(struct writer *writer, const char *index, size_t size, const char *layout,
		   struct error *err);
void archive_remove(struct writer *writer);
