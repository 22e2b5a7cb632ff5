/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/make.h"
#include "rootfs-tools/image/source.h"

/*
 * An image's config as the OCI image spec's conversion makes a runtime's config.json of it.
 * What the user said with flags wins; of the environment, each name.
 *
 *   Entrypoint + Cmd   args: arguments of the user take Cmd's place, --entrypoint Entrypoint's
 *   Env, WorkingDir    env, cwd
 *   User               *ret_user, to be looked up in the root (user.h)
 *   Volumes            a tmpfs each, which begins with what the image has there
 *   Labels             annotations, and org.opencontainers.image.* for os, architecture, variant,
 *                      author, created, exposedPorts and stopSignal
 *
 * Labels whose keys are orders to a runtime (org.kist., org.systemd.property., org.criu.,
 * run.oci.) are left out: the maker of an image gives none.
 */
int image_config_apply_to(struct arena *arena, const struct image *image, const char *entrypoint,
			  struct make_options *make, const char **ret_user, struct error *err);
