/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/image/source.h"
#include "rootfs-tools/tree/compare.h"

/*
 * How two root file systems differ, and, of images, their configs: as lines
 * that people read, or as JSON.
 *
 * A side is an image, a directory, or with "#N" or "#N-M" behind an image some
 * of its layers, counted from 1: one alone with its whiteouts, or several from
 * the first as what they make together.
 */
struct diff_side {
	struct tree tree;
	const struct json *config;	/* of an image as a whole; or NULL */
};
int diff_side_read(struct arena *arena, const char *reference,
		   const struct image_options *options, struct diff_side *ret, struct error *err);

struct diff_options {
	unsigned int look_at;		/* COMPARE_ bits */
	const char *const *masked;
	size_t masked_count;
	bool json;
};
/* *ret_count: how many differences there are. */
int diff_write(struct arena *arena, struct diff_side *a, struct diff_side *b,
	       const struct diff_options *options, struct text *out, size_t *ret_count,
	       struct error *err);

/* Words of the bits, "mode owner", for "--ignore". */
struct diff_word {
	const char *word;
	unsigned int bit;
};
extern const struct diff_word diff_words[];
