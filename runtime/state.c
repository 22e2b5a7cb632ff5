/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "config/json.h"
#include "config/names.h"

/* Annotations may be nearly all of a config.json. */
#define STATE_MAX	((size_t)JSON_MAX_SIZE)

/* A JSON object being written: the comma and the indentation of each member. */
struct object {
	struct text *out;
	const char *before;	/* of every member but the first: a comma, and the line break */
	const char *colon;
	bool begun;
};

static void add_key(struct object *object, const char *key)
{
	if (object->begun)
		text_add(object->out, ",");
	text_add(object->out, object->before);
	object->begun = true;
	text_add_json(object->out, key);
	text_add(object->out, object->colon);
}

static void add_text(struct object *object, const char *key, const char *value)
{
	add_key(object, key);
	text_add_json(object->out, value != NULL ? text_utf8(object->out->arena, value) : "");
}

static void add_number(struct object *object, const char *key, uint64_t value)
{
	add_key(object, key);
	text_add_number(object->out, value);
}

/*
 * Seconds since 1970 as a date.  gmtime_r() reads the host's time zone first,
 * which costs a file per start.  Years are counted from March, so that the
 * leap day is the last of its year.
 */
static void add_date(struct text *out, int64_t seconds)
{
	const int64_t days_400_years = 146097, march_0000 = 719468;
	int64_t days = seconds / 86400 + march_0000, rest = seconds % 86400;
	int64_t era = days / days_400_years, day = days % days_400_years;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t month;

	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	day = day - (153 * month + 2) / 5 + 1;
	month = month < 10 ? month + 3 : month - 9;
	text_printf(out, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld",
		    (long long)(era * 400 + year + (month <= 2)), (long long)month,
		    (long long)day, (long long)(rest / 3600), (long long)(rest / 60 % 60),
		    (long long)(rest % 60));
}

void state_print_time(struct text *out, const struct timespec *time)
{
	char digits[16];
	size_t length;

	add_date(out, time->tv_sec);
	snprintf(digits, sizeof(digits), ".%09ld", time->tv_nsec);
	for (length = strlen(digits); digits[length - 1] == '0'; length--)
		;
	if (length > 1)
		text_add_bytes(out, digits, length);
	text_add(out, "Z");
}

static void add_time(struct object *object, const char *key, const struct timespec *time)
{
	add_key(object, key);
	text_add(object->out, "\"");
	state_print_time(object->out, time);
	text_add(object->out, "\"");
}

static void add_annotations(struct object *object, const struct container *c, const char *before,
			    const char *end)
{
	struct object in = { object->out, before, object->colon, false };

	if (c->annotations.count == 0)
		return;
	add_key(object, "annotations");
	text_add(object->out, "{");
	LIST_EACH(annotation, c->annotations)
		add_text(&in, annotation->key, annotation->value);
	text_add(object->out, end);
	text_add(object->out, "}");
}

void state_print(struct text *out, const struct container *c, enum container_status status,
		 bool indent, const char *owner)
{
	struct object state = { out, indent ? "\n  " : "", indent ? ": " : ":", false };

	text_add(out, "{");
	add_text(&state, "ociVersion", SPEC_VERSION);
	add_text(&state, "id", c->id);
	add_number(&state, "pid", status == CONTAINER_STOPPED ? 0 : (uint64_t)c->pid);
	add_text(&state, "status", container_status_name(status));
	add_text(&state, "bundle", c->bundle);
	add_text(&state, "rootfs", c->root_path);
	add_time(&state, "created", &c->created);
	add_annotations(&state, c, indent ? "\n    " : "", indent ? "\n  " : "");
	add_text(&state, "owner", owner);
	text_add(out, indent ? "\n}" : "}");
}

void state_print_hook(struct text *out, const struct container *c, const char *status)
{
	struct object state = { out, "", ":", false };

	text_add(out, "{");
	add_text(&state, "ociVersion", SPEC_VERSION);
	add_text(&state, "id", c->id);
	add_text(&state, "status", status);
	if (c->pid > 0)
		add_number(&state, "pid", (uint64_t)c->pid);
	add_text(&state, "bundle", c->bundle);
	add_annotations(&state, c, "", "");
	text_add(out, "}");
}

/* --- the file ---------------------------------------------------------------- */

/* For readers of runc's file: under which key which path of /proc/<pid>/ns is. */
static const struct name namespace_keys[] = {
	{ "NEWCGROUP", NAMESPACE_CGROUP }, { "NEWIPC", NAMESPACE_IPC },
	{ "NEWNET", NAMESPACE_NETWORK },   { "NEWNS", NAMESPACE_MOUNT },
	{ "NEWPID", NAMESPACE_PID },	   { "NEWUSER", NAMESPACE_USER },
	{ "NEWUTS", NAMESPACE_UTS },	   { NULL, 0 },
};

