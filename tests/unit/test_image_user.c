/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs-tools/bundle/user.h"

static const char passwd[] = "root:x:0:0::/root:/bin/sh\n"
			     "app:x:1000:1001\n"
			     "short:x:5\n"
			     ":x:6:6:\n"
			     "large:x:4294967295:1:\n"
			     "77:x:0:79:\n"
			     "4294967296:x:0:0:\n";
static const char group[] = "root:x:0:\napp:x:1001:\nmore:x:7:app,root\n77:x:0:\n"
			    "4294967296:x:0:\nlast:x:8:xapp,app";

static struct arena arena;
static struct image_user user;
static struct error err;

static int find(const char *text)
{
	return image_user_parse(&arena, passwd, group, text, &user, &err);
}

static void teardown(void)
{
	arena_free(&arena);
}

TestSuite(image_user, .fini = teardown);

Test(image_user, is_found_by_name_or_number)
{
	static const struct {
		const char *text;
		uint32_t uid, gid;
		size_t groups;
	} rows[] = {
		{ "", 0, 0, 1 },	  { "root", 0, 0, 1 },	{ "app", 1000, 1001, 2 },
		{ "1000", 1000, 1001, 2 }, { "9", 9, 0, 0 },	{ "app:more", 1000, 7, 0 },
		{ "app:33", 1000, 33, 0 }, { ":more", 0, 7, 0 }, { "app:", 1000, 1001, 2 },
		{ "77", 77, 0, 0 },	  { "app:77", 1000, 77, 0 },
		{ "4294967294", 4294967294, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cr_assert_eq(find(rows[i].text), 0, "%s: %s", rows[i].text, err.text);
		cr_assert_eq(user.uid, rows[i].uid, "%s: %u", rows[i].text, user.uid);
		cr_assert_eq(user.gid, rows[i].gid, "%s: %u", rows[i].text, user.gid);
		cr_assert_eq(user.groups.count, rows[i].groups, "%s: %zu", rows[i].text,
			     user.groups.count);
	}
}

Test(image_user, is_refused_where_no_line_has_it)
{
	static const char *const rows[] = {
		"short", "large", "-1", "4294967295", "app:none", "app:4294967295", "ap", "appx",
		"0x0", "4294967296", "app:4294967296",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		cr_assert_eq(find(rows[i]), -1, "%s", rows[i]);
}

Test(image_user, reads_no_line_that_is_too_long)
{
	char *text = arena_alloc(&arena, 10000);

	memset(text, 'a', 9000);
	strcpy(text + 9000, ":x:1:1:\nb:x:2:3:\n");
	cr_assert_eq(image_user_parse(&arena, text, "", "b", &user, &err), 0);
	cr_assert_eq(user.uid, 2);
	text[9000] = '\0';
	cr_assert_eq(image_user_parse(&arena, text, "", "a", &user, &err), -1);
}
