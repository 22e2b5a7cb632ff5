/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>

#include "base/list.h"
#include "base/word_index.h"
#include "config/section.h"

/* Device nodes and network devices.  Source: OCI runtime spec 1.3, config-linux.md. */

/* "Default Devices" of the spec; /dev/console and /dev/ptmx are the work of init/. */
static const struct device_plan default_devices[] = {
	{ "/dev/null",    S_IFCHR | 0666, 1, 3, 0, 0, 0 },
	{ "/dev/zero",    S_IFCHR | 0666, 1, 5, 0, 0, 0 },
	{ "/dev/full",    S_IFCHR | 0666, 1, 7, 0, 0, 0 },
	{ "/dev/random",  S_IFCHR | 0666, 1, 8, 0, 0, 0 },
	{ "/dev/urandom", S_IFCHR | 0666, 1, 9, 0, 0, 0 },
	{ "/dev/tty",     S_IFCHR | 0666, 5, 0, 0, 0, 0 },
};

/* What a file looks like before the kind and the permissions are put together. */
struct node {
	struct device_plan device;
	mode_t kind;
	struct opt_u64 mode, uid, gid, major, minor;
};

static int decode_kind(struct decoder *d, const struct json *v, void *out)
{
	static const struct name kinds[] = {
		{ "c", S_IFCHR }, { "u", S_IFCHR }, { "b", S_IFBLK }, { "p", S_IFIFO }, { NULL, 0 },
	};
	uint64_t kind;

	if (decode_name(d, v, kinds, "a type of device (\"c\", \"b\", \"u\" or \"p\")", &kind) < 0)
		return -1;
	*(mode_t *)out = (mode_t)kind;
	return 0;
}

static int decode_owner(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_u64_up_to(d, v, UINT32_MAX - 1, out); /* as decode_id */
}

static int decode_mode(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_u64_up_to(d, v, UINT32_MAX, out);
}

/* The kernel's dev_t has 12 bits for the major and 20 for the minor number. */
static int decode_major(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_u64_up_to(d, v, (1 << 12) - 1, out);
}

static int decode_minor(struct decoder *d, const struct json *v, void *out)
{
	return decode_opt_u64_up_to(d, v, (1 << 20) - 1, out);
}

static const struct field node_fields[] = {
	FIELD("type", decode_kind, struct node, kind, FIELD_REQUIRED),
	FIELD_PATH("path", struct node, device.path, FIELD_REQUIRED),
	FIELD("major", decode_major, struct node, major),
	FIELD("minor", decode_minor, struct node, minor),
	FIELD("fileMode", decode_mode, struct node, mode),
	FIELD("uid", decode_owner, struct node, uid),
	FIELD("gid", decode_owner, struct node, gid),
	{ NULL },
};

static int decode_device(struct decoder *d, const struct json *v, struct device_plan *out)
{
	struct node node = { .mode = { .value = 0666 } };

	if (decode_object(d, v, node_fields, &node) < 0)
		return -1;
	if (node.kind != S_IFIFO && !node.major.set)
		return bad_member(d, v, "major", "is required, but missing");
	if (node.kind != S_IFIFO && !node.minor.set)
		return bad_member(d, v, "minor", "is required, but missing");
	if (node.device.path[strspn(node.device.path, "/")] == '\0')
		return bad_value(d, json_member(v, "path"), "must name a file, not \"%s\"",
				 node.device.path);
	*out = node.device;
	/* containerd sends st_mode as it is, the kind of file included. */
	out->mode = node.kind | (mode_t)(node.mode.value & 07777);
	out->major = (uint32_t)node.major.value;
	out->minor = (uint32_t)node.minor.value;
	out->uid = (uint32_t)node.uid.value;
	out->gid = (uint32_t)node.gid.value;
	out->given = DEVICE_CONFIGURED | (node.mode.set ? DEVICE_MODE : 0) |
		     (node.uid.set ? DEVICE_UID : 0) | (node.gid.set ? DEVICE_GID : 0);
	return 0;
}

void devices_add_default(struct arena *arena, void *out)
{
	device_list *list = out;

	for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++)
		LIST_ADD(arena, list, default_devices[i]);
}

