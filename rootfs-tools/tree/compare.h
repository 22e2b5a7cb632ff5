/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/tree/tree.h"

/*
 * Two trees, name by name.  Data is compared by its digest, where both have been
 * made with digests, or by where it is; names of the same inode as hard links.
 */
enum {
	COMPARE_TYPE	= 1 << 0,
	COMPARE_MODE	= 1 << 1,
	COMPARE_OWNER	= 1 << 2,
	COMPARE_SIZE	= 1 << 3,
	COMPARE_CONTENT	= 1 << 4,
	COMPARE_TARGET	= 1 << 5,
	COMPARE_DEVICE	= 1 << 6,
	COMPARE_XATTRS	= 1 << 7,
	COMPARE_LINKS	= 1 << 8,
	COMPARE_TIME	= 1 << 9,
	COMPARE_HIDES	= 1 << 10,	/* whiteouts and opaque directories, of layers */
	COMPARE_ALL	= (1 << 11) - 1,
};

/*
 * A difference: b NULL: removed, a NULL: added; otherwise what holds COMPARE_ bits.  Whoever
 * wants to know what is below a directory that one of them lacks, or has as something else
 * (COMPARE_TYPE), looks there.  -1 and *err ends the comparison.
 */
struct compare {
	struct arena *arena;
	unsigned int look_at;		/* COMPARE_ bits; types always are */
	int (*report)(struct compare *compare, const struct tree_node *a,
		      const struct tree_node *b, unsigned int what, struct error *err);
};
int tree_compare(struct compare *compare, struct tree *a, struct tree *b, struct error *err);

/* The changes that lead from one tree to another, as a layer has them: with whiteouts. */
int delta_make(struct tree *from, struct tree *to, struct tree *ret, struct error *err);
