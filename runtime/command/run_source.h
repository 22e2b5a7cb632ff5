/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "runtime/command/command.h"
#include "runtime/command/image_run.h"
#include "runtime/made.h"

/* What "run" runs, as its flags say: a bundle, a root file system, or an image. */
struct run_source {
	struct create_options create;
	struct made_options made;
	struct image_options image;
	bool strict;
};

/*
 * By the words in front of the command: "[-b DIR] ID", "--rootfs DIR [ID]", or "IMAGE [ID]".
 * *ret_id is made where none is given, and set before what fails because of it.  A bundle made of
 * an image is kept in source->create.bundle; errors as of image_run_bundle().
 */
int run_source_load(struct cli *cli, struct run_source *source, const char **ret_id,
		    struct bundle *ret, struct error *err);
/* The bundle of an image goes with its container, if that never came to be. */
void run_source_forget(struct cli *cli, const struct run_source *source);
