/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/command/exec_process.h"

#include <string.h>

#include "base/text.h"
#include "config/load.h"
#include "config/names.h"

static void env_set(const char **env, size_t *count, const char *pair)
{
	size_t name = strcspn(pair, "=");

	for (size_t i = 0; i < *count; i++) {
		if (strncmp(env[i], pair, name) == 0 && env[i][name] == '=') {
			env[i] = pair;
			return;
		}
	}
	env[(*count)++] = pair;
}

static int set_env(struct arena *arena, struct process_plan *process, const word_list *more,
		   struct error *err)
{
	const char **env = ARENA_NEWS(arena, process->env.count + more->count + 1, const char *);
	size_t count = process->env.count;

	if (count > 0)
		memcpy(env, process->env.items, count * sizeof(*env));
	LIST_EACH(pair, *more) {
		if (**pair == '=' || strchr(*pair, '=') == NULL)
			return error_set(err, "--env %s: must be NAME=VALUE", *pair);
		env_set(env, &count, *pair);
	}
	process->env.items = env;
	process->env.count = count;
	return 0;
}

/* "UID" or "UID:GID", as numbers: names are the image's business, not the runtime's. */
static int set_user(struct arena *arena, struct process_plan *process, const char *user,
		    struct error *err)
{
	const char *colon = strchr(user, ':');
	const char *uid = colon == NULL ? user :
			  arena_strndup(arena, user, (size_t)(colon - user));

	if (!text_to_id(uid, &process->uid))
		return error_set(err, "--user %s: must be UID or UID:GID, as numbers", user);
	if (colon != NULL && !text_to_id(colon + 1, &process->gid))
		return error_set(err, "--user %s: must be UID or UID:GID, as numbers", user);
	return 0;
}

static int add_gids(struct arena *arena, struct process_plan *process, const word_list *more,
		    struct error *err)
{
	size_t count = process->additional_gids.count;
	uint32_t *gids = ARENA_NEWS(arena, count + more->count + 1, uint32_t);

	if (count > 0)
		memcpy(gids, process->additional_gids.items, count * sizeof(*gids));
	LIST_EACH(text, *more)
		if (!text_to_id(*text, &gids[count++]))
			return error_set(err, "--additional-gids %s: must be a number", *text);
	process->additional_gids.items = gids;
	process->additional_gids.count = count;
	return 0;
}

static void add_capabilities(struct arena *arena, struct process_plan *process,
			     const word_list *more)
{
	process->has_capabilities = process->has_capabilities || more->count > 0;
	LIST_EACH(word, *more) {
		const char *name =
			arena_printf(arena, "%s%s", strncmp(*word, "CAP_", 4) == 0 ? "" : "CAP_",
				     *word);
		const struct name *row = name_find(capability_names, name);
		const char *meant = row == NULL ? name_nearest(capability_names, name) : NULL;
		uint64_t bit = row != NULL ? (uint64_t)1 << row->value : 0;

		/* As in config.json: a newer kernel may know it. */
		if (row == NULL)
			warn("--cap %s: is no capability, and ignored%s", *word,
			     guess_text(arena, meant));
		process->capabilities[CAPABILITY_BOUNDING] |= bit;
		process->capabilities[CAPABILITY_EFFECTIVE] |= bit;
		process->capabilities[CAPABILITY_PERMITTED] |= bit;
	}
}

/*
 * What confines the container is for all that is executed in it, and its affinity too, unless
 * the file says otherwise: without words about capabilities the process would have all of ours.
 */
static const struct process_plan *process_of_file(struct arena *arena, const struct plan *plan,
						  const char *path, struct error *err)
{
	const struct process_plan *loaded = process_load(arena, path, err);
	struct process_plan *process;

	if (loaded == NULL)
		return NULL;
	process = ARENA_NEW(arena, struct process_plan);
	*process = *loaded;
	if (!loaded->has_capabilities) {
		process->has_capabilities = plan->process.has_capabilities;
		memcpy(process->capabilities, plan->process.capabilities,
		       sizeof(process->capabilities));
	}
	if (loaded->apparmor_profile == NULL)
		process->apparmor_profile = plan->process.apparmor_profile;
	if (loaded->selinux_label == NULL)
		process->selinux_label = plan->process.selinux_label;
	if (loaded->cpu_affinity_initial == NULL && loaded->cpu_affinity_final == NULL) {
		process->cpu_affinity_initial = plan->process.cpu_affinity_initial;
		process->cpu_affinity_final = plan->process.cpu_affinity_final;
	}
	return process;
}

const struct process_plan *exec_process(struct arena *arena, const struct plan *plan,
					const struct process_options *options,
					const struct arguments *args, struct error *err)
{
	struct process_plan *process = ARENA_NEW(arena, struct process_plan);

	if (options->process != NULL)
		return process_of_file(arena, plan, options->process, err);
	*process = plan->process;
	process->terminal = options->tty;
	process->args.items = args->items;
	process->args.count = args->count;
	if (options->cwd != NULL && *options->cwd != '/') {
		/* runc's words. */
		error_set(err, "Cwd must be an absolute path");
		return NULL;
	}
	if (options->cwd != NULL)
		process->cwd = options->cwd;
	if (options->label != NULL)
		process->selinux_label = options->label;
	if (options->apparmor != NULL)
		process->apparmor_profile = options->apparmor;
	if (options->no_new_privs != 0)
		process->no_new_privileges = options->no_new_privs > 0;
	if (options->own_env)
		process->env.count = 0;
	if ((options->user != NULL && set_user(arena, process, options->user, err) < 0) ||
	    set_env(arena, process, &options->env, err) < 0 ||
	    add_gids(arena, process, &options->gids, err) < 0)
		return NULL;
	add_capabilities(arena, process, &options->capabilities);
	return process;
}
