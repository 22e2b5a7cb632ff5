/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdint.h>

#include "config/plan.h"
#include "rootfs-tools/image/source.h"

/*
 * Layers into directories.  The work is done by confined processes (confine.h): each sees
 * nothing but the directory it fills and the stored bytes, has no network, and can start
 * nothing.  What is in the directories afterwards was verified: digests, sizes and diff_ids of
 * exactly the bytes that were used.  After a failure a directory holds rubbish; making it
 * under a temporary name, and publishing or removing it, is publish.h.
 *
 * Rules of a layer: later entries replace earlier ones, a directory on a directory only changes
 * its metadata; ".wh.NAME" and ".wh..wh..opq" hide what lower layers have and nothing of the
 * same layer; parents that are symlinks are followed inside the root; absolute names and ".."
 * are refused, as are names under ".wh..wh." that nobody defined.
 */
enum unpack_mode {
	UNPACK_FLAT,		/* whiteouts remove files: layers on top of each other */
	UNPACK_OVERLAY,		/* whiteouts become those of overlayfs: one layer a directory */
};

/* The mark of directories that no entry of an overlay's layer named; of user_xattr the other. */
#define UNPACK_IMPLIED		"trusted.kist.implied"
#define UNPACK_IMPLIED_USER	"user.kist.implied"

struct unpack_limits {
	uint64_t entries;	/* of one layer, and so many directories more; 0: 4,000,000 */
	uint64_t bytes;		/* of files, holes and all; 0: 4 TiB */
	struct stream_limits stream;
};

/* Called now and then from unpack_layers() and unpack_each(), with stored bytes. */
typedef void unpack_progress(void *context, uint64_t done, uint64_t total);

struct unpack_options {
	enum unpack_mode mode;
	bool user_xattr;	/* user.overlay.opaque in the place of trusted.overlay.opaque */
	bool rootless;		/* owners to user.rootlesscontainers; devices as empty files */
	id_map_list uid_maps, gid_maps;		/* empty: ids as they are */
	unsigned int jobs;	/* layers at the same time; 0: one for each CPU */
	struct unpack_limits limits;
	unpack_progress *progress;		/* or NULL */
	void *context;
};

struct unpack_report {
	uint64_t entries, bytes, stored;
	bool has_root;			/* an entry says whose the root is */
	bool hides_all;			/* the root is opaque, which overlayfs does not heed */
};

/* Layers first .. first + count - 1, one after the other, into the directory. */
int unpack_layers(const struct image *image, size_t first, size_t count, int root_fd,
		  const struct unpack_options *options, struct unpack_report *ret,
		  struct error *err);

/* Each layer into a directory of its own, options->jobs at a time: for a store. */
struct unpack_target {
	size_t layer;
	int dir_fd;			/* borrowed */
	struct unpack_report report;	/* filled */
};
int unpack_each(const struct image *image, struct unpack_target *targets, size_t count,
		const struct unpack_options *options, struct error *err);
