/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "runtime/command/command.h"
#include "runtime/made.h"

/*
 * "run" of an image: kist-rootfs makes a bundle of it, which lives as long as the container: a
 * poststop hook in its config.json removes it, whoever deletes the container.
 */
struct image_options {
	const char *image, *platform, *entrypoint, *overlay, *store;
	bool copy;
};

#define IMAGE_OPTION_ROWS(s, at) \
	OPTION_ROW_TEXT("image", 0, s, at image, "IMAGE", \
			"run this image: a layout, an archive, a tar, docker://NAME"), \
	OPTION_ROW_TEXT("platform", 0, s, at platform, "OS/ARCH", \
			"of an image for several; the default is the host's"), \
	OPTION_ROW_TEXT("entrypoint", 0, s, at entrypoint, "PROGRAM", \
			"in the place of the image's, also as a JSON array; \"\": none"),	\
	OPTION_ROW_TEXT("overlay", 0, s, at overlay, "DIR", \
			"keep there what an image's container changes"), \
	OPTION_ROW_FLAG("copy", 0, s, at copy, \
			"unpack the image to a tree of its own, without overlayfs"), \
	OPTION_ROW_TEXT("store", 0, s, at store, "DIR", "where unpacked layers are kept")

/* Whether a word is an image and no id, which has neither "/" nor ":". */
bool image_run_named(const char *word);
/* A directory that has config.json and rootfs is no image: an error. */
bool image_run_is_bundle(struct cli *cli, const char *directory, struct error *err);
/* There is no bundle: an id that is a file or directory here may be what was meant. */
void image_run_meant(struct cli *cli, const char *id, struct error *err);
/* Refuses flags that would say nothing: of images, and where there is a config.json of both. */
int image_run_flags(struct cli *cli, const struct image_options *image,
		    const struct made_options *made, struct error *err);
/*
 * Makes the bundle, of the flags that go into it, and gives its path.  id: the container's; args:
 * what is to run, in the place of the image's command.  Where kist-rootfs has said on stderr why
 * there is none, and no log is to have it, *err stays empty.  From here to image_run_done() signals
 * that would end us wait (runtime/hold.h).
 */
const char *image_run_bundle(struct cli *cli, const struct image_options *image,
			     const struct made_options *made, const char *id,
			     const char *const *args, size_t arg_count, struct error *err);
/* Takes it away again, where there never was a container. */
void image_run_forget(struct cli *cli, const char *bundle);
/* There is a container, or the bundle is gone. */
void image_run_done(void);
