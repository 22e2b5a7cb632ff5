/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/command/cli.h"
#include "rootfs-tools/image/facts.h"
#include "rootfs-tools/image/layout.h"
#include "rootfs-tools/json_edit.h"
#include "rootfs-tools/size_text.h"

/* kist rootfs inspect: what an image says of itself, and a picture of its layers. */
struct options {
	const char *platform;
	bool json;
};

static const struct option options[] = {
	OPTION_ROW_FLAG("json", 0, struct options, json, "as JSON, with manifest and config"),
	PLATFORM_OPTION_ROW(struct options, platform),
	{ 0 },
};

/* --- JSON ------------------------------------------------------------------------------------ */

static void set_text(struct arena *arena, struct json *object, const char *key, const char *text)
{
	if (text != NULL && *text != '\0')
		json_set_string(arena, object, key, text);
}

static struct json *layer_json(struct arena *arena, const struct layer_facts *layer)
{
	struct json *v = json_new(arena, JSON_OBJECT);

	set_text(arena, v, "digest", layer->digest);
	set_text(arena, v, "diffID", layer->diff_id);
	set_text(arena, v, "mediaType", layer->media_type);
	json_set(arena, v, "size", json_new_u64(arena, layer->size));
	set_text(arena, v, "createdBy", layer->created_by);
	set_text(arena, v, "created", layer->created);
	set_text(arena, v, "comment", layer->comment);
	return v;
}

static void write_json(struct text *out, const struct image *image,
		       const struct image_facts *facts)
{
	struct arena *arena = out->arena;
	struct json *root = json_new(arena, JSON_OBJECT);
	struct json *layers = json_new(arena, JSON_ARRAY);

	json_set_string(arena, root, "image", image->reference);
	set_text(arena, root, "tag", image->tag);
	set_text(arena, root, "kind", facts->kind);
	set_text(arena, root, "digest", image->manifest.descriptor.digest.text);
	if (image->platform.os != NULL)
		set_text(arena, root, "platform", platform_text(arena, &image->platform));
	json_set(arena, root, "size", json_new_u64(arena, facts->size));
	LIST_EACH(layer, facts->layers)
		json_push(layers, layer_json(arena, layer));
	json_set(arena, root, "layers", layers);
	if (image->manifest.root != NULL)
		json_set(arena, root, "manifest", json_copy(arena, image->manifest.root));
	if (image->config.root != NULL)
		json_set(arena, root, "config", json_copy(arena, image->config.root));
	json_print(out, root);
	text_add(out, "\n");
}

/* --- for people ------------------------------------------------------------------------------- */

static void row(struct text *out, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		text_printf(out, "%-14s %s\n", name, text_printable(out->arena, value));
}

/* ["/bin/sh", "-c"] as it stands there; objects as their keys. */
static const char *value_text(struct arena *arena, const struct json *value)
{
	struct text text = { .arena = arena };
	const char *comma = "";

	if (value == NULL || value->type == JSON_NULL || value->count == 0)
		return value != NULL && value->type == JSON_STRING ? value->text : NULL;
	if (value->type != JSON_OBJECT) {
		json_print(&text, value);
		return text.data;
	}
	JSON_EACH(member, value) {
		text_printf(&text, "%s%s%s%s", comma, member->key,
			    member->type == JSON_STRING ? "=" : "",
			    member->type == JSON_STRING ? member->text : "");
		comma = ", ";
	}
	return text.data;
}

static void config_rows(struct text *out, const struct json *config)
{
	static const char *const names[] = {
		"User", "WorkingDir", "Entrypoint", "Cmd", "ExposedPorts", "Volumes", "StopSignal",
		"Labels",
	};
	const struct json *env = json_member(config, "Env");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		row(out, names[i], value_text(out->arena, json_member(config, names[i])));
	if (env != NULL && env->type == JSON_ARRAY)
		JSON_EACH(pair, env)
			row(out, pair == env->first ? "Env" : "", pair->text);
}

/* A block for each eighth of the largest layer, at least a thin one. */
static const char *bar(struct arena *arena, uint64_t size, uint64_t largest)
{
	enum { WIDTH = 24 };
	static const char *const eighths[] = { "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
	uint64_t units = largest > 0 ? size * WIDTH * 8 / largest : 0;
	struct text text = { .arena = arena };

	text_add(&text, "");
	for (; units >= 8; units -= 8)
		text_add(&text, "█");
	if (units > 0 || text.size == 0)
		text_add(&text, eighths[units > 0 ? units - 1 : 0]);
	return text.data;
}

/* How many bytes of it fit, in whole characters. */
static int fitting(const char *text, size_t room)
{
	size_t length = 0, more;

	while (text[length] != '\0' &&
	       (more = text_character(text + length, strlen(text + length))) > 0 &&
	       length + more <= room)
		length += more;
	return (int)length;
}

static void picture(struct text *out, const struct image_facts *facts)
{
	struct arena *arena = out->arena;
	uint64_t largest = 0;

	LIST_EACH(layer, facts->layers)
		largest = layer->size > largest ? layer->size : largest;
	for (size_t i = 0; i < facts->layers.count; i++) {
		const struct layer_facts *layer = &facts->layers.items[i];
		bool last = i + 1 == facts->layers.count;
		const char *id = layer->digest != NULL ? layer->digest : layer->diff_id;
		const char *colon = id != NULL ? strchr(id, ':') : NULL;

		text_printf(out, "%s %2zu  %-12.12s %9s  %s\n", last ? "└─" : "├─", i + 1,
			    colon != NULL ? colon + 1 : "", size_text(arena, layer->size),
			    bar(arena, layer->size, largest));
		if (layer->created_by != NULL && *layer->created_by != '\0') {
			const char *text = text_printable(arena, layer->created_by);

			text_printf(out, "%s     %.*s\n", last ? "  " : "│ ", fitting(text, 100),
				    text);
		}
	}
}

static void write_text(struct text *out, const struct image *image,
		       const struct image_facts *facts)
{
	const struct json *config = image->config.root;
	struct arena *arena = out->arena;

	row(out, "Image", image->reference);
	row(out, "Tag", image->tag);
	row(out, "Kind", facts->kind);
	row(out, "Digest", image->manifest.descriptor.digest.text);
	if (image->platform.os != NULL)
		row(out, "Platform", platform_text(arena, &image->platform));
	row(out, "Created", json_text(config, "created"));
	row(out, "Author", json_text(config, "author"));
	config_rows(out, json_member(config, "config"));
	row(out, "Annotations", value_text(arena, json_member(image->manifest.root,
							      "annotations")));
	text_printf(out, "%-14s %zu, %s\n", "Layers", facts->layers.count,
		    size_text(arena, facts->size));
	picture(out, facts);
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	const struct options *o = values;
	const struct image_options image_options = { .platform = o->platform,
						     .any_platform = o->platform == NULL };
	_cleanup_image struct image image = IMAGE_NONE;
	struct image_facts facts;

	if (image_open(cli->arena, cli->arguments.items[0], &image_options, &image, err) < 0 ||
	    image_facts_read(cli->arena, &image, &facts, err) < 0)
		return error_wrap(err, "inspect");
	if (o->json)
		write_json(&cli->out, &image, &facts);
	else
		write_text(&cli->out, &image, &facts);
	return 0;
}

const struct command command_inspect = {
	.name = "inspect", .arguments = "IMAGE",
	.summary = "show what an image says of itself, and its layers as a tree",
	.options = options, .size = sizeof(struct options),
	.min = 1, .max = 1, .stop_after = -1, .run = run,
};
