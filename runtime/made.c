/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/made.h"

#include <limits.h>
#include <string.h>

#include "config/init_option.h"
#include "config/load.h"
#include "config/make.h"

int made_bundle(struct arena *arena, const struct made_options *options, const char *const *args,
		size_t arg_count, struct bundle *ret, struct error *err)
{
	struct make_options make = options->make;
	char absolute[PATH_MAX];
	const char *text;

	if (realpath(make.rootfs, absolute) == NULL)
		return error_errno(err, "open --rootfs %s", make.rootfs);
	make.rootfs = absolute;
	make_finish(arena, &make, options->net, args, arg_count);
	text = config_make(arena, &make, err);
	if (text == NULL)
		return -1;
	*ret = (struct bundle){ .path = arena_strdup(arena, absolute),
				.config = "config.json made from the flags",
				.text = arena_strdup(arena, text), .size = strlen(text) };
	ret->plan = plan_parse(arena, ret->path, ret->config, ret->text, ret->size, err);
	return ret->plan != NULL ? 0 : -1;
}

static int mode_of(const struct made_options *options, const struct plan *plan,
		   enum init_mode *ret, struct error *err)
{
	const char *word = options->init, *from = "--init";
	const struct name *row;

	/* The environment is a default: what the configuration says counts more. */
	if (word == NULL && plan_annotation(plan, INIT_ANNOTATION) == NULL) {
		word = secure_getenv("KIST_INIT");
		from = "KIST_INIT";
	}
	if (word == NULL || *word == '\0') {
		*ret = plan->init.mode;
		return 0;
	}
	row = name_find(init_modes, word);
	if (row == NULL)
		return error_set(err, "%s must be auto, always or never, not \"%s\"", from, word);
	*ret = (enum init_mode)row->value;
	return 0;
}

int made_init(struct arena *arena, const struct made_options *options, struct bundle *bundle,
	      struct error *err)
{
	enum init_mode mode = INIT_AUTO;
	struct plan *plan;

	if (mode_of(options, bundle->plan, &mode, err) < 0)
		return -1;
	if (mode == bundle->plan->init.mode && options->init_options.count == 0)
		return 0;
	plan = ARENA_NEW(arena, struct plan);
	*plan = *bundle->plan;
	plan->init.mode = mode;
	plan->init.used = init_plan_used(plan, mode);
	LIST_EACH(word, options->init_options) {
		const char *name = *word + strlen("init-");
		const char *value = strchr(name, '=') + 1;
		const struct init_option *option =
			init_option_find(arena_strndup(arena, name, (size_t)(value - name - 1)));

		assert(option != NULL);
		if (init_option_add(arena, &plan->init, option, value, err) < 0)
			return error_wrap(err, "--init-%s", option->name);
	}
	bundle->plan = plan;
	return 0;
}