static void add_namespaces(struct object *file, const struct container *c)
{
	struct object in = { file->out, "", ":", false };

	add_key(file, "namespace_paths");
	text_add(file->out, "{");
	for (const struct name *key = namespace_keys; key->name != NULL; key++) {
		add_key(&in, key->name);
		text_printf(file->out, "\"/proc/%d/ns/%s\"", (int)c->pid,
			    namespaces[key->value].file);
	}
	text_add(file->out, "}");
}

static void add_cgroup(struct object *file, const struct container *c)
{
	struct object own = { file->out, "", ":", false }, paths = own;

	add_key(file, "cgroup");
	text_add(file->out, "{");
	add_number(&own, "host", c->cgroup.host);
	add_number(&own, "manager", c->cgroup.manager);
	if (c->cgroup.path != NULL)
		add_text(&own, "path", c->cgroup.path);
	if (c->cgroup.scope != NULL)
		add_text(&own, "scope", c->cgroup.scope);
	if (c->cgroup.owner != NULL)
		add_text(&own, "owner", c->cgroup.owner);
	text_add(file->out, "}");
	add_key(file, "cgroup_paths");
	text_add(file->out, "{");
	if (c->cgroup.path != NULL && c->cgroup.host == CGROUP_UNIFIED)
		add_text(&paths, "", arena_printf(c->arena, "/sys/fs/cgroup%s", c->cgroup.path));
	text_add(file->out, "}");
}

/* The paths are in runc's file, too. */
static void add_rdt(struct object *file, const struct container *c)
{
	if (c->rdt.group == NULL)
		return;
	add_text(file, "intel_rdt_path", c->rdt.group);
	if (c->rdt.monitor != NULL)
		add_text(file, "intel_rdt_mon_path", c->rdt.monitor);
	add_number(file, "intel_rdt_own", c->rdt.own);
}

static void add_config(struct object *file, const struct container *c)
{
	struct object config = { file->out, "", ":", false };

	add_key(file, "config");
	text_add(file->out, "{");
	add_text(&config, "rootfs", c->root_path);
	add_key(&config, "labels");
	text_add(file->out, "[");
	text_add_json(file->out,
		      arena_printf(c->arena, "bundle=%s", text_utf8(c->arena, c->bundle)));
	text_add(file->out, "]}");
}

/* JSON is UTF-8, and a path any bytes: where it is not, they are there as hexadecimal digits. */
static void add_bytes(struct object *file, const char *key, const char *path)
{
	if (path == NULL || text_utf8(file->out->arena, path) == path)
		return;
	add_key(file, key);
	text_add(file->out, "\"");
	for (const char *at = path; *at != '\0'; at++)
		text_printf(file->out, "%02x", (unsigned char)*at);
	text_add(file->out, "\"");
}

int state_save(struct container *c, struct error *err)
{
	struct text text = { .arena = c->arena };
	struct object file = { &text, "", ":", false };

	text_add(&text, "{");
	add_number(&file, "version", 1);
	add_text(&file, "id", c->id);
	add_number(&file, "init_process_pid", (uint64_t)c->pid);
	add_number(&file, "init_process_start", c->start_time);
	add_time(&file, "created", &c->created);
	add_number(&file, "created_seconds", (uint64_t)c->created.tv_sec);
	add_number(&file, "created_nanoseconds", (uint64_t)c->created.tv_nsec);
	add_text(&file, "bundle", c->bundle);
	add_text(&file, "ociVersion", c->oci_version);
	add_number(&file, "owner", c->owner);
	add_key(&file, "detached");
	text_add(&text, c->detached ? "true" : "false");
	if (c->callers_keyring)
		add_number(&file, "callers_keyring", 1);
	if (c->restored)
		add_number(&file, "restored", 1);
	add_annotations(&file, c, "", "");
	add_cgroup(&file, c);
	add_rdt(&file, c);
	add_namespaces(&file, c);
	add_config(&file, c);
	add_bytes(&file, "bundle_bytes", c->bundle);
	add_bytes(&file, "rootfs_bytes", c->root_path);
	text_add(&text, "}\n");
	/* What no command could read again. */
	if (text.size > STATE_MAX)
		return error_set(err,
				 "save the state of %s: it has %zu bytes, of at most %zu: its "
				 "annotations are too long",
				 c->id, text.size, STATE_MAX);
	if (file_replace(c->dir_fd, "state.json", text.data, text.size, 0600, err) < 0)
		return error_wrap(err, "save the state of %s", c->id);
	c->complete = true;
	return 0;
}

