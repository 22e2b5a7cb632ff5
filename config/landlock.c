/* SPDX-License-Identifier: Apache-2.0 */
#include "config/landlock.h"

#include <string.h>

#include "base/list.h"
#include "config/decode.h"

/*
 * The object "landlock" as it is proposed for process in the OCI runtime spec
 * (runtime-spec pull request 1241), in an annotation until it is in there.
 */

const struct name landlock_access_names[] = {
	{ "execute", 1U << 0 },	   { "write_file", 1U << 1 },  { "read_file", 1U << 2 },
	{ "read_dir", 1U << 3 },   { "remove_dir", 1U << 4 },  { "remove_file", 1U << 5 },
	{ "make_char", 1U << 6 },  { "make_dir", 1U << 7 },    { "make_reg", 1U << 8 },
	{ "make_sock", 1U << 9 },  { "make_fifo", 1U << 10 },  { "make_block", 1U << 11 },
	{ "make_sym", 1U << 12 },  { "refer", 1U << 13 },      { "truncate", 1U << 14 },
	{ "ioctl_dev", 1U << 15 }, { NULL, 0 },
};

struct ruleset { LIST(uint64_t) handled; };

struct rule {
	LIST(uint64_t) allowed;
	word_list paths;
};

struct section {
	struct ruleset ruleset;
	LIST(struct rule) rules;
	bool disable_best_effort;
};

static int decode_access(struct decoder *d, const struct json *v, void *out)
{
	return decode_name(d, v, landlock_access_names, "an access right of Landlock", out);
}

static int decode_rule(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD_LIST("allowedAccess", decode_access, struct rule, allowed, FIELD_REQUIRED),
		FIELD_LIST("paths", decode_path, struct rule, paths, FIELD_REQUIRED),
		{ NULL },
	};

	return decode_object(d, v, fields, out);
}

static const struct field ruleset_fields[] = {
	FIELD_LIST("handledAccessFS", decode_access, struct section, ruleset.handled,
		   FIELD_REQUIRED),
	{ NULL },
};
static const struct field rules_fields[] = {
	FIELD_LIST("pathBeneath", decode_rule, struct section, rules),
	{ NULL },
};
static const struct field fields[] = {
	FIELD_OBJECT("ruleset", ruleset_fields, FIELD_REQUIRED),
	FIELD_OBJECT("rules", rules_fields),
	FIELD_BOOL("disableBestEffort", struct section, disable_best_effort),
	{ NULL },
};

/* A right that is not handled is allowed everywhere, and the kernel takes no rule for it. */
static int rule_add(struct decoder *d, struct landlock_plan *plan, const struct rule *rule)
{
	uint64_t allowed = 0;

	LIST_EACH(access, rule->allowed)
		allowed |= *access;
	if (allowed & ~plan->handled)
		return error_set(d->err, "%s: rules: allowedAccess has \"%s\", which "
				 "handledAccessFS has not", d->source.name,
				 name_of(landlock_access_names,
					 (allowed & ~plan->handled) & -(allowed & ~plan->handled)));
	LIST_EACH(path, rule->paths) {
		struct landlock_rule *one = LIST_NEW(d->arena, &plan->rules);

		*one = (struct landlock_rule){ *path, allowed };
	}
	return 0;
}

/* Its text is JSON in JSON, so that positions are those in the annotation. */
static int landlock_decode(struct arena *arena, const char *text, struct landlock_plan **ret,
			   struct error *err)
{
	struct decoder d = {
		.arena = arena, .err = err, .bundle = "/", .collect = true, .schema = "landlock"
	};
	struct landlock_plan *plan = ARENA_NEW(arena, struct landlock_plan);
	struct section section = { 0 };

	d.source = (struct json_source){ .name = "annotation " LANDLOCK_ANNOTATION, .text = text,
					 .size = strlen(text) };
	d.root = json_parse(arena, &d.source, err);
	if (d.root == NULL || decode_object(&d, d.root, fields, &section) < 0)
		return -1;
	plan->strict = section.disable_best_effort;
	LIST_EACH(access, section.ruleset.handled)
		plan->handled |= *access;
	if (plan->handled == 0)
		return error_set(err, "%s: handledAccessFS must have at least one entry",
				 d.source.name);
	LIST_EACH(rule, section.rules)
		if (rule_add(&d, plan, rule) < 0)
			return -1;
	*ret = plan;
	return 0;
}

int landlock_plan_make(struct decoder *d, struct plan *plan)
{
	const char *text = plan_annotation(plan, LANDLOCK_ANNOTATION);
	const struct json *annotations = json_member(d->root, "annotations");
	struct error err;

	if (text == NULL || landlock_decode(d->arena, text, &plan->landlock, &err) == 0)
		return 0;
	return bad_value(d, json_member(annotations, LANDLOCK_ANNOTATION), "%s", err.text);
}