/* One path, one device: what is configured stands in for a default one, and the last one counts. */
static struct device_plan *device_place(struct decoder *d, const struct json *v, device_list *list,
					struct word_index *paths, const char *path)
{
	size_t at = word_index_put(paths, path, strlen(path) + 1, list->count);

	if (at == list->count)
		return LIST_NEW(d->arena, list);
	if (at >= ARRAY_SIZE(default_devices))
		warn_value(d, v, "stands in for an earlier device with the path %s", path);
	return &list->items[at];
}

int decode_devices(struct decoder *d, const struct json *v, void *out)
{
	device_list *list = out;
	struct word_index paths;
	int result = 0;

	if (want_type(d, v, JSON_ARRAY) < 0)
		return -1;
	paths = word_index_make(d->arena, list->count + v->count);
	for (size_t i = 0; i < list->count; i++)
		word_index_put(&paths, list->items[i].path, strlen(list->items[i].path) + 1, i);
	for (const struct json *item = v->first; item && (result == 0 || d->collect);
	     item = item->next) {
		struct device_plan device;

		if (decode_device(d, item, &device) < 0)
			result = -1;
		else
			*device_place(d, item, list, &paths, device.path) = device;
	}
	return result;
}

/* --- network devices ------------------------------------------------------------- */

/* The kernel's dev_valid_name(), for which 0xa0, half of an "\u00e0" in UTF-8, is a blank. */
static bool is_interface_name(const char *name)
{
	if (*name == '\0' || strlen(name) >= IFNAMSIZ || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return false;
	for (; *name != '\0'; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name) ||
		    (unsigned char)*name == 0xa0)
			return false;
	return true;
}

/* A "%d" is a template for the kernel, which fills in a number; no other "%", and only one. */
static bool is_template(const char *name)
{
	const char *percent = strchr(name, '%');

	return percent == NULL || (percent[1] == 'd' && strchr(percent + 1, '%') == NULL);
}

static int decode_inner_name(struct decoder *d, const struct json *v, void *out)
{
	if (decode_text(d, v, out) < 0)
		return -1;
	if (strcmp(v->text, "lo") == 0)
		return bad_value(d, v, "is the name of a device that every network namespace has");
	if (*v->text == '\0' || (is_interface_name(v->text) && is_template(v->text)))
		return 0;
	return bad_value(d, v,
			 "must be a name of a network device, 1 to 15 bytes without \"/\", "
			 "\":\", blanks and the byte 0xa0, not \"%s\"",
			 v->text);
}

static const struct field net_device_fields[] = {
	FIELD("name", decode_inner_name, struct net_device_plan, name),
	{ NULL },
};

static int decode_net_device(struct decoder *d, const struct json *v, struct net_device_plan *out)
{
	out->host_name = v->key;
	if (!is_interface_name(v->key) || strchr(v->key, '%') != NULL)
		return bad_value(d, v, "is no name of a network device");
	if (strcmp(v->key, "lo") == 0)
		return bad_value(d, v, "stays in its network namespace: each has one");
	return decode_object(d, v, net_device_fields, out);
}

/* With one name for two the kernel moves the second, and only then says that it is taken. */
static int check_inner_name(struct decoder *d, const struct json *v, struct word_index *names,
			    const struct net_device_plan *device, size_t at)
{
	const char *name =
		device->name != NULL && *device->name != '\0' ? device->name : device->host_name;

	if (strchr(name, '%') != NULL || word_index_put(names, name, strlen(name) + 1, at) == at)
		return 0;
	return bad_value(d, v, "has the name \"%s\" in the container, as an earlier one", name);
}

int decode_net_devices(struct decoder *d, const struct json *v, void *out)
{
	struct word_index names;
	size_t at = 0;
	int result = 0;

	if (want_type(d, v, JSON_OBJECT) < 0)
		return -1;
	names = word_index_make(d->arena, v->count);
	for (const struct json *item = v->first; item && (result == 0 || d->collect);
	     item = item->next) {
		struct net_device_plan *device = list_add(d->arena, out, sizeof(*device));

		if (decode_net_device(d, item, device) < 0 ||
		    check_inner_name(d, item, &names, device, at++) < 0)
			result = -1;
	}
	return result;
}
