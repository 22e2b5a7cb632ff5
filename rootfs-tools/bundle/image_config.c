/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/bundle/image_config.h"

#include <string.h>

#include "base/list.h"
#include "base/text.h"
#include "rootfs-tools/image/layout.h"

#define IMAGE_SPEC	"org.opencontainers.image."
/* Pairs are looked for among the ones before: an image of 100,000 labels would take minutes. */
#define ENTRIES_MAX	10000

static const char *const orders[] = { "org.kist.", "org.systemd.property.", "org.criu.",
				      "run.oci." };

struct conversion {
	struct arena *arena;
	const struct json_source *source;
	const struct json *config;	/* the image's "config", or NULL */
	struct make_options *make;
	struct error *err;
};

/* --- values ------------------------------------------------------------------------------ */

/* The member, or NULL where there is none or null, as Go writes what is empty.  0 or -1. */
static int member_of(const struct conversion *c, const char *key, enum json_type type,
		     const char *wanted, const struct json **ret)
{
	const struct json *v = json_member(c->config, key);

	*ret = v != NULL && v->type != JSON_NULL ? v : NULL;
	if (*ret == NULL || v->type == type)
		return 0;
	return document_error(c->arena, c->source, v, c->err, "must be %s, but is %s", wanted,
			      json_describe(c->arena, v));
}

static int text_of(const struct conversion *c, const char *key, const char **ret)
{
	const struct json *v;

	if (member_of(c, key, JSON_STRING, "a string", &v) < 0)
		return -1;
	*ret = v != NULL ? v->text : "";
	return 0;
}

static int words_of(const struct conversion *c, const char *key, word_list *ret)
{
	const struct json *v;

	*ret = (word_list){ 0 };
	if (member_of(c, key, JSON_ARRAY, "a list of strings", &v) < 0)
		return -1;
	if (v == NULL)
		return 0;
	if (v->count > ENTRIES_MAX)
		return document_error(c->arena, c->source, v, c->err, "has more than %d entries",
				      ENTRIES_MAX);
	JSON_EACH(item, v) {
		if (item->type != JSON_STRING)
			return document_error(c->arena, c->source, item, c->err,
					      "must be a string, but is %s",
					      json_describe(c->arena, item));
		LIST_ADD(c->arena, ret, item->text);
	}
	return 0;
}

/* One more; in its place where one begins with the same "NAME=". */
static void pairs_set(struct arena *arena, word_list *pairs, const char *name, const char *value)
{
	const char *pair = arena_printf(arena, "%s=%s", name, value);
	size_t length = strlen(name) + 1;

	LIST_EACH(old, *pairs) {
		if (strncmp(*old, pair, length) == 0) {
			*old = pair;
			return;
		}
	}
	LIST_ADD(arena, pairs, pair);
}

/* The image's pairs first, then the user's over them. */
static void pairs_over(struct arena *arena, word_list *image, const word_list *users)
{
	LIST_EACH(pair, *users) {
		size_t length = strcspn(*pair, "=");

		/* "NAME" alone is the caller's own value, which config_make() looks up. */
		if ((*pair)[length] == '\0')
			LIST_ADD(arena, image, *pair);
		else
			pairs_set(arena, image, arena_strndup(arena, *pair, length),
				  *pair + length + 1);
	}
}

/* --- the conversion -------------------------------------------------------------------------- */

/* A program, or all words as a JSON array, as podman and "kist rootfs pack" have it. */
static int given_entrypoint(const struct conversion *c, const char *text, word_list *ret)
{
	struct json_source source = { "--entrypoint", text, strlen(text) };
	const struct json *words;

	*ret = (word_list){ 0 };
	if (*text != '[') {
		if (*text != '\0')
			LIST_ADD(c->arena, ret, text);
		return 0;
	}
	words = json_parse(c->arena, &source, c->err);
	if (words == NULL)
		return -1;
	JSON_EACH(word, words) {
		if (word->type != JSON_STRING)
			return document_error(c->arena, &source, word, c->err,
					      "must be a string, but is %s",
					      json_describe(c->arena, word));
		LIST_ADD(c->arena, ret, word->text);
	}
	return 0;
}

static int convert_args(const struct conversion *c, const char *entrypoint)
{
	word_list first, rest, *args = &c->make->args;

	if (words_of(c, "Entrypoint", &first) < 0 || words_of(c, "Cmd", &rest) < 0)
		return -1;
	if (entrypoint != NULL) {
		rest = (word_list){ 0 };
		if (given_entrypoint(c, entrypoint, &first) < 0)
			return -1;
	}
	if (args->count > 0)
		rest = *args;
	*args = (word_list){ 0 };
	LIST_EACH(word, first)
		LIST_ADD(c->arena, args, *word);
	LIST_EACH(word, rest)
		LIST_ADD(c->arena, args, *word);
	if (args->count == 0 && c->config != NULL)
		return error_set(c->err, "the image says no command: give one behind \"--\"");
	return 0;
}

