/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/json.h"
#include "runtime/cgroup/stats.h"

static struct arena arena;
static struct error err;

Test(stats, finds_a_whole_key_at_the_beginning_of_a_line)
{
	static const char text[] = "usage_usec 12\nuser_usec 7\nnr_user 9\nuser 3";
	uint64_t value = 0;

	cr_expect(stats_find(text, "user_usec", &value) && value == 7);
	cr_expect(stats_find(text, "user", &value) && value == 3);
	cr_expect(stats_find(text, "usage_usec", &value) && value == 12);
	cr_expect_not(stats_find(text, "usec", &value));
	cr_expect_not(stats_find("", "user", &value));
	cr_expect_not(stats_find(NULL, "user", &value));
}

Test(stats, reads_lists_of_numbers)
{
	static const struct { const char *text; size_t count; uint64_t first, last; } rows[] = {
		{ "0", 1, 0, 0 }, { "0-3", 4, 0, 3 }, { "1,4-5,9\n", 4, 1, 9 }, { "", 0, 0, 0 },
		{ "\n", 0, 0, 0 }, { "x", 0, 0, 0 }, { NULL, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cgroup_number_list list;

		stats_parse_list(&arena, rows[i].text, &list);
		cr_assert_eq(list.count, rows[i].count, "%s", rows[i].text);
		if (list.count > 0) {
			cr_expect_eq(list.items[0], rows[i].first);
			cr_expect_eq(list.items[list.count - 1], rows[i].last);
		}
	}
}

Test(stats, reads_pressure_in_hundredths)
{
	struct cgroup_psi psi;

	stats_parse_psi("some avg10=1.25 avg60=0.07 avg300=99.00 total=123456789\n"
			"full avg10=0.00 avg60=0.00 avg300=0.10 total=7\n", &psi);
	cr_expect(psi.set);
	cr_expect_eq(psi.some.avg10, 125);
	cr_expect_eq(psi.some.avg60, 7);
	cr_expect_eq(psi.some.avg300, 9900);
	cr_expect_eq(psi.some.total, 123456789);
	cr_expect_eq(psi.full.avg300, 10);
	cr_expect_eq(psi.full.total, 7);
	stats_parse_psi(NULL, &psi);
	cr_expect_not(psi.set);
}

Test(stats, reads_block_io_of_both_versions)
{
	struct cgroup_stats stats = { 0 };
	cgroup_io_list list;

	stats_parse_io(&arena, "8:0 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=0 dios=0\n"
		       "253:16 rbytes=7\n\n", &stats);
	cr_assert_eq(stats.io_bytes.count, 4);
	cr_assert_eq(stats.io_count.count, 3);
	cr_expect_eq(stats.io_bytes.items[0].value, 4096);
	cr_expect_str_eq(stats.io_bytes.items[0].op, "Read");
	cr_expect_eq(stats.io_bytes.items[3].major, 253);
	cr_expect_eq(stats.io_bytes.items[3].minor, 16);
	stats_parse_blkio(&arena, "8:0 Read 5\n8:0 Total 6\n8:1 77\nTotal 9\n", &list);
	cr_assert_eq(list.count, 3);
	cr_expect_str_eq(list.items[1].op, "Total");
	cr_expect_eq(list.items[1].value, 6);
	cr_expect_str_eq(list.items[2].op, "");
	cr_expect_eq(list.items[2].value, 77);
}

Test(stats, print_as_runc_prints_them)
{
	struct cgroup_io io = { 8, 0, "Read", 5 };
	struct cgroup_huge_pages pages = { "2MB", 1, 2, 3 };
	struct cgroup_named_number raw = { "anon", 4 };
	uint64_t cpus[] = { 0, 1 };
	struct cgroup_stats stats = { .cpu_total = 10, .cpu_user = 6, .cpu_kernel = 4 };
	struct text out = { .arena = &arena };

	stats.cpus.items = cpus;
	stats.cpus.count = 2;
	stats.memory = (struct cgroup_usage){ 100, 50, 60, 1 };
	stats.memory_raw.items = &raw;
	stats.memory_raw.count = 1;
	stats.memory_psi = (struct cgroup_psi){ true, { 125, 7, 0, 9 }, { 0 } };
	stats.pids = 3;
	stats.io_bytes.items = &io;
	stats.io_bytes.count = 1;
	stats.huge_pages.items = &pages;
	stats.huge_pages.count = 1;
	cgroup_stats_print(&out, &stats);
	cr_expect_str_eq(
		out.data,
		"\"cpu\":{\"usage\":{\"total\":10,\"kernel\":4,\"user\":6},\"throttling\":{}},"
		"\"cpuset\":{\"cpus\":[0,1],\"cpu_exclusive\":0,\"mem_hardwall\":0,"
		"\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,"
		"\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,"
		"\"sched_relax_domain_level\":0},"
		"\"memory\":{\"usage\":{\"limit\":100,\"usage\":50,\"max\":60,\"failcnt\":1},"
		"\"swap\":{\"limit\":0,\"failcnt\":0},\"kernel\":{\"limit\":0,\"failcnt\":0},"
		"\"kernelTCP\":{\"limit\":0,\"failcnt\":0},\"raw\":{\"anon\":4},"
		"\"psi\":{\"some\":{\"avg10\":1.25,\"avg60\":0.07,\"avg300\":0.00,\"total\":9},"
		"\"full\":{\"avg10\":0.00,\"avg60\":0.00,\"avg300\":0.00,\"total\":0}}},"
		"\"pids\":{\"current\":3},"
		"\"blkio\":{\"ioServiceBytesRecursive\":"
		"[{\"major\":8,\"op\":\"Read\",\"value\":5}]},"
		"\"hugetlb\":{\"2MB\":{\"usage\":1,\"max\":2,\"failcnt\":3}}");
}

static void stats_of_files(const char *const files[][2], size_t count, struct cgroup_stats *ret)
{
	char path[] = "/tmp/kist-stats-XXXXXX";
	int fd;

	cr_assert_not_null(mkdtemp(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(file_replace(fd, files[i][0], files[i][1], strlen(files[i][1]), 0600,
					  &err),
			     0);
	cgroup_stats_v2(fd, &arena, ret);
	for (size_t i = 0; i < count; i++)
		unlinkat(fd, files[i][0], 0);
	close(fd);
	rmdir(path);
}

/* The peak of swap alone was given for that of memory and swap. */
Test(stats, of_swap_are_of_memory_and_swap)
{
	static const char *const files[][2] = {
		{ "memory.stat", "anon 1\nfile 2\nkernel 3\n" },
		{ "memory.current", "1000\n" },
		{ "memory.max", "5000\n" },
		{ "memory.peak", "2000\n" },
		{ "memory.swap.current", "300\n" },
		{ "memory.swap.max", "700\n" },
		{ "memory.swap.peak", "400\n" },
		{ "memory.swap.events", "high 0\nmax 6\nfail 0\n" },
	};
	struct cgroup_stats stats = { 0 };

	stats_of_files(files, ARRAY_SIZE(files), &stats);
	cr_expect_eq(stats.memory.max, 2000);
	cr_expect_eq(stats.swap.usage, 1300);
	cr_expect_eq(stats.swap.limit, 5700);
	cr_expect_eq(stats.swap.max, 0);
	cr_expect_eq(stats.swap.fail_count, 6);
}

/* Inside an object that has members already, and in an empty one. */
Test(stats, print_what_is_json)
{
	struct cgroup_stats stats = { 0 };
	struct text out = { .arena = &arena };

	text_add(&out, "{\"id\":1");
	cgroup_stats_print(&out, &stats);
	text_add(&out, "}");
	cr_expect_not_null(json_parse(&arena, &(struct json_source){ "stats", out.data, out.size },
				      &err),
			   "%s: %s", err.text, out.data);
	out = (struct text){ .arena = &arena };
	text_add(&out, "{");
	cgroup_stats_print(&out, &stats);
	text_add(&out, "}");
	cr_expect_not_null(json_parse(&arena, &(struct json_source){ "stats", out.data, out.size },
				      &err),
			   "%s: %s", err.text, out.data);
}
