/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tree/diff.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/word_index.h"
#include "config/json_write.h"
#include "rootfs-tools/json_edit.h"
#include "rootfs-tools/tree/walk.h"

const struct diff_word diff_words[] = {
	{ "type", COMPARE_TYPE },	{ "mode", COMPARE_MODE },
	{ "owner", COMPARE_OWNER },	{ "size", COMPARE_SIZE },
	{ "content", COMPARE_CONTENT }, { "target", COMPARE_TARGET },
	{ "device", COMPARE_DEVICE },	{ "xattrs", COMPARE_XATTRS },
	{ "links", COMPARE_LINKS },	{ "time", COMPARE_TIME },
	{ "hides", COMPARE_HIDES },	{ 0 },
};

struct diff {
	struct compare compare;
	const struct diff_options *options;
	struct text *out;
	struct json_writer json;
	size_t count;
};

/* --- values --------------------------------------------------------------------------- */

static const char *type_of(const struct tree_inode *inode)
{
	if (inode == NULL)
		return "whiteout";
	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFCHR:
		return "character device";
	case S_IFBLK:
		return "block device";
	case S_IFIFO:
		return "fifo";
	default:
		return "hard link";
	}
}

static const char *time_of(struct arena *arena, const struct tree_inode *inode)
{
	time_t seconds = (time_t)inode->mtime;
	struct tm tm;
	char text[64] = "";

	if (gmtime_r(&seconds, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	if (inode->mtime_ns == 0)
		return arena_printf(arena, "%sZ", text);
	return arena_printf(arena, "%s.%09uZ", text, inode->mtime_ns);
}

static const char *xattrs_of(struct arena *arena, const struct tree_inode *inode)
{
	struct text out = { .arena = arena };

	text_add(&out, inode->xattr_count == 0 ? "none" : "");
	for (size_t i = 0; i < inode->xattr_count; i++)
		text_printf(&out, "%s%s", i > 0 ? "," : "", inode->xattrs[i].name);
	return text_printable(arena, out.data);
}

static const char *links_of(struct arena *arena, const struct tree_inode *inode)
{
	if (inode->links < 2)
		return "alone";
	return arena_printf(arena, "%u names from %s", inode->links,
			    tree_path(arena, inode->first));
}

/* What one side has of the fact that the bit stands for. */
static const char *value_of(struct arena *arena, const struct tree_node *node, unsigned int bit)
{
	const struct tree_inode *inode = node->inode;

	switch (bit) {
	case COMPARE_MODE:
		return arena_printf(arena, "%04o", inode->mode & 07777);
	case COMPARE_OWNER:
		return arena_printf(arena, "%u:%u", inode->uid, inode->gid);
	case COMPARE_SIZE:
		return arena_printf(arena, "%" PRIu64, inode->size);
	case COMPARE_CONTENT:
		return inode->digest != NULL ? arena_printf(arena, "sha256:%s", inode->digest) :
					       "none";
	case COMPARE_TARGET:
		return inode->target != NULL ? inode->target : "none";
	case COMPARE_DEVICE:
		return arena_printf(arena, "%u:%u", major(inode->device), minor(inode->device));
	case COMPARE_XATTRS:
		return xattrs_of(arena, inode);
	case COMPARE_LINKS:
		return links_of(arena, inode);
	case COMPARE_TIME:
		return time_of(arena, inode);
	case COMPARE_HIDES:
		return node->opaque ? "opaque" : "open";
	default:
		return type_of(inode);
	}
}

/* --- one difference ------------------------------------------------------------------- */

static const char *path_of(const struct diff *d, const struct tree_node *node)
{
	return arena_printf(d->compare.arena, "/%s", tree_path(d->compare.arena, node));
}

static const char *change_word(const void *a, const void *b)
{
	return a == NULL ? "added" : b == NULL ? "removed" : "changed";
}

/* "content sha256:… -> sha256:…" says nothing to people. */
static void write_line(struct diff *d, const struct tree_node *a, const struct tree_node *b,
		       unsigned int what)
{
	struct arena *arena = d->compare.arena;
	const char *path = text_printable(arena, path_of(d, b != NULL ? b : a));

	if (a == NULL || b == NULL) {
		text_printf(d->out, "%s %s%s\n", a == NULL ? "+" : "-", path,
			    (a == NULL ? b : a)->inode == NULL ? " (whiteout)" : "");
		return;
	}
	text_printf(d->out, "~ %s", path);
	for (const struct diff_word *w = diff_words; w->word != NULL; w++) {
		if (!(what & w->bit))
			continue;
		text_printf(d->out, "%s %s", what & (w->bit - 1) ? "," : "  ", w->word);
		if (w->bit != COMPARE_CONTENT)
			text_printf(d->out, " %s -> %s",
				    text_printable(arena, value_of(arena, a, w->bit)),
				    text_printable(arena, value_of(arena, b, w->bit)));
	}
	text_add(d->out, "\n");
}

/* A name or a link's target may be any bytes. */
static void write_json_text(struct diff *d, const char *key, const char *text)
{
	json_write_string(&d->json, key, text_utf8(d->compare.arena, text));
}

static void write_side(struct diff *d, const char *key, const struct tree_node *node,
		       unsigned int what)
{
	json_write_object(&d->json, key);
	for (const struct diff_word *w = diff_words; w->word != NULL; w++)
		if (what & w->bit)
			write_json_text(d, w->word, value_of(d->compare.arena, node, w->bit));
	json_write_end(&d->json);
}

static void write_json(struct diff *d, const struct tree_node *a, const struct tree_node *b,
		       unsigned int what)
{
	json_write_object(&d->json, NULL);
	write_json_text(d, "path", path_of(d, b != NULL ? b : a));
	json_write_string(&d->json, "change", change_word(a, b));
	if (a != NULL && b != NULL) {
		write_side(d, "from", a, what);
		write_side(d, "to", b, what);
	} else {
		json_write_string(&d->json, "type", type_of((a == NULL ? b : a)->inode));
	}
	json_write_end(&d->json);
}

static void write_one(struct diff *d, const struct tree_node *a, const struct tree_node *b,
		      unsigned int what)
{
	const char *path = path_of(d, b != NULL ? b : a);

	if (tree_is_masked(d->options->masked, d->options->masked_count, path + 1))
		return;
	d->count++;
	if (d->options->json)
		write_json(d, a, b, what);
	else
		write_line(d, a, b, what);
}

static int report(struct compare *c, const struct tree_node *a, const struct tree_node *b,
		  unsigned int what, struct error *err _unused)
{
	struct diff *d = (struct diff *)((char *)c - offsetof(struct diff, compare));
	bool both = a != NULL && b != NULL;

	if (both)
		write_one(d, a, b, what);
	if (both && !(what & COMPARE_TYPE))
		return 0;
	for (const struct tree_node *n = a; n != NULL; n = tree_walk_next(a, n))
		if (!both || n != a)
			write_one(d, n, NULL, 0);
	for (const struct tree_node *n = b; n != NULL; n = tree_walk_next(b, n))
		if (!both || n != b)
			write_one(d, NULL, n, 0);
	return 0;
}

/* --- configs -------------------------------------------------------------------------- */

static const char *printed(struct arena *arena, const struct json *value)
{
	struct text out = { .arena = arena };

	if (value == NULL)
		return "none";
	json_print(&out, value);
	return out.data;
}

static void config_member(struct diff *d, const char *pointer, const struct json *a,
			  const struct json *b)
{
	const char *from = printed(d->compare.arena, a), *to = printed(d->compare.arena, b);

	if (strcmp(from, to) == 0)
		return;
	d->count++;
	if (!d->options->json) {
		text_printf(d->out, "~ config %s  %s -> %s\n",
			    text_printable(d->compare.arena, pointer),
			    text_printable(d->compare.arena, from),
			    text_printable(d->compare.arena, to));
		return;
	}
	json_write_object(&d->json, NULL);
	json_write_string(&d->json, "config", pointer);
	json_write_string(&d->json, "change", change_word(a, b));
	json_write_string(&d->json, "from", from);
	json_write_string(&d->json, "to", to);
	json_write_end(&d->json);
}

/* The members of an object, and room for as many words that are none. */
struct members {
	const struct json **items;
	size_t count;
	struct word_index index;
};

static struct members members_of(struct arena *arena, const struct json *object, size_t others)
{
	struct members members = { 0 };

	if (object != NULL && object->type == JSON_OBJECT)
		members.count = object->count;
	members.items = ARENA_NEWS(arena, members.count + 1, const struct json *);
	members.index = word_index_make(arena, members.count + others);
	for (size_t i = 0; i < members.count; i++) {
		members.items[i] = i == 0 ? object->first : members.items[i - 1]->next;
		word_index_put(&members.index, members.items[i]->key,
			       strlen(members.items[i]->key) + 1, i);
	}
	return members;
}

/* NULL: there is none. */
static const struct json *members_find(struct members *members, const char *key)
{
	size_t at = word_index_put(&members->index, key, strlen(key) + 1, members->count);

	return members->items[at];
}

/* Members of both, then what the second has alone. */
static void config_object(struct diff *d, const char *prefix, const struct json *a,
			  const struct json *b)
{
	/* When it was made, and of what: not what it is. */
	static const char *const ignored[] = { "created", "history", "rootfs", "config" };
	size_t skip = *prefix == '\0' ? ARRAY_SIZE(ignored) : 0;

	for (int side = 0; side < 2; side++) {
		const struct json *object = side == 0 ? a : b;
		struct members others;

		if (object == NULL || object->type != JSON_OBJECT)
			continue;
		others = members_of(d->compare.arena, side == 0 ? b : a, object->count);
		JSON_EACH(member, object) {
			const struct json *other = members_find(&others, member->key);
			bool skipped = side == 1 && other != NULL;

			for (size_t i = 0; i < skip; i++)
				skipped = skipped || strcmp(member->key, ignored[i]) == 0;
			if (!skipped)
				config_member(d,
					      arena_printf(d->compare.arena, "%s/%s", prefix,
							   member->key),
					      side == 0 ? member : other,
					      side == 0 ? other : member);
		}
	}
}

static void compare_configs(struct diff *d, const struct json *a, const struct json *b)
{
	if (a == NULL || b == NULL)
		return;
	config_object(d, "", a, b);
	config_object(d, "/config", json_member(a, "config"), json_member(b, "config"));
}

int diff_write(struct arena *arena, struct diff_side *a, struct diff_side *b,
	       const struct diff_options *options, struct text *out, size_t *ret_count,
	       struct error *err)
{
	struct diff d = {
		.compare = { .arena = arena, .look_at = options->look_at, .report = report },
		.options = options, .out = out,
		.json = { .text.arena = arena, .indent = "\t" },
	};

	json_write_array(&d.json, NULL);
	compare_configs(&d, a->config, b->config);
	if (tree_compare(&d.compare, &a->tree, &b->tree, err) < 0)
		return -1;
	json_write_end(&d.json);
	if (options->json) {
		text_add_bytes(out, d.json.text.data, d.json.text.size);
		text_add(out, "\n");
	}
	*ret_count = d.count;
	return 0;
}
