/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/bundle/user.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

enum { FILE_MAX = 1 << 20, LINE_MAX_BYTES = 4096, GROUPS_MAX = 1024, FIELDS = 4 };

/* The first fields of a line of passwd or group, "name:password:uid:gid" or "…:gid:members". */
struct line {
	char text[LINE_MAX_BYTES];
	const char *fields[FIELDS];
};

/* The next line that has the fields; NULL: no more. */
static const char *line_next(const char *at, struct line *ret)
{
	while (*at != '\0') {
		size_t length = strcspn(at, "\n"), count = 0;
		const char *next = at + length + (at[length] == '\n');
		bool fits = length < sizeof(ret->text);

		if (fits) {
			char *rest = ret->text;

			memcpy(ret->text, at, length);
			ret->text[length] = '\0';
			while (count < FIELDS) {
				ret->fields[count++] = rest;
				rest = strchr(rest, ':');
				if (rest == NULL)
					break;
				*rest++ = '\0';
			}
		}
		if (fits && count == FIELDS && *ret->fields[0] != '\0')
			return next;
		at = next;
	}
	return NULL;
}

/* Whether "a,b,c" has the name. */
static bool member_of(const char *members, const char *name)
{
	size_t length = strlen(name);

	while (*members != '\0') {
		size_t here = strcspn(members, ",");

		if (here == length && strncmp(members, name, here) == 0)
			return true;
		members += here + (members[here] == ',');
	}
	return false;
}

/*
 * Digits are a number, and never the name of a line: the image writes its lines itself, and so
 * would make root of whom the caller calls 1000 (CVE-2026-46680, CVE-2024-40635).
 */
static int number_parse(struct arena *arena, const char *text, bool *ret_numeric, uint32_t *ret,
			struct error *err)
{
	*ret_numeric = text[strspn(text, "0123456789")] == '\0';
	if (!*ret_numeric || text_to_id(text, ret))
		return 0;
	return error_set(err, "\"%s\" is no id: ids are 0 to 4294967294",
			 text_printable(arena, text));
}

/* ret_name: of the line, or NULL where a number has none. */
static int find_user(struct arena *arena, const char *passwd, const char *user,
		     struct image_user *ret, const char **ret_name, struct error *err)
{
	struct line line;
	bool numeric;

	*ret_name = NULL;
	if (number_parse(arena, user, &numeric, &ret->uid, err) < 0)
		return error_wrap(err, "the image's user");
	while ((passwd = line_next(passwd, &line)) != NULL) {
		uint32_t uid, gid;

		if (!text_to_id(line.fields[2], &uid) || !text_to_id(line.fields[3], &gid))
			continue;
		if (numeric ? uid != ret->uid : strcmp(line.fields[0], user) != 0)
			continue;
		ret->uid = uid;
		ret->gid = gid;
		*ret_name = arena_strdup(arena, line.fields[0]);
		return 0;
	}
	if (numeric)
		return 0;
	return error_set(err, "the image's user \"%s\" is not in its /etc/passwd",
			 text_printable(arena, user));
}

static int find_group(struct arena *arena, const char *groups, const char *group,
		      uint32_t *ret, struct error *err)
{
	struct line line;
	bool numeric;
	uint32_t gid;

	if (number_parse(arena, group, &numeric, ret, err) < 0)
		return error_wrap(err, "the image's group");
	if (numeric)
		return 0;
	while ((groups = line_next(groups, &line)) != NULL) {
		if (!text_to_id(line.fields[2], &gid))
			continue;
		if (strcmp(line.fields[0], group) == 0) {
			*ret = gid;
			return 0;
		}
	}
	return error_set(err, "the image's group \"%s\" is not in its /etc/group",
			 text_printable(arena, group));
}

static void find_more_groups(struct arena *arena, const char *groups, const char *name,
			     struct image_user *ret)
{
	struct line line;
	uint32_t gid;

	ret->groups.items = ARENA_NEWS(arena, GROUPS_MAX, uint32_t);
	while (ret->groups.count < GROUPS_MAX && (groups = line_next(groups, &line)) != NULL)
		if (text_to_id(line.fields[2], &gid) && gid != ret->gid &&
		    member_of(line.fields[3], name))
			ret->groups.items[ret->groups.count++] = gid;
}

int image_user_parse(struct arena *arena, const char *passwd, const char *group,
		     const char *user, struct image_user *ret, struct error *err)
{
	const char *colon = strchr(user, ':'), *name = NULL;
	const char *first = colon != NULL ? arena_strndup(arena, user, (size_t)(colon - user)) :
					    user;

	*ret = (struct image_user){ 0 };
	if (find_user(arena, passwd, *first != '\0' ? first : "0", ret, &name, err) < 0)
		return -1;
	if (colon != NULL && colon[1] != '\0')
		return find_group(arena, group, colon + 1, &ret->gid, err);
	if (name != NULL)
		find_more_groups(arena, group, name, ret);
	return 0;
}

/* Missing is empty: an image need not have either. */
static int file_text(const struct overlay *overlay, const char *path, char **ret,
		     struct error *err)
{
	if (overlay_read(overlay, path, FILE_MAX, ret, NULL, err) == 0)
		return 0;
	if (err->code != ENOENT && err->code != ENOTDIR)
		return -1;
	*ret = arena_strdup(overlay->arena, "");
	return 0;
}

int image_user_find(const struct overlay *overlay, const char *user, struct image_user *ret,
		    struct error *err)
{
	char *passwd, *group;

	if (file_text(overlay, "etc/passwd", &passwd, err) < 0 ||
	    file_text(overlay, "etc/group", &group, err) < 0)
		return -1;
	return image_user_parse(overlay->arena, passwd, group, user, ret, err);
}
