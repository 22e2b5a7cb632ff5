/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "config/dump.h"
#include "config/json.h"

/* A word that needs no quotes. */
static bool is_plain(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ' || *at == '"' || *at == 0x7f)
			return false;
	return *text != '\0';
}

/* Of a bundle that somebody looks at because he does not trust it. */
static void word(struct text *out, const char *text)
{
	text_add(out, text_printable(out->arena, text));
}

static bool is_scalar(const struct json *v)
{
	return v->type != JSON_OBJECT && v->type != JSON_ARRAY;
}

static void scalar(struct text *out, const struct json *v)
{
	if (v->type == JSON_BOOL)
		text_add(out, v->truth ? "yes" : "no");
	else if (v->type == JSON_STRING && !is_plain(v->text))
		text_add_json(out, v->text);
	else
		word(out, v->text);
}

/* "key value  key value", what is in an object and is no list. */
static void scalars(struct text *out, const struct json *object)
{
	const char *gap = "";

	JSON_EACH(member, object) {
		if (!is_scalar(member) || strcmp(member->key, "do") == 0)
			continue;
		text_add(out, gap);
		word(out, member->key);
		text_add(out, " ");
		scalar(out, member);
		gap = "  ";
	}
}

static void trim(struct text *out)
{
	while (out->size > 0 && out->data[out->size - 1] == ' ')
		out->data[--out->size] = '\0';
}

static void words(struct text *out, const struct json *array, int indent)
{
	bool plain = true;

	JSON_EACH(item, array)
		plain = plain && (item->type != JSON_STRING || is_plain(item->text));
	text_printf(out, "%*s%s", indent, "", array->key);
	JSON_EACH(item, array) {
		if (plain)
			text_add(out, " ");
		else
			text_printf(out, "\n%*s", indent + 2, "");
		/* Alone on its line, blanks need no quotes. */
		if (item->type == JSON_STRING && *item->text != '\0')
			word(out, item->text);
		else
			scalar(out, item);
	}
	text_add(out, "\n");
}

static void lists(struct text *out, const struct json *object, int indent)
{
	JSON_EACH(member, object) {
		if (is_scalar(member) || member->count == 0)
			continue;
		if (member->type == JSON_OBJECT) {
			text_printf(out, "%*s%s: ", indent, "", member->key);
			scalars(out, member);
			text_add(out, "\n");
			lists(out, member, indent + 2);
		} else if (is_scalar(member->first)) {
			words(out, member, indent);
		} else {
			text_printf(out, "%*s%s\n", indent, "", member->key);
			JSON_EACH(item, member) {
				text_printf(out, "%*s", indent + 2, "");
				scalars(out, item);
				text_add(out, "\n");
				lists(out, item, indent + 4);
			}
		}
	}
}

/* What stands in front of the steps. */
static void preface(struct text *out, const struct json *root)
{
	JSON_EACH(member, root) {
		if (member->type == JSON_ARRAY && strcmp(member->key, "steps") != 0) {
			words(out, member, 0);
		} else if (member->type == JSON_OBJECT) {
			text_printf(out, "%s\n", member->key);
			JSON_EACH(pair, member) {
				text_add(out, "      ");
				word(out, pair->key);
				text_add(out, " ");
				scalar(out, pair);
				text_add(out, "\n");
			}
		} else if (is_scalar(member)) {
			text_printf(out, "%s ", member->key);
			scalar(out, member);
			text_add(out, "\n");
		}
	}
}

const char *plan_dump_text(struct arena *arena, const struct plan *plan, int cgroup_version)
{
	const char *json = plan_dump_json(arena, plan, cgroup_version);
	struct json_source source = { "plan", json, strlen(json) };
	struct text out = { .arena = arena };
	const struct json *root;
	struct error err;
	int number = 0;

	root = json_parse(arena, &source, &err);
	/* Larger than a config.json may be. */
	if (root == NULL)
		return json;
	preface(&out, root);
	text_add(&out, "\n");
	JSON_EACH(step, json_member(root, "steps")) {
		text_printf(&out, "%3d  %s  ", ++number, json_member(step, "do")->text);
		scalars(&out, step);
		trim(&out);
		text_add(&out, "\n");
		lists(&out, step, 6);
	}
	return out.data;
}
