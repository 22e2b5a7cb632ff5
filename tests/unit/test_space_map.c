/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "runtime/kist/space.h"

static struct kist_error err;

static const struct {
	const char *text;
	size_t count;
	struct kist_id_map maps[3];
} good[] = {
	{ "0 1000 1", 1, { { 0, 1000, 1 } } },
	{ " 0\t1000  1 ", 1, { { 0, 1000, 1 } } },
	{ "0 1000 1,1 1001 1", 2, { { 0, 1000, 1 }, { 1, 1001, 1 } } },
	{ "0 1000 1\n1 1001 1\n", 2, { { 0, 1000, 1 }, { 1, 1001, 1 } } },
	{ "1000,1001,7", 3, { { 0, 1000, 1 }, { 1, 1001, 1 }, { 2, 7, 1 } } },
	{ "1000", 1, { { 0, 1000, 1 } } },
	{ "0", 1, { { 0, 0, 1 } } },
	{ "self", 1, { { 0, 77, 1 } } },
	{ "0 0 4294967295", 1, { { 0, 0, 4294967295 } } },
	{ "0 100000 65536", 1, { { 0, 100000, 65536 } } },
};

Test(space_map, reads_every_notation)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct kist_id_map maps[3];
		size_t count = 0;
		int status = kist_id_map_parse(good[i].text, 77, maps, 3, &count, &err);

		cr_assert_eq(status, 0, "%s: %s", good[i].text, err.text);
		cr_assert_eq(count, good[i].count, "%s", good[i].text);
		cr_expect_eq(memcmp(maps, good[i].maps, count * sizeof(*maps)), 0, "%s",
			     good[i].text);
	}
}

static const char *const bad[] = {
	"", " ", ",", "0 1000", "0 1000 1 1", "0 1000 1,", "0 1000 1,,1 1001 1", "a", "-1", "0x10",
	"0 1000 0", "4294967295", "0 4294967295 1", "0 1 4294967295", "0 1000 1,1001", "me",
	"0 1000 99999999999999999999", "1000 ,\n", "selfish",
};

Test(space_map, names_a_text_that_is_none)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kist_id_map maps[3];
		size_t count = 99;

		cr_expect_eq(kist_id_map_parse(bad[i], 77, maps, 3, &count, &err), -1, "\"%s\"",
			     bad[i]);
		cr_expect_eq(err.code, EINVAL, "\"%s\"", bad[i]);
		cr_expect(strstr(err.text, bad[i]), "%s", err.text);
		cr_expect_eq(count, 99);
	}
	cr_expect_eq(kist_id_map_parse("0 1000", 77, NULL, 0, NULL, NULL), -1, "err may be NULL");
}

Test(space_map, stops_at_the_room_there_is)
{
	struct kist_id_map maps[2];
	size_t count;

	cr_expect_eq(kist_id_map_parse("1,2", 0, maps, 2, &count, &err), 0);
	cr_expect_eq(kist_id_map_parse("1,2,3", 0, maps, 2, &count, &err), -1);
	cr_expect_eq(err.code, ENOSPC);
	cr_expect_eq(kist_id_map_parse("self", 0, maps, 0, &count, &err), -1);
	cr_expect_eq(err.code, ENOSPC);
}
