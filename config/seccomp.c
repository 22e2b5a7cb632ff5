/* SPDX-License-Identifier: Apache-2.0 */
#include "config/seccomp_profile.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/seccomp_cache.h"
#include "config/section.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV	(1UL << 5)
#endif

/* To be changed with what seccomp_compile() makes of the same profile. */
#define COMPILER_VERSION	3

const struct name seccomp_action_names[] = {
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },
	{ NULL, 0 },
};

const struct name seccomp_operator_names[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	{ NULL, 0 },
};

const struct name seccomp_flag_names[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
	{ NULL, 0 },
};

/* --- decoding ------------------------------------------------------------------------ */

struct action {
	uint64_t action;
	struct opt_u64 errno_ret;
};

struct rule_section {
	struct action action;
	struct seccomp_rule rule; /* all but its action */
};

struct section {
	struct action default_action;
	struct seccomp_profile profile; /* all but its default action */
	LIST(uint64_t) flags;
	const char *listener_path, *listener_metadata;
};

static int decode_action(struct decoder *d, const struct json *v, void *out)
{
	return decode_name(d, v, seccomp_action_names, "a seccomp action", out);
}

static int decode_operator(struct decoder *d, const struct json *v, void *out)
{
	return decode_name(d, v, seccomp_operator_names, "a seccomp operator", out);
}

static int decode_architecture(struct decoder *d, const struct json *v, void *out)
{
	return decode_name(d, v, architecture_names, "an architecture", out);
}

static int decode_flag(struct decoder *d, const struct json *v, void *out)
{
	return decode_name(d, v, seccomp_flag_names, "a seccomp flag", out);
}

static int decode_index(struct decoder *d, const struct json *v, void *out)
{
	return decode_u32_up_to(d, v, 5, out);
}

static int decode_arg(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD("index", decode_index, struct seccomp_arg, index, FIELD_REQUIRED),
		FIELD_U64("value", struct seccomp_arg, value, FIELD_REQUIRED),
		FIELD_U64("valueTwo", struct seccomp_arg, value_two),
		FIELD("op", decode_operator, struct seccomp_arg, op, FIELD_REQUIRED),
		{ NULL },
	};

	return decode_object(d, v, fields, out);
}

/* What stands in the low 16 bits of the action; the kernel knows errors up to 4095. */
static int action_join(struct decoder *d, const struct json *v, const char *key,
		       const struct action *action, uint32_t *ret)
{
	const struct json *json = json_member(v, key);
	uint64_t value = action->errno_ret.set ? action->errno_ret.value : EPERM;

	*ret = (uint32_t)action->action;
	if (action->action != SCMP_ACT_ERRNO(0) && action->action != SCMP_ACT_TRACE(0)) {
		if (!action->errno_ret.set)
			return 0;
		return bad_value(d, json, "is for SCMP_ACT_ERRNO and SCMP_ACT_TRACE alone, and the "
				 "action is %s", name_of(seccomp_action_names, action->action));
	}
	if (value > (action->action == SCMP_ACT_ERRNO(0) ? 4095 : 65535))
		return bad_value(d, json, "is out of range: %" PRIu64, value);
	*ret |= (uint32_t)value;
	return 0;
}

static void note_names(struct decoder *d, const struct json *v)
{
	const struct json *names = json_member(v, "names");

	if (names == NULL)
		return;
	JSON_EACH(name, names) {
		const char *meant;

		if (!note_wanted(d))
			return;
		if (name->type != JSON_STRING || seccomp_syscall_known(name->text))
			continue;
		meant = seccomp_syscall_nearest(d->arena, name->text);
		if (meant != NULL)
			note_value(d, SEVERITY_WARNING, name,
				   "libseccomp knows no system call \"%s\"; "
				   "did you mean \"%s\"?",
				   name->text, meant);
		else
			note_value(d, SEVERITY_NOTE, name,
				   "libseccomp knows no system call \"%s\": "
				   "the rule does not apply to it",
				   name->text);
	}
}

static int decode_rule(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD_LIST("names", decode_string, struct rule_section, rule.names, FIELD_REQUIRED),
		FIELD("action", decode_action, struct rule_section, action.action, FIELD_REQUIRED),
		FIELD_OPT_U64("errnoRet", struct rule_section, action.errno_ret),
		FIELD_LIST("args", decode_arg, struct rule_section, rule.args),
		{ NULL },
	};
	struct rule_section section = { 0 };
	struct seccomp_rule *rule = out;

	if (decode_object(d, v, fields, &section) < 0)
		return -1;
	if (section.rule.names.count == 0)
		return bad_member(d, v, "names", "must have at least one entry");
	note_names(d, v);
	*rule = section.rule;
	rule->json = v;
	return action_join(d, v, "errnoRet", &section.action, &rule->action);
}

/*
 * A process that has installed its filter must still hand the listener over,
 * with this call, to those who would answer for it: it would wait for ever.
 */
static int check_notify(struct decoder *d, const struct seccomp_profile *profile)
{
	LIST_EACH(rule, profile->rules) {
		if (rule->action != SCMP_ACT_NOTIFY)
			continue;
		LIST_EACH(name, rule->names)
			if (strcmp(*name, "sendmsg") == 0)
				return bad_value(d, rule->json,
						 "SCMP_ACT_NOTIFY cannot be used for "
						 "sendmsg: the listener is handed over with it");
	}
	return 0;
}

