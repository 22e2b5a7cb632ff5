/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/config.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>

#include "config/make_value.h"
#include "config/names.h"
#include "rootfs-tools/json_edit.h"
#include "rootfs-tools/smoke/user.h"

struct making {
	struct arena *arena;
	const struct smoke *smoke;
	const struct container_config *config;
	struct error *err;
};

static void push_string(struct making *m, struct json *array, const char *text)
{
	json_push(array, json_new_string(m->arena, text));
}

static bool has_word(const struct json *array, const char *word)
{
	JSON_EACH(item, array)
		if (item->type == JSON_STRING && strcmp(item->text, word) == 0)
			return true;
	return false;
}

static bool is_replaced(const struct container_config *config, const char *assignment)
{
	size_t length = strcspn(assignment, "=");

	for (size_t i = 0; i < config->env_count; i++)
		if (strncmp(config->env[i], assignment, length) == 0 &&
		    config->env[i][length] == '=')
			return true;
	return false;
}

static void set_env(struct making *m, struct json *process)
{
	const struct json *old = json_member(process, "env");
	struct json *env = json_new(m->arena, JSON_ARRAY);

	if (old != NULL)
		JSON_EACH(item, old)
			if (item->type == JSON_STRING && !is_replaced(m->config, item->text))
				push_string(m, env, item->text);
	for (size_t i = 0; i < m->config->env_count; i++)
		push_string(m, env, m->config->env[i]);
	json_set(m->arena, process, "env", env);
}

static int set_user(struct making *m, struct json *process)
{
	struct json *object, *groups;
	struct user user;

	if (m->config->user == NULL)
		return 0;
	if (user_resolve(m->arena, m->config->root, m->config->user, &user, m->err) < 0)
		return -1;
	object = json_new(m->arena, JSON_OBJECT);
	json_set(m->arena, object, "uid", json_new_u64(m->arena, user.ids.uid));
	json_set(m->arena, object, "gid", json_new_u64(m->arena, user.ids.gid));
	groups = json_new(m->arena, JSON_ARRAY);
	LIST_EACH(gid, user.ids.groups)
		json_push(groups, json_new_u64(m->arena, *gid));
	json_set(m->arena, object, "additionalGids", groups);
	json_set(m->arena, process, "user", object);
	return 0;
}

/* "All" is what we have ourselves: in a container, or in a virtual machine, some are missing. */
static uint64_t own_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(__NR_capget, &header, data) < 0)
		return 0;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static int added_capabilities(struct making *m, uint64_t *ret)
{
	*ret = m->config->privileged ? capability_bits("all") & own_capabilities() : 0;
	for (size_t i = 0; i < m->config->capability_count; i++) {
		const char *name = m->config->capabilities[i];
		uint64_t bits = capability_bits(name);

		if (bits == 0)
			return error_set(m->err, "there is no capability \"%s\"", name);
		*ret |= bits;
	}
	return 0;
}

/* Another user than root has only what it may get from setuid files: as with Docker and podman. */
static void drop_for_user(struct making *m, struct json *capabilities)
{
	static const char *const sets[] = { "effective", "permitted", "inheritable", "ambient" };

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		json_set(m->arena, capabilities, sets[i], json_new(m->arena, JSON_ARRAY));
}

/* And root has what another user of the image may get: the image's own may be such a one. */
static void give_to_root(struct making *m, struct json *capabilities)
{
	const struct json *bounding = json_member(capabilities, "bounding");

	if (bounding == NULL)
		return;
	json_set(m->arena, capabilities, "effective", json_copy(m->arena, bounding));
	json_set(m->arena, capabilities, "permitted", json_copy(m->arena, bounding));
}

static bool is_user(const struct json *process)
{
	const struct json *uid = json_find(process, "/user/uid");

	return uid != NULL && uid->type == JSON_NUMBER && strcmp(uid->text, "0") != 0;
}

/* What is added is added to every set but inheritable and ambient, as kist's --cap-add does. */
static int set_capabilities(struct making *m, struct json *process)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	const size_t set_count = is_user(process) ? 1 : ARRAY_SIZE(sets);
	struct json *capabilities;
	uint64_t added;

	if (m->config->no_capabilities) {
		json_set(m->arena, process, "capabilities", json_new(m->arena, JSON_OBJECT));
		json_set(m->arena, process, "noNewPrivileges", json_new_bool(m->arena, true));
		return 0;
	}
	if (added_capabilities(m, &added) < 0)
		return -1;
	capabilities = json_demand(m->arena, process, "capabilities", JSON_OBJECT);
	if (m->config->user != NULL && set_count == 1)
		drop_for_user(m, capabilities);
	else if (m->config->user != NULL && !subject_user_is_root(&m->smoke->subject))
		give_to_root(m, capabilities);
	for (size_t i = 0; i < set_count && added != 0; i++) {
		struct json *set = json_demand(m->arena, capabilities, sets[i], JSON_ARRAY);

		for (const struct name *name = capability_names; name->name != NULL; name++)
			if ((added & UINT64_C(1) << name->value) && !has_word(set, name->name))
				push_string(m, set, name->name);
	}
	return 0;
}

static int set_process(struct making *m, struct json *root)
{
	const struct container_config *config = m->config;
	struct json *process = json_demand(m->arena, root, "process", JSON_OBJECT);

	if (config->args != NULL) {
		struct json *args = json_new(m->arena, JSON_ARRAY);

		for (size_t i = 0; i < config->arg_count; i++)
			push_string(m, args, config->args[i]);
		json_set(m->arena, process, "args", args);
	}
	if (config->cwd != NULL)
		json_set_string(m->arena, process, "cwd", config->cwd);
	json_set(m->arena, process, "terminal", json_new_bool(m->arena, config->terminal));
	json_set(m->arena, process, "consoleSize", NULL);
	set_env(m, process);
	return set_user(m, process) < 0 ? -1 : set_capabilities(m, process);
}

