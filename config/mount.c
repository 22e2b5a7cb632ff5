/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "config/mount_option.h"
#include "config/section.h"

/* One mount.  Source: OCI runtime spec 1.3, config.md, "Mounts". */

/* A word for the file system; fsconfig(2) takes them one by one, so a comma in one cuts it. */
static void add_data(struct text *data, const char *word)
{
	text_add(data, data->size > 0 ? "," : "");
	text_add(data, word);
}

static int decode_options(struct decoder *d, const struct json *v, void *out)
{
	struct mount_plan *mount = out;
	struct text data = { .arena = d->arena };
	int result = 0;

	if (want_type(d, v, JSON_ARRAY) < 0)
		return -1;
	for (const struct json *item = v->first; item && (result == 0 || d->collect);
	     item = item->next) {
		const struct mount_option *option;

		if (want_type(d, item, JSON_STRING) < 0) {
			result = -1;
			continue;
		}
		option = mount_option_find(item->text);
		if (option != NULL)
			mount_option_apply(mount, option);
		else if (strncmp(item->text, "idmap=", 6) == 0 ||
			 strncmp(item->text, "ridmap=", 7) == 0)
			result = decode_idmap_option(d, item, mount);
		else if (*item->text != '\0')
			add_data(&data, item->text);
	}
	mount->data = data.data;
	return result;
}

static int decode_destination(struct decoder *d, const struct json *v, void *out)
{
	if (decode_string(d, v, out) < 0)
		return -1;
	if (*v->text == '\0')
		return bad_value(d, v, "must be a path, but is empty");
	if (*v->text != '/') {
		warn_value(d, v, "is relative, which is deprecated; taken as \"/%s\"", v->text);
		*(const char **)out = arena_printf(d->arena, "/%s", v->text);
	}
	return 0;
}

static const struct field mount_fields[] = {
	FIELD("destination", decode_destination, struct mount_plan, destination, FIELD_REQUIRED),
	FIELD("type", decode_text, struct mount_plan, type),
	FIELD("source", decode_text, struct mount_plan, source),
	{ "options", decode_options, 0 },	/* into the whole mount */
	FIELD("uidMappings", decode_id_maps, struct mount_plan, uid_maps),
	FIELD("gidMappings", decode_id_maps, struct mount_plan, gid_maps),
	{ NULL },
};

static int finish_bind(struct decoder *d, const struct json *v, struct mount_plan *mount)
{
	mount->type = NULL;
	if (mount->source == NULL)
		return bad_member(d, v, "source", "is required for a bind mount, but missing");
	if (*mount->source != '/')
		mount->source = arena_printf(d->arena, "%s/%s", d->bundle, mount->source);
	if (mount->data != NULL)
		note_value(d, SEVERITY_WARNING, v, "has options that no bind mount takes, and that "
			   "are ignored: \"%s\"", mount->data);
	mount->data = NULL;
	return 0;
}

static int finish_maps(struct decoder *d, const struct json *v, struct mount_plan *mount)
{
	if (mount->uid_maps.count > 0 && mount->gid_maps.count == 0)
		return bad_member(d, v, "gidMappings",
				  "is required beside uidMappings, but missing");
	if (mount->gid_maps.count > 0 && mount->uid_maps.count == 0)
		return bad_member(d, v, "uidMappings",
				  "is required beside gidMappings, but missing");
	/* Older configurations have mappings without the option. */
	if (mount->uid_maps.count > 0)
		mount->flags |= MOUNT_IDMAP;
	if ((mount->flags & MOUNT_IDMAP) && !(mount->flags & MOUNT_BIND))
		return bad_value(d, v, "has id mappings, which only a bind mount can have; add "
				 "\"bind\" or \"rbind\" to its options");
	return 0;
}

int decode_mount(struct decoder *d, const struct json *v, void *out)
{
	struct mount_plan *mount = out;

	if (decode_object(d, v, mount_fields, mount) < 0)
		return -1;
	/* The spec asks for the option alone; but no file system has this name, so it is clear. */
	if (mount->type != NULL && strcmp(mount->type, "bind") == 0)
		mount->flags |= MOUNT_BIND;
	if (finish_maps(d, v, mount) < 0)
		return -1;
	if (mount->flags & MOUNT_BIND)
		return finish_bind(d, v, mount);
	if (mount->type == NULL && !(mount->flags & MOUNT_REMOUNT))
		return bad_member(d, v, "type", "is required, but missing; or add \"bind\" or "
				  "\"rbind\" to the options for a bind mount");
	if ((mount->flags & MOUNT_TMPCOPYUP) &&
	    (mount->type == NULL || strcmp(mount->type, "tmpfs") != 0))
		return bad_value(d, v, "has the option \"tmpcopyup\", which only a tmpfs takes");
	return 0;
}
