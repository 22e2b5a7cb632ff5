/* SPDX-License-Identifier: Apache-2.0 */
#include "config/make_process.h"

#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "config/dump_words.h"
#include "config/env_file.h"
#include "config/make_value.h"

static const char *const default_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"TERM=xterm",
};

static const char *const default_capabilities[] = {
	"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE",
};

static const char *const image_capabilities[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
	"CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
	"CAP_SYS_CHROOT",
};

static bool same_name(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");

	return length == strcspn(b, "=") && strncmp(a, b, length) == 0;
}

/* A later value takes the place of an earlier one. */
static void env_add(const char **env, size_t *count, const char *pair)
{
	for (size_t i = 0; i < *count; i++) {
		if (same_name(env[i], pair)) {
			env[i] = pair;
			return;
		}
	}
	env[(*count)++] = pair;
}

/* Those of files come first: what is said by itself counts more. */
static int write_env(struct json_writer *w, const struct make_options *options, struct error *err)
{
	struct arena *arena = w->text.arena;
	word_list pairs = { 0 };
	const char **env;
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(default_env); i++)
		LIST_ADD(arena, &pairs, default_env[i]);
	LIST_EACH(path, options->env_files)
		if (env_file_read(arena, *path, &pairs, err) < 0)
			return error_wrap(err, "--env-file");
	LIST_EACH(word, options->env)
		if (!env_word_add(arena, *word, &pairs))
			return error_set(err, "--env %s: must be NAME=VALUE or NAME", *word);
	env = ARENA_NEWS(arena, pairs.count, const char *);
	LIST_EACH(pair, pairs)
		env_add(env, &count, *pair);
	json_write_strings(w, "env", env, count);
	return 0;
}

static int apply_capabilities(const word_list *words, const char *flag, bool add, uint64_t *set,
			      struct error *err)
{
	LIST_EACH(word, *words) {
		uint64_t bits = capability_bits(*word);

		if (bits == 0)
			return error_set(err, "--%s %s: no such capability", flag, *word);
		*set = add ? *set | bits : *set & ~bits;
	}
	return 0;
}

static uint64_t first_capabilities(const struct make_options *options)
{
	const bool image = options->capabilities == MAKE_CAPABILITIES_IMAGE;
	const char *const *names = image ? image_capabilities : default_capabilities;
	size_t count = image ? ARRAY_SIZE(image_capabilities) : ARRAY_SIZE(default_capabilities);
	uint64_t set = 0;

	for (size_t i = 0; i < count; i++)
		set |= capability_bits(names[i]);
	return set;
}

static int write_capabilities(struct json_writer *w, const struct make_options *options,
			      uint32_t uid, struct error *err)
{
	uint64_t set = first_capabilities(options), held, added = 0;

	/* Dropped first, so that "--cap-drop all --cap-add X" leaves X, in whatever order. */
	if (apply_capabilities(&options->cap_drop, "cap-drop", false, &set, err) < 0 ||
	    apply_capabilities(&options->cap_add, "cap-add", true, &set, err) < 0 ||
	    apply_capabilities(&options->cap_add, "cap-add", true, &added, err) < 0)
		return -1;
	held = uid != 0 && options->capabilities == MAKE_CAPABILITIES_IMAGE ? added : set;
	json_write_object(w, "capabilities");
	dump_capabilities(w, "bounding", set);
	dump_capabilities(w, "effective", held);
	dump_capabilities(w, "permitted", held);
	/* Of a user who is not root only these stay through execve; podman does the same. */
	if (uid != 0 && added != 0) {
		dump_capabilities(w, "inheritable", added);
		dump_capabilities(w, "ambient", added);
	}
	json_write_end(w);
	return 0;
}

static int write_user(struct json_writer *w, const struct make_options *options, uint32_t uid,
		      uint32_t gid, struct error *err)
{
	json_write_object(w, "user");
	json_write_u64(w, "uid", uid);
	json_write_u64(w, "gid", gid);
	if (options->groups.count + options->group_add.count > 0) {
		json_write_array(w, "additionalGids");
		LIST_EACH(group, options->groups)
			json_write_u64(w, NULL, *group);
		LIST_EACH(text, options->group_add) {
			if (!text_to_id(*text, &gid))
				return error_set(err, "--group-add %s: must be a GID, in numbers",
						 *text);
			json_write_u64(w, NULL, gid);
		}
		json_write_end(w);
	}
	json_write_end(w);
	return 0;
}

static void write_rlimit(struct json_writer *w, const char *name, uint64_t soft, uint64_t hard)
{
	json_write_object(w, NULL);
	json_write_string(w, "type", name);
	json_write_u64(w, "hard", hard);
	json_write_u64(w, "soft", soft);
	json_write_end(w);
}

static int write_rlimits(struct json_writer *w, const struct make_options *options,
			 struct error *err)
{
	bool has_files = false;

	json_write_array(w, "rlimits");
	LIST_EACH(text, options->ulimits) {
		uint64_t soft, hard;
		const char *name;

		if (ulimit_parse(w->text.arena, *text, &name, &soft, &hard, err) < 0)
			return -1;
		write_rlimit(w, name, soft, hard);
		has_files |= strcmp(name, "RLIMIT_NOFILE") == 0;
	}
	if (!has_files)
		write_rlimit(w, "RLIMIT_NOFILE", 1024, 1024);
	json_write_end(w);
	return 0;
}

int write_process(struct json_writer *w, const struct make_options *options, struct error *err)
{
	static const char *const shell[] = { "sh" };
	uint32_t uid = 0, gid = 0;

	if (options->user != NULL && !user_parse(options->user, &uid, &gid))
		return error_set(err, "--user %s: must be UID or UID:GID, in numbers",
				 options->user);
	if (options->cwd != NULL && options->cwd[0] != '/')
		return error_set(err, "--cwd %s: must be an absolute path in the container",
				 options->cwd);
	json_write_object(w, "process");
	json_write_bool(w, "terminal", options->terminal);
	if (write_user(w, options, uid, gid, err) < 0)
		return -1;
	if (options->args.count > 0)
		json_write_strings(w, "args", options->args.items, options->args.count);
	else
		json_write_strings(w, "args", shell, ARRAY_SIZE(shell));
	if (write_env(w, options, err) < 0)
		return -1;
	json_write_string(w, "cwd", options->cwd != NULL ? options->cwd : "/");
	if (write_capabilities(w, options, uid, err) < 0 || write_rlimits(w, options, err) < 0)
		return -1;
	json_write_bool(w, "noNewPrivileges", !options->new_privileges);
	json_write_end(w);
	return 0;
}
