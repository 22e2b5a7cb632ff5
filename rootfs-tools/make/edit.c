/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/make/edit.h"

#include "config/names.h"

struct editor {
	struct arena *arena;
	struct json *config, *settings, *manifest;
	struct error *err;
};

/* --- values --------------------------------------------------------------------------- */

static int bad(const struct editor *e, const char *option, const char *value, const char *must)
{
	return error_set(e->err, "--%s \"%s\": %s", option, text_printable(e->arena, value), must);
}

/* A JSON string must be UTF-8, and nobody would read the image otherwise. */
static bool is_utf8(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at != '\0') {
		unsigned int more = *at < 0x80 ? 0 : *at < 0xc2 ? 4 : *at < 0xe0 ? 1 :
				    *at < 0xf0 ? 2 : *at < 0xf5 ? 3 : 4;

		if (more == 4 || (at[0] == 0xe0 && at[1] < 0xa0) ||
		    (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
		    (at[0] == 0xf4 && at[1] > 0x8f))
			return false;
		for (at++; more > 0; more--, at++)
			if ((*at & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static bool is_word(const char *value)
{
	size_t length = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	return length > 0 && value[length] == '\0';
}

/* "80", "80/tcp", "8000-8010/udp" */
static bool is_port(const char *value)
{
	const char *slash = strchr(value, '/');
	unsigned int first, last;
	int length = 0;

	if (slash != NULL && strcmp(slash, "/tcp") != 0 && strcmp(slash, "/udp") != 0 &&
	    strcmp(slash, "/sctp") != 0)
		return false;
	if (*value < '1' || *value > '9')
		return false;
	if (sscanf(value, "%5u%n-%5u%n", &first, &length, &last, &length) == 1)
		last = first;
	return last >= first && last <= 65535 &&
	       (value[length] == '\0' || value + length == slash);
}

/* --- simple members ------------------------------------------------------------------- */

enum where { CONFIG, SETTINGS };

struct text_row {
	const char *option;
	size_t offset;
	enum where where;
	const char *key;
};
#define TEXT(option, member, where, key) \
	{ option, offsetof(struct edit_options, member), where, key }

static const struct text_row texts[] = {
	TEXT("user", user, SETTINGS, "User"),
	TEXT("workdir", workdir, SETTINGS, "WorkingDir"),
	TEXT("stop-signal", stop_signal, SETTINGS, "StopSignal"),
	TEXT("author", author, CONFIG, "author"),
	TEXT("os", os, CONFIG, "os"),
	TEXT("arch", architecture, CONFIG, "architecture"),
	TEXT("variant", variant, CONFIG, "variant"),
};

static const char *text_of(const struct edit_options *edit, const struct text_row *row)
{
	return *(const char *const *)((const char *)edit + row->offset);
}

static int check_text(const struct editor *e, const struct text_row *row, const char *value)
{
	if (!is_utf8(value))
		return bad(e, row->option, value, "must be UTF-8");
	if (strcmp(row->option, "workdir") == 0 && *value != '/')
		return bad(e, row->option, value, "must be an absolute path");
	if (strcmp(row->option, "stop-signal") == 0 && signal_parse(value) == 0)
		return bad(e, row->option, value, "no such signal");
	if ((strcmp(row->option, "os") == 0 || strcmp(row->option, "arch") == 0 ||
	     strcmp(row->option, "variant") == 0) && !is_word(value))
		return bad(e, row->option, value, "must be a word such as linux, amd64, v7");
	return 0;
}

static int apply_texts(const struct editor *e, const struct edit_options *edit)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = text_of(edit, &texts[i]);

		if (value == NULL)
			continue;
		if (check_text(e, &texts[i], value) < 0)
			return -1;
		json_set_string(e->arena, texts[i].where == CONFIG ? e->config : e->settings,
				texts[i].key, value);
	}
	return 0;
}

/* --- lists and maps ------------------------------------------------------------------- */

/* A list is given word by word, or whole as one JSON array. */
static int apply_words(const struct editor *e, const word_list *words, const char *option,
		       const char *key)
{
	struct json_source source = { option, NULL, 0 };
	struct json *list = json_new(e->arena, JSON_ARRAY);

	if (words->count == 0)
		return 0;
	if (words->count == 1 && words->items[0][0] == '[') {
		const struct json *given;

		source.text = words->items[0];
		source.size = strlen(source.text);
		given = json_parse(e->arena, &source, e->err);
		if (given == NULL)
			return error_wrap(e->err, "--%s", option);
		JSON_EACH(item, given)
			if (item->type != JSON_STRING)
				return bad(e, option, source.text, "must be an array of strings");
		list = json_copy(e->arena, given);
	} else {
		LIST_EACH(word, *words) {
			if (!is_utf8(*word))
				return bad(e, option, *word, "must be UTF-8");
			json_push(list, json_new_string(e->arena, *word));
		}
	}
	json_set(e->arena, e->settings, key, list);
	return 0;
}

/* "NAME=VALUE", in the place of the one with that name. */
static void put_env(const struct editor *e, struct json *list, const char *value)
{
	size_t length = strcspn(value, "=") + 1;

	JSON_EACH(item, list) {
		if (item->type == JSON_STRING && strncmp(item->text, value, length) == 0) {
			((struct json *)(uintptr_t)item)->text = arena_strdup(e->arena, value);
			return;
		}
	}
	json_push(list, json_new_string(e->arena, value));
}

static int apply_env(const struct editor *e, const word_list *env)
{
	LIST_EACH(value, *env) {
		if (**value == '=' || strchr(*value, '=') == NULL || !is_utf8(*value))
			return bad(e, "env", *value, "must be NAME=VALUE, in UTF-8");
		put_env(e, json_demand(e->arena, e->settings, "Env", JSON_ARRAY), *value);
	}
	return 0;
}

static int apply_pairs(const struct editor *e, const word_list *pairs, const char *option,
		       struct json *object, const char *key)
{
	LIST_EACH(pair, *pairs) {
		const char *equals = strchr(*pair, '=');

		if (equals == NULL || equals == *pair || !is_utf8(*pair))
			return bad(e, option, *pair, "must be KEY=VALUE, in UTF-8");
		json_set_string(e->arena, json_demand(e->arena, object, key, JSON_OBJECT),
				arena_strndup(e->arena, *pair, (size_t)(equals - *pair)),
				equals + 1);
	}
	return 0;
}

/* Sets are objects with empty objects in them: what Go's map[string]struct{} looks like. */
static void put_key(const struct editor *e, const char *set, const char *key)
{
	json_set(e->arena, json_demand(e->arena, e->settings, set, JSON_OBJECT), key,
		 json_new(e->arena, JSON_OBJECT));
}

static int apply_sets(const struct editor *e, const struct edit_options *edit)
{
	LIST_EACH(port, edit->ports) {
		if (!is_port(*port))
			return bad(e, "expose", *port,
				   "must be a port, such as 80, 53/udp or 8000-8010");
		put_key(e, "ExposedPorts", strchr(*port, '/') != NULL ? *port :
			arena_printf(e->arena, "%s/tcp", *port));
	}
	LIST_EACH(volume, edit->volumes) {
		if (**volume != '/' || !is_utf8(*volume))
			return bad(e, "volume", *volume, "must be an absolute path, in UTF-8");
		put_key(e, "Volumes", *volume);
	}
	return 0;
}

/* --- clear ---------------------------------------------------------------------------- */

static const struct {
	const char *word, *key;
	enum { OF_SETTINGS, OF_CONFIG, OF_MANIFEST } where;
} clears[] = {
	{ "annotations", "annotations", OF_MANIFEST },
	{ "author", "author", OF_CONFIG },
	{ "cmd", "Cmd", OF_SETTINGS },
	{ "entrypoint", "Entrypoint", OF_SETTINGS },
	{ "env", "Env", OF_SETTINGS },
	{ "expose", "ExposedPorts", OF_SETTINGS },
	{ "history", "history", OF_CONFIG },
	{ "labels", "Labels", OF_SETTINGS },
	{ "stop-signal", "StopSignal", OF_SETTINGS },
	{ "user", "User", OF_SETTINGS },
	{ "volumes", "Volumes", OF_SETTINGS },
	{ "workdir", "WorkingDir", OF_SETTINGS },
};

static int apply_clear(const struct editor *e, const char *word)
{
	struct json *const where[] = { e->settings, e->config, e->manifest };

	for (size_t i = 0; i < ARRAY_SIZE(clears); i++) {
		if (strcmp(clears[i].word, word) != 0)
			continue;
		json_set(e->arena, where[clears[i].where], clears[i].key, NULL);
		return 0;
	}
	return bad(e, "clear", word, "must be " EDIT_CLEAR_WORDS);
}

/* --- all ------------------------------------------------------------------------------ */

bool edit_is_set(const struct edit_options *edit)
{
	static const struct edit_options none;

	return memcmp(edit, &none, sizeof(none)) != 0;
}

int edit_apply(struct draft *draft, const struct edit_options *edit, struct error *err)
{
	struct editor e = { draft->arena, draft->config, draft_settings(draft), draft->manifest,
			    err };

	LIST_EACH(word, edit->clear)
		if (apply_clear(&e, *word) < 0)
			return -1;
	/* A new entrypoint without its command would get the old one's arguments. */
	if (edit->entrypoint.count > 0 && edit->cmd.count == 0)
		json_set(e.arena, e.settings, "Cmd", NULL);
	if (edit->created != NULL && !epoch_is_time(edit->created))
		return bad(&e, "created", edit->created,
			   "must be a time such as 2026-01-31T12:00:00Z");
	draft->created = edit->created;
	if (apply_texts(&e, edit) < 0 || apply_env(&e, &edit->env) < 0 ||
	    apply_sets(&e, edit) < 0 ||
	    apply_words(&e, &edit->entrypoint, "entrypoint", "Entrypoint") < 0 ||
	    apply_words(&e, &edit->cmd, "cmd", "Cmd") < 0 ||
	    apply_pairs(&e, &edit->labels, "label", e.settings, "Labels") < 0)
		return -1;
	return apply_pairs(&e, &edit->annotations, "annotation", e.manifest, "annotations");
}
