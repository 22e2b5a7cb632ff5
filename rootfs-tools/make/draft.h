/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/source.h"
#include "rootfs-tools/json_edit.h"
#include "rootfs-tools/make/layer_write.h"

/*
 * An image that is being made: a new one, or one that is there with changes.
 * Config and manifest are JSON trees, so that what nobody here knows stays.
 * What is saved is an OCI image, or a docker-archive; layers that were there are
 * copied as they are, or, where the other format wants that, in another
 * compression.
 */
struct draft_layer {
	const char *media_type;
	struct digest digest, diff_id;	/* unset: not known before it is copied */
	uint64_t size;
	struct json *descriptor;	/* as the base's manifest has it, or NULL */
	bool from_base;
	size_t base;			/* its number there */
};

struct draft {
	struct arena *arena;
	const struct image *base;	/* borrowed; NULL: a new image */
	struct json *config, *manifest;	/* objects */
	LIST(struct draft_layer) layers;
	struct compress_choice compress;	/* of layers that must be written anew */
	struct epoch epoch;
	const char *created;		/* NULL: now, or the epoch's */
};

void draft_begin(struct arena *arena, const struct platform *platform, struct draft *ret);
void draft_begin_image(struct arena *arena, const struct image *image, struct draft *ret);
void draft_add_layer(struct draft *draft, const struct layer_result *layer);

struct draft_history {
	const char *created_by, *comment, *author;	/* NULL: none */
	bool empty_layer;
};
void draft_add_history(struct draft *draft, const struct draft_history *history);
/* What the last count layers are called in the history, and all between, goes. */
void draft_drop_history(struct draft *draft, size_t count);
/* The config's "config", made where it is missing. */
struct json *draft_settings(struct draft *draft);

/*
 * Copies and writes what is missing, and gives the image its tag.  *ret: its manifest; of a
 * docker-archive, which has none, its config.
 */
int draft_save(struct draft *draft, struct writer *writer, struct stored *ret, struct error *err);
