/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/text.h"
#include "rootfs-tools/image/source.h"

/*
 * All that can be wrong with an image: descriptors (digest, size, media type), documents, layers
 * (stored bytes, decompressed bytes, the tar in them), the history.  What is found is one line
 * each; reading goes on behind it.
 */
struct validation {
	struct arena *arena;
	struct text *out;
	bool quick;			/* documents alone, no layer is read */
	unsigned int images, layers, attestations, artifacts, errors, warnings;
	struct digest_node *done;	/* filled: what index.json leads to is checked once */
};

/* reference: an image, or a layout without a tag: all that its index.json names. */
void validate(struct validation *validation, const char *reference, const char *platform);
