/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "base/word_index.h"
#include "config/section.h"

/* The process: what the program gets.  Source: OCI runtime spec 1.3, config.md, "Process". */

static int decode_arg_list(struct decoder *d, const struct json *v, void *out)
{
	if (decode_list(d, v, decode_string, sizeof(const char *), out) < 0)
		return -1;
	return v->count > 0 ? 0 : bad_value(d, v, "must name a program, but is empty");
}

/* --- env ----------------------------------------------------------------------- */

static int decode_variable(struct decoder *d, const struct json *v, void *out)
{
	if (decode_string(d, v, out) < 0)
		return -1;
	if (*v->text == '=')
		return bad_value(d, v, "must be NAME=VALUE, not \"%s\": the name is empty",
				 v->text);
	if (strchr(v->text, '=') == NULL)
		return bad_value(d, v, "must be NAME=VALUE, not \"%s\"", v->text);
	return 0;
}

/*
 * Of variables with one name the last counts, in the place of the first: what
 * runc does.  Programs differ in which one they would take.
 */
static void drop_earlier(struct arena *arena, struct process_plan *process)
{
	struct word_index seen = word_index_make(arena, process->env.count);
	size_t count = 0;

	LIST_EACH(variable, process->env) {
		size_t length = strcspn(*variable, "=") + 1;
		size_t at = word_index_put(&seen, *variable, length, count);

		count += at == count;
		process->env.items[at] = *variable;
	}
	process->env.count = count;
}

/* --- user ---------------------------------------------------------------------- */

static int decode_umask(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_u64_up_to(d, v, 0777, out);
}

static const struct field user_fields[] = {
	FIELD("uid", decode_id, struct process_plan, uid, FIELD_REQUIRED),
	FIELD("gid", decode_id, struct process_plan, gid, FIELD_REQUIRED),
	FIELD("umask", decode_umask, struct process_plan, umask),
	FIELD_LIST("additionalGids", decode_id, struct process_plan, additional_gids),
	FIELD_IGNORE("username"),	/* Windows */
	{ NULL },
};

/* --- capabilities ------------------------------------------------------------------ */

static int decode_capability_set(struct decoder *d, const struct json *v, void *out)
{
	uint64_t *set = out;
	int result = 0;

	if (want_type(d, v, JSON_ARRAY) < 0)
		return -1;
	for (const struct json *item = v->first; item && (result == 0 || d->collect);
	     item = item->next) {
		const struct name *name;
		const char *meant;

		if (want_type(d, item, JSON_STRING) < 0) {
			result = -1;
			continue;
		}
		name = name_find(capability_names, item->text);
		if (name != NULL) {
			*set |= 1ULL << name->value;
			continue;
		}
		/* Spec 1.2 and newer: what cannot be granted is a warning, not an error. */
		if (!warn_wanted(d))
			continue;
		meant = name_nearest(capability_names, item->text);
		warn_value(d, item, "is no capability, and ignored: \"%s\"%s", item->text,
			   guess_text(d->arena, meant));
	}
	return result;
}

#define CAPABILITY_SET(key, set) \
	{ key, decode_capability_set, offsetof(struct process_plan, capabilities[set]) }
static const struct field capability_fields[] = {
	CAPABILITY_SET("bounding", CAPABILITY_BOUNDING),
	CAPABILITY_SET("effective", CAPABILITY_EFFECTIVE),
	CAPABILITY_SET("inheritable", CAPABILITY_INHERITABLE),
	CAPABILITY_SET("permitted", CAPABILITY_PERMITTED),
	CAPABILITY_SET("ambient", CAPABILITY_AMBIENT),
	{ NULL },
};

static int decode_capabilities(struct decoder *d, const struct json *v, void *out)
{
	struct process_plan *process = out;

	process->has_capabilities = true;
	return decode_object(d, v, capability_fields, process);
}

/* --- limits -------------------------------------------------------------------------- */

static int decode_resource(struct decoder *d, const struct json *v, void *out)
{
	uint64_t value;

	if (decode_name(d, v, rlimit_names, "a resource limit of getrlimit(2)", &value) < 0)
		return -1;
	*(int *)out = (int)value;
	return 0;
}

static const struct field rlimit_fields[] = {
	FIELD("type", decode_resource, struct rlimit_plan, resource, FIELD_REQUIRED),
	FIELD_U64("soft", struct rlimit_plan, soft, FIELD_REQUIRED),
	FIELD_U64("hard", struct rlimit_plan, hard, FIELD_REQUIRED),
	{ NULL },
};

static int decode_rlimit(struct decoder *d, const struct json *v, void *out)
{
	struct rlimit_plan *limit = out;

	if (decode_object(d, v, rlimit_fields, limit) < 0)
		return -1;
	if (limit->soft <= limit->hard)
		return 0;
	return bad_value(d, v, "the soft limit %ju is above the hard limit %ju",
			 (uintmax_t)limit->soft, (uintmax_t)limit->hard);
}