/* --- reading it --------------------------------------------------------------- */

static uint64_t get_number(const struct json *object, const char *key, uint64_t max, bool *ok)
{
	const struct json *value = json_member(object, key);
	uint64_t number = 0;

	if (value == NULL || value->type != JSON_NUMBER ||
	    !text_to_u64(value->text, max, &number))
		*ok = false;
	return number;
}

/* NULL where it is missing: the caller knows whether it may be. */
static const char *get_text(const struct json *object, const char *key)
{
	const struct json *value = json_member(object, key);

	return value != NULL && value->type == JSON_STRING ? value->text : NULL;
}

/* Of add_bytes(), where it is there. */
static const char *get_bytes(struct container *c, const struct json *root, const char *key,
			     const char *text)
{
	static const char digits[] = "0123456789abcdef";
	const char *hex = get_text(root, key);
	size_t size = hex != NULL ? strspn(hex, digits) / 2 : 0;
	char *bytes;

	if (size == 0)
		return text;
	bytes = arena_alloc(c->arena, size + 1);
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)((strchr(digits, hex[2 * i]) - digits) << 4 |
				  (strchr(digits, hex[2 * i + 1]) - digits));
	bytes[size] = '\0';
	return bytes;
}

static void load_annotations(struct container *c, const struct json *map)
{
	struct annotation *items;
	size_t i = 0;

	if (map == NULL || map->type != JSON_OBJECT || map->count == 0)
		return;
	items = ARENA_NEWS(c->arena, map->count, struct annotation);
	JSON_EACH(member, map)
		if (member->type == JSON_STRING)
			items[i++] = (struct annotation){ member->key, member->text };
	c->annotations.items = items;
	c->annotations.count = i;
}

static bool load_tree(struct container *c, const struct json *root)
{
	const struct json *cgroup = json_member(root, "cgroup");
	const struct json *detached = json_member(root, "detached");
	bool ok = true;

	c->pid = (pid_t)get_number(root, "init_process_pid", INT32_MAX, &ok);
	c->start_time = get_number(root, "init_process_start", UINT64_MAX, &ok);
	c->created.tv_sec = (time_t)get_number(root, "created_seconds", INT64_MAX, &ok);
	c->created.tv_nsec = (long)get_number(root, "created_nanoseconds", 999999999, &ok);
	c->owner = (uint32_t)get_number(root, "owner", UINT32_MAX, &ok);
	c->bundle = get_bytes(c, root, "bundle_bytes", get_text(root, "bundle"));
	c->oci_version = get_text(root, "ociVersion");
	c->root_path =
		get_bytes(c, root, "rootfs_bytes", get_text(json_member(root, "config"), "rootfs"));
	c->detached = detached != NULL && detached->truth;
	c->callers_keyring = json_member(root, "callers_keyring") != NULL;
	c->restored = json_member(root, "restored") != NULL;
	c->cgroup.host = (enum cgroup_host)get_number(cgroup, "host", CGROUP_LEGACY, &ok);
	c->cgroup.manager =
		(enum cgroup_manager)get_number(cgroup, "manager", CGROUP_DISABLED, &ok);
	c->cgroup.path = get_text(cgroup, "path");
	c->cgroup.scope = get_text(cgroup, "scope");
	c->cgroup.owner = get_text(cgroup, "owner");
	c->rdt.group = get_text(root, "intel_rdt_path");
	c->rdt.monitor = get_text(root, "intel_rdt_mon_path");
	c->rdt.own = c->rdt.group != NULL && get_number(root, "intel_rdt_own", 1, &ok) == 1;
	load_annotations(c, json_member(root, "annotations"));
	return ok && c->bundle != NULL && c->root_path != NULL;
}

static int damaged(struct error *err)
{
	err->code = EINVAL;
	return error_hint(err, "\"delete --force\" removes what it left");
}

int state_load(struct container *c, struct error *err)
{
	struct json_source source = { .name = "state.json" };
	const struct json *root;
	char *text;

	if (file_read(c->dir_fd, "state.json", STATE_MAX, c->arena, &text, &source.size, err) < 0)
		return -1;
	source.text = text;
	root = json_parse(c->arena, &source, err);
	if (root == NULL) {
		error_wrap(err, "state of %s is damaged", c->id);
		return damaged(err);
	}
	cgroup_close(&c->cgroup);
	c->cgroup = CGROUP_INIT;
	if (!load_tree(c, root)) {
		error_set(err, "state of %s is damaged: %s/%s/state.json", c->id, c->root, c->id);
		return damaged(err);
	}
	return 0;
}