static void set_namespaces(struct making *m, struct json *section)
{
	const struct json *old = json_member(section, "namespaces");
	struct json *list = json_new(m->arena, JSON_ARRAY), *network;

	if (old != NULL) {
		JSON_EACH(item, old) {
			const char *type = json_text(item, "type");

			/* In the box we are root of a user namespace already. */
			if (type == NULL || strcmp(type, "network") == 0 ||
			    (strcmp(type, "user") == 0 && m->smoke->rootless))
				continue;
			json_push(list, json_copy(m->arena, item));
		}
	}
	if (m->config->network != NETWORK_HOST) {
		network = json_new(m->arena, JSON_OBJECT);
		json_set_string(m->arena, network, "type", "network");
		if (m->config->network == NETWORK_JOINED)
			json_set_string(m->arena, network, "path", m->config->network_path);
		json_push(list, network);
	}
	json_set(m->arena, section, "namespaces", list);
}

static void set_limit(struct making *m, struct json *section, const char *resource, uint64_t limit)
{
	struct json *resources, *object;

	if (limit == 0)
		return;
	resources = json_demand(m->arena, section, "resources", JSON_OBJECT);
	object = json_new(m->arena, JSON_OBJECT);
	json_set(m->arena, object, "limit", json_new_u64(m->arena, limit));
	json_set(m->arena, resources, resource, object);
}

static void set_linux(struct making *m, struct json *root)
{
	struct json *section = json_demand(m->arena, root, "linux", JSON_OBJECT);

	set_namespaces(m, section);
	if (m->config->cgroup == NULL) {
		json_set(m->arena, section, "resources", NULL);
		json_set(m->arena, section, "cgroupsPath", NULL);
	} else {
		set_limit(m, section, "memory", m->config->memory_limit);
		set_limit(m, section, "pids", m->config->pids_limit);
		json_set_string(m->arena, section, "cgroupsPath", m->config->cgroup);
	}
	if (m->smoke->rootless) {
		json_set(m->arena, section, "uidMappings", NULL);
		json_set(m->arena, section, "gidMappings", NULL);
	}
	if (m->config->privileged) {
		json_set(m->arena, section, "maskedPaths", NULL);
		json_set(m->arena, section, "readonlyPaths", NULL);
		json_set(m->arena, section, "seccomp", NULL);
	}
}

/* Without a range of ids there is no group 5 for terminals to belong to. */
static void drop_terminal_group(struct making *m, struct json *root)
{
	const struct json *mounts = json_member(root, "mounts");

	if (m->smoke->many_ids || mounts == NULL)
		return;
	JSON_EACH(mount, mounts) {
		const struct json *old = json_member(mount, "options");
		struct json *options = json_new(m->arena, JSON_ARRAY);
		const char *type = json_text(mount, "type");

		if (type == NULL || strcmp(type, "devpts") != 0 || old == NULL)
			continue;
		JSON_EACH(option, old)
			if (option->type == JSON_STRING && strncmp(option->text, "gid=", 4) != 0)
				push_string(m, options, option->text);
		json_set(m->arena, (struct json *)(uintptr_t)mount, "options", options);
	}
}

static int add_binds(struct making *m, struct json *root)
{
	struct json *mounts;

	if (m->config->bind_count == 0)
		return 0;
	mounts = json_demand(m->arena, root, "mounts", JSON_ARRAY);
	for (size_t i = 0; i < m->config->bind_count; i++) {
		struct json *object = json_new(m->arena, JSON_OBJECT);
		struct json *options = json_new(m->arena, JSON_ARRAY);
		struct made_mount mount;

		if (mount_parse(m->arena, m->config->binds[i], &mount, m->err) < 0)
			return -1;
		json_set_string(m->arena, object, "destination", mount.destination);
		json_set_string(m->arena, object, "type", mount.type);
		json_set_string(m->arena, object, "source", mount.source);
		LIST_EACH(option, mount.options)
			push_string(m, options, *option);
		json_set(m->arena, object, "options", options);
		json_push(mounts, object);
	}
	return 0;
}

/* What a bundle may not write to it may not write to here. */
static bool is_read_only(const struct making *m)
{
	const struct json *own = json_find(m->smoke->subject.config, "/root/readonly");

	return m->config->read_only || (own != NULL && own->type == JSON_BOOL && own->truth);
}

const char *container_config_make(struct arena *arena, const struct smoke *smoke,
				  const struct container_config *config, struct error *err)
{
	struct making m = { .arena = arena, .smoke = smoke, .config = config, .err = err };
	struct json *root = json_copy(arena, smoke->subject.config);
	struct json *object = json_new(arena, JSON_OBJECT);
	struct text text = { .arena = arena };

	json_set_string(arena, object, "path", config->root);
	json_set(arena, object, "readonly", json_new_bool(arena, is_read_only(&m)));
	json_set(arena, root, "root", object);
	if (config->init != NULL)
		json_set_string(arena, json_demand(arena, root, "annotations", JSON_OBJECT),
				"org.kist.init", config->init);
	set_linux(&m, root);
	drop_terminal_group(&m, root);
	if (set_process(&m, root) < 0 || add_binds(&m, root) < 0)
		return NULL;
	json_print(&text, root);
	return text.data;
}