static int decode_rlimits(struct decoder *d, const struct json *v, void *out)
{
	LIST(struct rlimit_plan) *limits = out;
	const struct json *item = v->first;
	uint64_t seen = 0;

	if (decode_list(d, v, decode_rlimit, sizeof(struct rlimit_plan), out) < 0)
		return -1;
	for (size_t i = 0; i < limits->count; i++, item = item->next) {
		uint64_t bit = 1ULL << limits->items[i].resource;

		if (seen & bit)
			return bad_value(d, json_member(item, "type"), "is there twice: %s",
					 json_member(item, "type")->text);
		seen |= bit;
	}
	return 0;
}

/* --- the process --------------------------------------------------------------- */

static int decode_oom_score(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_i64_between(d, v, -1000, 1000, out);
}

static const struct field affinity_fields[] = {
	FIELD("initial", decode_number_list, struct process_plan, cpu_affinity_initial),
	FIELD("final", decode_number_list, struct process_plan, cpu_affinity_final),
	{ NULL },
};

static const struct field console_fields[] = {
	FIELD_OPT_U64("height", struct process_plan, console_height, FIELD_REQUIRED),
	FIELD_OPT_U64("width", struct process_plan, console_width, FIELD_REQUIRED),
	{ NULL },
};

static const struct field process_fields[] = {
	FIELD_BOOL("terminal", struct process_plan, terminal),
	FIELD_OBJECT("consoleSize", console_fields),
	FIELD("args", decode_arg_list, struct process_plan, args, FIELD_REQUIRED),
	FIELD_LIST("env", decode_variable, struct process_plan, env),
	FIELD_PATH("cwd", struct process_plan, cwd, FIELD_REQUIRED),
	FIELD_OBJECT("user", user_fields),
	{ "capabilities", decode_capabilities, 0 },	/* into the whole process */
	FIELD("rlimits", decode_rlimits, struct process_plan, rlimits),
	FIELD_BOOL("noNewPrivileges", struct process_plan, no_new_privileges),
	FIELD("apparmorProfile", decode_text, struct process_plan, apparmor_profile),
	FIELD("selinuxLabel", decode_text, struct process_plan, selinux_label),
	FIELD("oomScoreAdj", decode_oom_score, struct process_plan, oom_score_adj),
	FIELD("scheduler", decode_scheduler, struct process_plan, scheduler),
	FIELD("ioPriority", decode_io_priority, struct process_plan, io_priority),
	FIELD_OBJECT("execCPUAffinity", affinity_fields),
	FIELD_IGNORE("commandLine"),	/* Windows */
	{ NULL },
};

static void warn_outside(struct decoder *d, const struct json *v, const char *key, uint64_t extra,
			 const char *other)
{
	if (extra != 0)
		warn_value(d, json_member(v, key), "has %s, which is not in %s%s; ignored",
			   name_of(capability_names, (uint64_t)__builtin_ctzll(extra)), other,
			   extra & (extra - 1) ? " (and more)" : "");
}

/*
 * capset(2) and prctl(2) refuse these with EPERM.  Spec 1.2: what cannot be
 * granted is a warning; so it is taken out here, and not tried.
 */
static void drop_ungrantable(struct decoder *d, const struct json *v, uint64_t *sets)
{
	uint64_t permitted = sets[CAPABILITY_PERMITTED], bounding = sets[CAPABILITY_BOUNDING];
	uint64_t usable = permitted & sets[CAPABILITY_INHERITABLE] & bounding;
	uint64_t ambient = sets[CAPABILITY_AMBIENT] & ~usable;

	warn_outside(d, v, "effective", sets[CAPABILITY_EFFECTIVE] & ~permitted, "permitted");
	warn_outside(d, v, "inheritable", sets[CAPABILITY_INHERITABLE] & ~bounding, "bounding");
	/* No warning: what "runc spec" writes has ambient ones, and none to be inherited. */
	if (ambient != 0)
		note_value(d, SEVERITY_NOTE, json_member(v, "ambient"), "has %s, which is not in "
			   "both permitted and inheritable%s; ignored",
			   name_of(capability_names, (uint64_t)__builtin_ctzll(ambient)),
			   ambient & (ambient - 1) ? " (and more)" : "");
	sets[CAPABILITY_EFFECTIVE] &= permitted;
	sets[CAPABILITY_INHERITABLE] &= bounding;
	sets[CAPABILITY_AMBIENT] &= usable;
}

/* struct winsize has 16 bits each; without a terminal the spec has the size ignored. */
static int check_console(struct decoder *d, const struct json *v,
			 const struct process_plan *process)
{
	if (!process->terminal || (process->console_height.value <= UINT16_MAX &&
				   process->console_width.value <= UINT16_MAX))
		return 0;
	return bad_value(d, json_member(v, "consoleSize"), "must be 65535 by 65535 at most");
}

int decode_process(struct decoder *d, const struct json *v, void *out)
{
	struct process_plan *process = out;

	if (decode_object(d, v, process_fields, process) < 0)
		return -1;
	drop_earlier(d->arena, process);
	if (process->has_capabilities)
		drop_ungrantable(d, json_member(v, "capabilities"), process->capabilities);
	return check_console(d, v, process);
}
