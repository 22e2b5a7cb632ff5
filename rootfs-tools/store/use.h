/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/store/store.h"

/*
 * Who needs which layers, so that the others can be collected.
 *
 * STORE/bundles/HASH names a bundle that somebody made, and its layers; it counts as long as
 * that bundle has its config.json.
 *
 * STORE/run/NAME is a bundle that "kist run --image" throws away behind its container.  Its name
 * holds the process that made it, and its file "container" the container's state directory: it
 * is in use while either is there.
 */

/* Notes that the bundle's root is made of these directories of STORE/l. */
int store_use(const struct store *store, const char *bundle, const word_list *names,
	      struct error *err);
/* The same of a mount point; it counts as long as an overlay is mounted there. */
int store_use_mount(const struct store *store, const char *path, const word_list *names,
		    struct error *err);
/* The note as such, in a directory of the store. */
int store_record_layers(const struct store *store, int dir_fd, const char *file, const char *bundle,
			const word_list *names, struct error *err);
/* All directories of STORE/l that a bundle needs; what of the notes has no bundle goes. */
int store_used(const struct store *store, word_list *ret_names, struct error *err);

/* A new directory in STORE/run for the container whose state will be at that path. */
struct store_run {
	int fd;				/* owned */
	const char *name, *path;
};
#define STORE_RUN_NONE { .fd = -EBADF }
/* owner: the process that it is for. */
int store_run_begin(const struct store *store, pid_t owner, const char *container,
		    struct store_run *ret, struct error *err);
/* Its layers, in the directory itself. */
int store_run_use(const struct store *store, const struct store_run *run,
		  const word_list *names, struct error *err);
/* Removes it; that it is not there is no error. */
int store_run_end(const struct store *store, const char *name, struct error *err);
/* Removes all that nobody uses any more; *ret_count: how many. */
int store_run_sweep(const struct store *store, unsigned int *ret_count, struct error *err);
