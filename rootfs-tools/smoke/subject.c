/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/subject.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/list.h"
#include "config/make.h"
#include "config/names.h"
#include "rootfs-tools/json_edit.h"

const char *subject_env(const struct subject *subject, const char *name)
{
	size_t length = strlen(name);
	const char *value = NULL;

	LIST_EACH(item, subject->env)
		if (strncmp(*item, name, length) == 0 && (*item)[length] == '=')
			value = *item + length + 1;
	return value;
}

int subject_stop_signal(const struct subject *subject)
{
	int signal = subject->stop_signal != NULL ? signal_parse(subject->stop_signal) : 0;

	return signal != 0 ? signal : SIGTERM;
}

bool subject_user_is_root(const struct subject *subject)
{
	const struct json *uid = json_find(subject->config, "/process/user/uid");

	return uid == NULL || uid->type != JSON_NUMBER || strcmp(uid->text, "0") == 0;
}

static void add_words(struct arena *arena, const struct json *array, word_list *list)
{
	if (array == NULL || array->type != JSON_ARRAY)
		return;
	JSON_EACH(item, array)
		if (item->type == JSON_STRING)
			LIST_ADD(arena, list, item->text);
}

static const char *string_at(const struct json *root, const char *pointer)
{
	const struct json *value = json_find(root, pointer);

	return value != NULL && value->type == JSON_STRING ? value->text : NULL;
}

static void add_directory(struct arena *arena, struct subject *subject, const char *path)
{
	LIST_ADD(arena, &subject->directories, path);
}

/* "80/tcp,53/udp" */
static void add_ports(struct arena *arena, struct subject *subject, const char *text)
{
	while (text != NULL && *text != '\0') {
		size_t length = strcspn(text, ",");

		if (length > 0)
			LIST_ADD(arena, &subject->exposed, arena_strndup(arena, text, length));
		text += length + (text[length] == ',');
	}
}

/* What a bundle made of an image still tells of it: image-spec, conversion.md. */
static void from_config(struct arena *arena, struct subject *subject)
{
	const struct json *annotations = json_member(subject->config, "annotations");
	const struct json *uid = json_find(subject->config, "/process/user/uid");
	const struct json *ports = json_member(annotations,
					       "org.opencontainers.image.exposedPorts");
	const struct json *signal = json_member(annotations,
						"org.opencontainers.image.stopSignal");

	add_words(arena, json_find(subject->config, "/process/args"),
			  &subject->entrypoint);
	add_words(arena, json_find(subject->config, "/process/env"), &subject->env);
	subject->workdir = string_at(subject->config, "/process/cwd");
	subject->user = uid != NULL && uid->type == JSON_NUMBER ? uid->text : "0";
	subject->labels = annotations;
	if (signal != NULL && signal->type == JSON_STRING)
		subject->stop_signal = signal->text;
	if (ports != NULL && ports->type == JSON_STRING)
		add_ports(arena, subject, ports->text);
}

static int config_parse(struct arena *arena, struct subject *subject, struct error *err)
{
	subject->config = json_parse(arena, &subject->source, err);
	if (subject->config == NULL)
		return -1;
	if (subject->config->type != JSON_OBJECT)
		return error_set(err, "%s: must be an object", subject->source.name);
	return 0;
}

/* "lowerdir=/a:/b", and what was written on top of them. */
static void add_overlay(struct arena *arena, struct subject *subject, const struct json *options)
{
	JSON_EACH(option, options)
		if (option->type == JSON_STRING && strncmp(option->text, "upperdir=", 9) == 0)
			add_directory(arena, subject, option->text + 9);
	JSON_EACH(option, options) {
		if (option->type != JSON_STRING || strncmp(option->text, "lowerdir=", 9) != 0)
			continue;
		for (const char *at = option->text + 9; *at != '\0';) {
			size_t length = strcspn(at, ":");

			add_directory(arena, subject, arena_strndup(arena, at, length));
			at += length + (at[length] == ':');
		}
	}
}

