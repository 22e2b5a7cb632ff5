/* SPDX-License-Identifier: Apache-2.0 */
#include "config/section.h"

/* Programs that run at six moments of the container's life.  Source: OCI spec 1.3, config.md. */

static int decode_timeout(struct decoder *d, const struct json *v, void *out)
{
	struct opt_u64 *seconds = out;

	if (decode_u64_up_to(d, v, INT32_MAX, &seconds->value) < 0)
		return -1;
	if (seconds->value == 0)
		return bad_value(d, v, "must be above 0 seconds");
	seconds->set = true;
	return 0;
}

static const struct field hook_fields[] = {
	FIELD_PATH("path", struct hook_plan, path, FIELD_REQUIRED),
	FIELD_LIST("args", decode_string, struct hook_plan, args),
	FIELD_LIST("env", decode_string, struct hook_plan, env),
	FIELD("timeout", decode_timeout, struct hook_plan, timeout),
	{ NULL },
};

static int decode_hook(struct decoder *d, const struct json *v, void *out)
{
	return decode_object(d, v, hook_fields, out);
}

#define MOMENT(key, moment) \
	{ key, decode_hook, (moment) * sizeof(hook_list), 0, sizeof(struct hook_plan) }
static const struct field moment_fields[] = {
	MOMENT("prestart", HOOK_PRESTART),
	MOMENT("createRuntime", HOOK_CREATE_RUNTIME),
	MOMENT("createContainer", HOOK_CREATE_CONTAINER),
	MOMENT("startContainer", HOOK_START_CONTAINER),
	MOMENT("poststart", HOOK_POSTSTART),
	MOMENT("poststop", HOOK_POSTSTOP),
	{ NULL },
};
static_assert(ARRAY_SIZE(moment_fields) == HOOK_MOMENT_COUNT + 1, "one row each");

int decode_hooks(struct decoder *d, const struct json *v, void *out)
{
	return decode_object(d, v, moment_fields, out);
}