static bool uses_notify(const struct seccomp_profile *profile)
{
	LIST_EACH(rule, profile->rules)
		if (rule->action == SCMP_ACT_NOTIFY)
			return true;
	return false;
}

static void take_flags(const struct section *section, const struct json *v, bool notify,
		       struct seccomp_plan *plan)
{
	/*
	 * Not given at all: SPEC_ALLOW, as with runc.  Before Linux 5.16 a filter turned the
	 * mitigation of speculative store bypass on otherwise, which slows programs down.
	 */
	if (!has_property(v, "flags"))
		plan->flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	LIST_EACH(flag, section->flags)
		plan->flags |= (unsigned int)*flag;
	if (!notify) {
		/* The kernel refuses it without a listener. */
		plan->flags &= ~(unsigned int)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
		return;
	}
	plan->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* Both return a number, so with both errors of TSYNC must be told by ESRCH. */
	if (plan->flags & SECCOMP_FILTER_FLAG_TSYNC)
		plan->flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	plan->listener_path = section->listener_path;
	plan->listener_metadata = section->listener_metadata;
}

/* --- the cache's key --------------------------------------------------------------------- */

static void key_u32(struct text *key, uint32_t value)
{
	text_add_bytes(key, (const char *)&value, sizeof(value));
}

static void key_u64(struct text *key, uint64_t value)
{
	text_add_bytes(key, (const char *)&value, sizeof(value));
}

static void key_rule(struct text *key, const struct seccomp_rule *rule)
{
	key_u32(key, rule->action);
	key_u32(key, (uint32_t)rule->args.count);
	LIST_EACH(arg, rule->args) {
		key_u32(key, arg->index);
		key_u32(key, (uint32_t)arg->op);
		key_u64(key, arg->value);
		key_u64(key, arg->value_two);
	}
	key_u32(key, (uint32_t)rule->names.count);
	/* With its NUL, which no name holds. */
	LIST_EACH(name, rule->names)
		text_add_bytes(key, *name, strlen(*name) + 1);
}

/* Everything that the filter depends on, so that equal keys mean equal filters. */
static struct text profile_key(struct arena *arena, const struct seccomp_profile *profile)
{
	const struct scmp_version *version = seccomp_version();
	struct text key = { .arena = arena, .room = 16384 };

	key.data = arena_alloc(arena, key.room);
	text_add_bytes(&key, KIST_VERSION, sizeof(KIST_VERSION));
	key_u32(&key, COMPILER_VERSION);
	key_u32(&key, version->major);
	key_u32(&key, version->minor);
	key_u32(&key, version->micro);
	key_u32(&key, seccomp_arch_native());
	key_u32(&key, profile->default_action);
	key_u32(&key, (uint32_t)profile->architectures.count);
	LIST_EACH(arch, profile->architectures)
		key_u32(&key, (uint32_t)*arch);
	key_u32(&key, (uint32_t)profile->rules.count);
	LIST_EACH(rule, profile->rules)
		key_rule(&key, rule);
	return key;
}

static int profile_filter(struct decoder *d, const struct json *v,
			  const struct seccomp_profile *profile, seccomp_filter *ret)
{
	struct text key = profile_key(d->arena, profile);
	_cleanup_fd int dir_fd = seccomp_cache_open(false);
	const struct seccomp_rule *rule;
	struct error err;

	if (dir_fd >= 0 && seccomp_cache_load(dir_fd, d->arena, key.data, key.size, ret) == 0)
		return 0;
	if (seccomp_compile(d->arena, profile, ret, &rule, &err) < 0)
		return bad_value(d, rule != NULL ? rule->json : v, "%s", err.text);
	if (dir_fd < 0)
		dir_fd = seccomp_cache_open(true);
	if (dir_fd >= 0)
		seccomp_cache_save(dir_fd, d->arena, key.data, key.size, ret);
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------ */

static const struct field fields[] = {
	FIELD("defaultAction", decode_action, struct section, default_action.action,
	      FIELD_REQUIRED),
	FIELD_OPT_U64("defaultErrnoRet", struct section, default_action.errno_ret),
	FIELD_LIST("architectures", decode_architecture, struct section, profile.architectures),
	FIELD_LIST("flags", decode_flag, struct section, flags),
	FIELD_STRING("listenerPath", struct section, listener_path),
	FIELD_STRING("listenerMetadata", struct section, listener_metadata),
	FIELD_LIST("syscalls", decode_rule, struct section, profile.rules),
	{ NULL },
};

int decode_seccomp(struct decoder *d, const struct json *v, void *out)
{
	struct seccomp_plan *plan = ARENA_NEW(d->arena, struct seccomp_plan);
	struct section section = { 0 };
	struct seccomp_profile *profile = &section.profile;

	if (decode_object(d, v, fields, &section) < 0 ||
	    action_join(d, v, "defaultErrnoRet", &section.default_action,
			&profile->default_action) < 0)
		return -1;
	if (section.listener_metadata != NULL && section.listener_path == NULL)
		return bad_member(d, v, "listenerMetadata", "needs listenerPath");
	if (profile->default_action == SCMP_ACT_NOTIFY)
		return bad_member(
			d, v, "defaultAction",
			"SCMP_ACT_NOTIFY cannot be used as default "
			"action: it would stop the container before its listener is known");
	if (check_notify(d, profile) < 0 || profile_filter(d, v, profile, &plan->filter) < 0)
		return -1;
	take_flags(&section, v, uses_notify(profile), plan);
	*(struct seccomp_plan **)out = plan;
	return 0;
}