/* A bundle of "kist rootfs bundle" has its root as an overlay, mounted on "/": here we mount. */
static int take_overlay(struct arena *arena, struct subject *subject, struct error *err)
{
	struct json *root = json_copy(arena, subject->config);
	const struct json *mounts = json_member(root, "mounts");
	struct json *others = json_new(arena, JSON_ARRAY);

	if (mounts == NULL || mounts->type != JSON_ARRAY)
		return 0;
	JSON_EACH(mount, mounts) {
		const char *destination = json_text(mount, "destination");
		const char *type = json_text(mount, "type");

		if (destination == NULL || strcmp(destination, "/") != 0)
			json_push(others, json_copy(arena, mount));
		else if (type == NULL || strcmp(type, "overlay") != 0 ||
			 json_member(mount, "options") == NULL)
			return error_set(err, "%s: its root is a %s, of which there is no overlay; "
					 "give the image", subject->source.name,
					 type != NULL ? type : "mount");
		else
			add_overlay(arena, subject, json_member(mount, "options"));
	}
	json_set(arena, root, "mounts", others);
	subject->config = root;
	return 0;
}

static int load_bundle(struct arena *arena, const char *path, struct subject *ret,
		       struct error *err)
{
	const char *file = arena_printf(arena, "%s/config.json", path), *root;
	char *text;

	if (file_read(AT_FDCWD, file, JSON_MAX_SIZE, arena, &text, &ret->source.size, err) < 0)
		return -1;
	ret->source.text = text;
	ret->source.name = file;
	ret->bundle = path;
	if (config_parse(arena, ret, err) < 0)
		return -1;
	root = string_at(ret->config, "/root/path");
	if (root == NULL)
		return error_set(err, "%s: /root/path: is required, but missing", file);
	if (take_overlay(arena, ret, err) < 0)
		return -1;
	if (ret->directories.count == 0)
		add_directory(arena, ret, *root == '/' ? root :
			      arena_printf(arena, "%s/%s", path, root));
	return 0;
}

/* A root file system alone: nobody said what it runs. */
static int load_directory(struct arena *arena, const char *path, struct subject *ret,
			     struct error *err)
{
	struct make_options options = {
		.rootfs = path, .capabilities = MAKE_CAPABILITIES_IMAGE, .net = MAKE_NET_PRIVATE,
	};
	const char *text = config_make(arena, &options, err);

	if (text == NULL)
		return -1;
	ret->bundle = path;
	ret->source = (struct json_source){ path, text, strlen(text) };
	if (config_parse(arena, ret, err) < 0)
		return -1;
	add_directory(arena, ret, path);
	return 0;
}

/* args in the place of the configuration's own. */
static void set_args(struct arena *arena, struct subject *subject, const char *const *args,
		     size_t count)
{
	struct json *root = json_copy(arena, subject->config);
	struct json *list = json_new(arena, JSON_ARRAY);

	for (size_t i = 0; i < count; i++)
		json_push(list, json_new_string(arena, args[i]));
	json_set(arena, json_demand(arena, root, "process", JSON_OBJECT), "args", list);
	subject->config = root;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* "dir:DIR" too, but no image layout. */
static bool is_root(struct arena *arena, const char *path)
{
	return is_directory(path) &&
	       access(arena_printf(arena, "%s/oci-layout", path), F_OK) < 0 &&
	       access(arena_printf(arena, "%s/index.json", path), F_OK) < 0;
}

int subject_load(struct arena *arena, const char *word, const struct subject_options *options,
		 struct subject *ret, struct error *err)
{
	const char *path = strncmp(word, "dir:", 4) == 0 ? word + 4 : word;
	char resolved[PATH_MAX];
	int result;

	*ret = (struct subject){ .name = word };
	if (!is_root(arena, path))
		return subject_image(arena, word, options, ret, err);
	if (realpath(path, resolved) == NULL)
		return error_errno(err, "open %s", path);
	path = arena_strdup(arena, resolved);
	if (access(arena_printf(arena, "%s/config.json", path), F_OK) == 0) {
		ret->kind = SUBJECT_BUNDLE;
		result = load_bundle(arena, path, ret, err);
	} else {
		ret->kind = SUBJECT_DIRECTORY;
		result = load_directory(arena, path, ret, err);
	}
	if (result < 0)
		return -1;
	from_config(arena, ret);
	if (options->arg_count > 0)
		set_args(arena, ret, options->args, options->arg_count);
	return 0;
}