static int convert_env(const struct conversion *c)
{
	word_list image, env = { 0 };

	if (words_of(c, "Env", &image) < 0)
		return -1;
	LIST_EACH(pair, image) {
		size_t length = strcspn(*pair, "=");

		if (length == 0)
			continue;
		pairs_set(c->arena, &env, arena_strndup(c->arena, *pair, length),
			  (*pair)[length] == '=' ? *pair + length + 1 : "");
	}
	pairs_over(c->arena, &env, &c->make->env);
	c->make->env = env;
	return 0;
}

static int convert_place(const struct conversion *c, const char **ret_user)
{
	const char *cwd;

	if (text_of(c, "WorkingDir", &cwd) < 0 || text_of(c, "User", ret_user) < 0)
		return -1;
	if (c->make->user != NULL)
		*ret_user = c->make->user;
	if (*cwd != '\0' && *cwd != '/')
		cwd = arena_printf(c->arena, "/%s", cwd);
	if (c->make->cwd == NULL && *cwd != '\0')
		c->make->cwd = cwd;
	return 0;
}

static int convert_volumes(const struct conversion *c)
{
	word_list mounts = { 0 };
	const struct json *volumes;

	if (member_of(c, "Volumes", JSON_OBJECT, "an object", &volumes) < 0)
		return -1;
	if (volumes == NULL)
		return 0;
	JSON_EACH(volume, volumes) {
		if (volume->key[0] != '/' || strpbrk(volume->key, ":") != NULL)
			return document_error(c->arena, c->source, volume, c->err,
					      "is no absolute path of a volume");
		LIST_ADD(c->arena, &mounts,
			 arena_printf(c->arena, "%s:tmpcopyup,mode=755", volume->key));
	}
	/* The user's own are mounted later, and so over them. */
	LIST_EACH(mount, c->make->tmpfs)
		LIST_ADD(c->arena, &mounts, *mount);
	c->make->tmpfs = mounts;
	return 0;
}

/* "80/tcp,443/tcp" */
static int exposed_ports(const struct conversion *c, const char **ret)
{
	struct text list = { .arena = c->arena };
	const struct json *ports;

	if (member_of(c, "ExposedPorts", JSON_OBJECT, "an object", &ports) < 0)
		return -1;
	if (ports != NULL)
		JSON_EACH(port, ports)
			text_printf(&list, "%s%s", list.size > 0 ? "," : "", port->key);
	*ret = list.size > 0 ? list.data : "";
	return 0;
}

static int convert_labels(const struct conversion *c, word_list *annotations)
{
	const struct json *labels;

	if (member_of(c, "Labels", JSON_OBJECT, "an object", &labels) < 0)
		return -1;
	if (labels == NULL)
		return 0;
	if (labels->count > ENTRIES_MAX)
		return document_error(c->arena, c->source, labels, c->err,
				      "has more than %d entries", ENTRIES_MAX);
	JSON_EACH(label, labels) {
		bool order = false;

		for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
			order = order || strncmp(label->key, orders[i], strlen(orders[i])) == 0;
		if (label->type != JSON_STRING)
			return document_error(c->arena, c->source, label, c->err,
					      "must be a string, but is %s",
					      json_describe(c->arena, label));
		if (!order && *label->key != '\0' && strchr(label->key, '=') == NULL)
			pairs_set(c->arena, annotations, label->key, label->text);
	}
	return 0;
}

static void annotate(const struct conversion *c, word_list *annotations, const char *key,
		     const char *value)
{
	if (value != NULL && *value != '\0')
		pairs_set(c->arena, annotations, arena_printf(c->arena, IMAGE_SPEC "%s", key),
			  value);
}

static const char *top_text(const struct json *root, const char *key)
{
	const struct json *v = json_member(root, key);

	return v != NULL && v->type == JSON_STRING ? v->text : NULL;
}

static int convert_annotations(const struct conversion *c, const struct image *image)
{
	static const char *const tops[] = { "os", "architecture", "variant", "author", "created" };
	const char *ports, *signal;
	word_list annotations = { 0 };

	if (exposed_ports(c, &ports) < 0 || text_of(c, "StopSignal", &signal) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
		annotate(c, &annotations, tops[i], top_text(image->config.root, tops[i]));
	annotate(c, &annotations, "exposedPorts", ports);
	annotate(c, &annotations, "stopSignal", signal);
	if (convert_labels(c, &annotations) < 0)
		return -1;
	pairs_over(c->arena, &annotations, &c->make->annotations);
	c->make->annotations = annotations;
	return 0;
}

int image_config_apply_to(struct arena *arena, const struct image *image, const char *entrypoint,
			  struct make_options *make, const char **ret_user, struct error *err)
{
	struct conversion c = {
		.arena = arena, .source = &image->config.source, .make = make, .err = err,
	};

	if (member_of(&(struct conversion){ .arena = arena, .source = c.source, .err = err,
					    .config = image->config.root },
		      "config", JSON_OBJECT, "an object", &c.config) < 0)
		return -1;
	make->capabilities = MAKE_CAPABILITIES_IMAGE;
	if (convert_args(&c, entrypoint) < 0 || convert_env(&c) < 0 ||
	    convert_place(&c, ret_user) < 0 || convert_volumes(&c) < 0)
		return -1;
	return convert_annotations(&c, image);
}
