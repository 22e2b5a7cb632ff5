/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/source.h"

/* An image's layers with what the history says of each, for whoever shows them. */
struct layer_facts {
	const char *digest, *diff_id, *media_type;	/* NULL: the source has none */
	uint64_t size;					/* of what is stored */
	const char *created_by, *created, *comment;	/* of the history, or NULL */
};

struct image_facts {
	const char *kind;		/* "OCI image", … */
	uint64_t size;			/* of all layers */
	LIST(struct layer_facts) layers;
};

int image_facts_read(struct arena *arena, const struct image *image, struct image_facts *ret,
		     struct error *err);
