/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/make/bundle_config.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/word_index.h"

#define IMAGE_PREFIX	"org.opencontainers.image."

/* --- where its root is ---------------------------------------------------------------- */

/* The upper directory of an overlay mounted on "/"; NULL: the root is no overlay. */
static const char *find_upper(const struct json *config, bool *ret_overlay)
{
	const struct json *mount = json_find(config, "/mounts/0");
	const char *type = json_text(mount, "type"), *place = json_text(mount, "destination");
	const struct json *options = json_member(mount, "options");

	*ret_overlay = type != NULL && place != NULL && strcmp(type, "overlay") == 0 &&
		       strcmp(place, "/") == 0;
	if (!*ret_overlay || options == NULL)
		return NULL;
	JSON_EACH(option, options)
		if (option->type == JSON_STRING && strncmp(option->text, "upperdir=", 9) == 0)
			return option->text + 9;
	return NULL;
}

static int open_root(struct bundle *b, int dir_fd, const char *path, struct error *err)
{
	const char *root = json_text(json_member(b->config, "root"), "path"), *upper;

	upper = find_upper(b->config, &b->upper);
	if (b->upper && upper == NULL)
		return error_set(err,
				 "%s/config.json: /mounts/0: the root is an overlay without an "
				 "upperdir, so nothing was changed",
				 path);
	if (upper == NULL && root == NULL)
		return error_set(err, "%s/config.json: /root/path: is required", path);
	b->root_fd =
		openat(dir_fd, upper != NULL ? upper : root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->root_fd < 0)
		return error_errno(err, "open the root %s of the bundle %s",
				   upper != NULL ? upper : root, path);
	return 0;
}

int bundle_open(struct arena *arena, const char *path, struct bundle *ret, struct error *err)
{
	_cleanup_fd int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct json_source source = { arena_printf(arena, "%s/config.json", path), NULL, 0 };
	char *text;

	if (dir_fd < 0)
		return error_errno(err, "open %s", path);
	/* A fifo in its place waits for nobody. */
	if (file_read_flags(dir_fd, "config.json", O_NONBLOCK, JSON_MAX_SIZE, arena, &text,
			    &source.size, err) < 0) {
		if (err->code != ENOENT)
			return error_wrap(err, "%s", path);
		ret->root_fd = fd_take(&dir_fd);
		return 0;
	}
	source.text = text;
	ret->config = json_parse(arena, &source, err);
	if (ret->config == NULL)
		return -1;
	return open_root(ret, dir_fd, path, err);
}

void bundle_close(struct bundle *b)
{
	fd_close(&b->root_fd);
}

/* --- what it says --------------------------------------------------------------------- */

static void copy_member(struct draft *d, const struct json *from, const char *key,
			const char *to)
{
	const struct json *value = json_member(from, key);

	if (value != NULL && value->count > 0)
		json_set(d->arena, draft_settings(d), to, json_copy(d->arena, value));
}

/* root is what an image says by saying nothing. */
static void add_user(struct draft *d, const struct json *user)
{
	const struct json *uid = json_member(user, "uid"), *gid = json_member(user, "gid");

	if (uid == NULL || gid == NULL || uid->type != JSON_NUMBER || gid->type != JSON_NUMBER ||
	    (strcmp(uid->text, "0") == 0 && strcmp(gid->text, "0") == 0))
		return;
	json_set_string(d->arena, draft_settings(d), "User",
			arena_printf(d->arena, "%s:%s", uid->text, gid->text));
}

/* "80/tcp,53/udp" */
static void add_ports(struct draft *d, const char *list)
{
	struct json *ports = json_new(d->arena, JSON_OBJECT);
	const struct json **end = &ports->first;
	struct word_index seen;
	size_t words = 1;

	for (const char *at = list; (at = strchr(at, ',')) != NULL; at++)
		words++;
	seen = word_index_make(d->arena, words);
	while (*list != '\0') {
		const size_t length = strcspn(list, ",");
		struct json *port = json_new(d->arena, JSON_OBJECT);

		port->key = arena_strndup(d->arena, list, length);
		port->parent = ports;
		if (length > 0 &&
		    word_index_put(&seen, port->key, length + 1, ports->count) == ports->count) {
			*end = port;
			end = &port->next;
			ports->count++;
		}
		list += length + (list[length] == ',');
	}
	json_set(d->arena, draft_settings(d), "ExposedPorts", ports);
}

/* What the conversion makes annotations of goes back; the rest were labels. */
static void add_annotation(struct draft *d, const char *key, const char *value, bool platform_given)
{
	static const char *const members[] = { "os", "architecture", "variant", "author",
					       "created" };
	const char *name = key + strlen(IMAGE_PREFIX);

	if (strncmp(key, IMAGE_PREFIX, strlen(IMAGE_PREFIX)) == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
			if (strcmp(name, members[i]) != 0)
				continue;
			if (*value != '\0' && strcmp(name, "created") != 0 &&
			    (strcmp(name, "author") == 0 || !platform_given))
				json_set_string(d->arena, d->config, name, value);
			return;
		}
		if (strcmp(name, "stopSignal") == 0) {
			json_set_string(d->arena, draft_settings(d), "StopSignal", value);
			return;
		}
		if (strcmp(name, "exposedPorts") == 0) {
			add_ports(d, value);
			return;
		}
	}
	/* How kist runs it, not what it is. */
	if (strncmp(key, "org.kist.", 9) != 0)
		json_set_string(d->arena, json_demand(d->arena, draft_settings(d), "Labels",
						      JSON_OBJECT), key, value);
}

void bundle_to_image(const struct bundle *b, struct draft *d, bool platform_given)
{
	const struct json *process = json_member(b->config, "process"), *annotations;
	const char *cwd = json_text(process, "cwd");

	copy_member(d, process, "args", "Cmd");
	copy_member(d, process, "env", "Env");
	add_user(d, json_member(process, "user"));
	if (cwd != NULL && strcmp(cwd, "/") != 0)
		json_set_string(d->arena, draft_settings(d), "WorkingDir", cwd);
	annotations = json_member(b->config, "annotations");
	if (annotations == NULL || annotations->type != JSON_OBJECT)
		return;
	JSON_EACH(annotation, annotations)
		if (annotation->type == JSON_STRING)
			add_annotation(d, annotation->key, annotation->text, platform_given);
}
