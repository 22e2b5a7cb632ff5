/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "config/json.h"

/*
 * What is being checked: an image, a bundle, or a directory that is a root file system, always as
 * a configuration and directories, the uppermost first, that make the root together.
 */
enum subject_kind { SUBJECT_IMAGE, SUBJECT_BUNDLE, SUBJECT_DIRECTORY };

struct subject_layer {
	const char *name;	/* digest, or directory */
	const char *created_by;	/* or NULL */
	uint64_t size;
};
typedef LIST(struct subject_layer) subject_layer_list;

struct subject {
	const char *name;		/* as the user wrote it */
	enum subject_kind kind;
	const char *bundle;		/* absolute; where its relative paths begin */
	word_list directories;		/* absolute: lower directories of an overlay, or the one */
	struct json_source source;	/* the configuration: text, and its tree */
	const struct json *config;

	/* From the image's own configuration, or what of it the bundle still tells. */
	bool has_image_config;
	word_list entrypoint, cmd, env, exposed, volumes;
	const struct json *labels;	/* an object, or NULL */
	const char *user, *workdir, *stop_signal;
	const char *architecture;
	subject_layer_list layers;
};

/*
 * The word on the command line; args, where there are some, are run in the place of what its
 * configuration says.
 */
struct subject_options {
	const char *platform, *store;	/* of images */
	const char *const *args;
	size_t arg_count;
};
int subject_load(struct arena *arena, const char *word, const struct subject_options *options,
		 struct subject *ret, struct error *err);
/* The same of an image; its layers stay in the store for as long as this process lives. */
int subject_image(struct arena *arena, const char *word, const struct subject_options *options,
		  struct subject *ret, struct error *err);
/* The value of a variable of the image, or NULL; not NUL-terminated by "=". */
const char *subject_env(const struct subject *subject, const char *name);
/* The signal that is to stop it: SIGTERM, where it names none. */
int subject_stop_signal(const struct subject *subject);
/* Whether what it runs is root inside. */
bool subject_user_is_root(const struct subject *subject);
