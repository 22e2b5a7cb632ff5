/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "runtime/cgroup/dbus.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/unit.h"

static struct arena arena;
static struct error err;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* As dbus-send writes it, byte for byte. */
Test(dbus, call_is_as_the_specification_says)
{
	static const struct dbus_call call = { "a.b", "/x", "c.d", "Do", "s" };
	static const char expected[] =
		"l\1\0\1" "\7\0\0\0" "\5\0\0\0" "\107\0\0\0"
		"\1\1o\0" "\2\0\0\0" "/x\0" "\0\0\0\0\0"
		"\2\1s\0" "\3\0\0\0" "c.d\0" "\0\0\0\0"
		"\3\1s\0" "\2\0\0\0" "Do\0" "\0\0\0\0\0"
		"\6\1s\0" "\3\0\0\0" "a.b\0" "\0\0\0\0"
		"\10\1g\0" "\1s\0" "\0"
		"\2\0\0\0" "hi\0";
	struct text body = { .arena = &arena }, out = { .arena = &arena };

	dbus_add_string(&body, "hi");
	dbus_message_add(&out, &call, 5, &body);
	cr_assert_eq(out.size, sizeof(expected) - 1, "%zu, not %zu", out.size,
		     sizeof(expected) - 1);
	for (size_t i = 0; i < out.size; i++)
		cr_expect_eq(out.data[i], expected[i], "byte %zu: %d, not %d", i, out.data[i],
			     expected[i]);
}
#endif

static uint64_t get_u64(struct dbus_reader *reader)
{
	uint64_t low, high;

	dbus_skip_to(reader, 8);
	low = dbus_get_u32(reader);
	high = dbus_get_u32(reader);
	return low | high << 32;
}

Test(dbus, reads_what_it_writes)
{
	static const struct dbus_call call = { "dest", "/p", "i.f", "Member", "yut(b)asg" };
	struct text body = { .arena = &arena }, out = { .arena = &arena };
	struct dbus_message message;
	struct dbus_reader *read = &message.body;
	size_t mark, end;

	dbus_add_byte(&body, 7);
	dbus_add_u32(&body, 70000);
	dbus_add_u64(&body, UINT64_MAX - 1);
	dbus_align(&body, 8);
	dbus_add_bool(&body, true);
	mark = dbus_array_begin(&body, 4);
	dbus_add_string(&body, "");
	dbus_add_string(&body, "second");
	dbus_array_end(&body, mark, 4);
	dbus_add_signature(&body, "a(sv)");
	dbus_message_add(&out, &call, 9, &body);
	cr_assert_eq(dbus_message_size(out.data), out.size);
	cr_assert_eq(dbus_message_parse(out.data, out.size, &message, &err), 0, "%s", err.text);
	cr_expect_eq(message.type, DBUS_CALL);
	cr_expect_eq(message.serial, 9);
	cr_expect_str_eq(message.path, "/p");
	cr_expect_str_eq(message.interface, "i.f");
	cr_expect_str_eq(message.member, "Member");
	cr_expect_str_eq(message.signature, "yut(b)asg");
	cr_expect_eq(dbus_get_byte(read), 7);
	cr_expect_eq(dbus_get_u32(read), 70000);
	cr_expect_eq(get_u64(read), UINT64_MAX - 1);
	dbus_skip_to(read, 8);
	cr_expect_eq(dbus_get_u32(read), 1);
	end = dbus_get_array(read, 4);
	end += read->at;
	cr_expect_str_eq(dbus_get_string(read), "");
	cr_expect_str_eq(dbus_get_string(read), "second");
	cr_expect_eq(read->at, end);
	cr_expect_str_eq(dbus_get_signature(read), "a(sv)");
	cr_expect_not(read->bad);
	cr_expect_eq(dbus_get_byte(read), 0);
	cr_expect(read->bad, "it reads past the end");
}

/* Whatever is cut off or turned over, nothing outside of the message is touched (run with ASan). */
Test(dbus, survives_every_damage_to_a_message)
{
	static const struct dbus_call call = { "dest", "/p", "i.f", "Member", "ss" };
	struct text body = { .arena = &arena }, out = { .arena = &arena };
	struct dbus_message message;

	dbus_add_string(&body, "one");
	dbus_add_string(&body, "two");
	dbus_message_add(&out, &call, 1, &body);
	for (size_t i = 0; i < out.size; i++) {
		for (int value = 0; value < 256; value++) {
			char *copy = arena_strndup(&arena, "", 0);

			copy = arena_alloc(&arena, out.size);
			memcpy(copy, out.data, out.size);
			copy[i] = (char)value;
			if (dbus_message_parse(copy, out.size, &message, &err) < 0)
				continue;
			cr_expect_leq(strlen(dbus_get_string(&message.body)), out.size);
			dbus_get_string(&message.body);
		}
		cr_expect(i == 0 || dbus_message_parse(out.data, i, &message, &err) < 0,
			  "cut to %zu bytes", i);
	}
}

Test(dbus, finds_the_socket_in_an_address)
{
	static const struct { const char *address, *path; bool abstract; } rows[] = {
		{ "unix:path=/run/bus", "/run/bus", false },
		{ "unix:path=/run/user/1000/bus,guid=abc", "/run/user/1000/bus", false },
		{ "unix:guid=abc,path=/run/b%20s", "/run/b s", false },
		{ "tcp:host=x,port=1;unix:abstract=/tmp/x", "/tmp/x", true },
		{ "tcp:host=x", NULL, false },
		{ "unix:", NULL, false },
		{ "", NULL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *path = NULL;
		bool abstract = false;
		bool found = dbus_address_path(&arena, rows[i].address, &path, &abstract);

		cr_assert_eq(found, rows[i].path != NULL, "%s", rows[i].address);
		if (!found)
			continue;
		cr_expect_str_eq(path, rows[i].path, "%s", rows[i].address);
		cr_expect_eq(abstract, rows[i].abstract, "%s", rows[i].address);
	}
}

Test(unit, masks_are_bits)
{
	static const struct { const char *list; int size; uint8_t first, last; } rows[] = {
		{ "0", 1, 1, 1 }, { "0-2,7", 1, 0x87, 0x87 }, { "1,8-9", 2, 2, 3 },
		{ "8191", 1024, 0, 0x80 },
		{ "8192", 0, 0, 0 }, { "", 0, 0, 0 }, { "3-1", 0, 0, 0 }, { "1-", 0, 0, 0 },
		{ "a", 0, 0, 0 }, { "1;2", 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t mask[1024];
		size_t size = 0;
		bool ok = unit_mask_parse(rows[i].list, mask, &size);

		cr_expect_eq(ok, rows[i].size > 0, "%s", rows[i].list);
		if (!ok)
			continue;
		cr_expect_eq(size, (size_t)rows[i].size, "%s", rows[i].list);
		cr_expect_eq(mask[0], rows[i].first, "%s", rows[i].list);
		cr_expect_eq(mask[size - 1], rows[i].last, "%s", rows[i].list);
	}
}

/* One property, and its value as a number where it is one. */
struct seen {
	const char *name, *signature;
	uint64_t number;
};

static size_t properties_read(const struct text *body, struct seen *seen, size_t room)
{
	struct dbus_reader reader = { .data = body->data, .size = body->size };
	size_t count = 0;

	while (reader.at < reader.size && count < room) {
		struct seen *one = &seen[count++];

		dbus_skip_to(&reader, 8);
		one->name = dbus_get_string(&reader);
		one->signature = dbus_get_signature(&reader);
		if (strcmp(one->signature, "t") == 0 || strcmp(one->signature, "x") == 0)
			one->number = get_u64(&reader);
		else if (strcmp(one->signature, "s") == 0)
			dbus_get_string(&reader);
		else if (one->signature[0] == 'a')
			reader.at += dbus_get_array(&reader, 1);
		else
			one->number = dbus_get_u32(&reader);
	}
	cr_expect_not(reader.bad);
	return count;
}

Test(unit, limits_become_properties)
{
	static const struct {
		const char *file, *text, *name;
		uint64_t number;
	} rows[] = {
		{ "memory.max", "67108864", "MemoryMax", 67108864 },
		{ "memory.max", "max", "MemoryMax", UINT64_MAX },
		{ "memory.limit_in_bytes", "-1", "MemoryLimit", UINT64_MAX },
		/* systemd takes no 0 for these, and no shares that the kernel would round. */
		{ "pids.max", "0", "TasksMax", 1 },
		{ "memory.max", "0", "MemoryMax", 1 },
		{ "memory.high", "0", "MemoryHigh", 1 },
		{ "memory.low", "0", "MemoryLow", 0 },
		{ "memory.swap.max", "0", "MemorySwapMax", 0 },
		{ "memory.limit_in_bytes", "0", "MemoryLimit", 1 },
		{ "cpu.shares", "1", "CPUShares", 2 },
		{ "cpu.shares", "1000000", "CPUShares", 262144 },
		{ "cpu.weight", "39", "CPUWeight", 39 },
		{ "cpu.max", "50000 100000", "CPUQuotaPerSecUSec", 500000 },
		{ "cpu.max", "1000 300000", "CPUQuotaPerSecUSec", 10000 },
		{ "cpu.max", "max 100000", "CPUQuotaPerSecUSec", UINT64_MAX },
		{ "io.weight", "default 500", "IOWeight", 500 },
		{ "hugetlb.2MB.max", "0", NULL, 0 },
		{ "memory.max", "much", NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cgroup_write write = { .file = rows[i].file, .text = rows[i].text };
		cgroup_write_list writes = { &write, 1 };
		struct text body = { .arena = &arena };
		struct seen seen[4];
		size_t count;

		unit_add_limits(&body, &writes, false);
		count = properties_read(&body, seen, ARRAY_SIZE(seen));
		cr_assert_eq(count, rows[i].name != NULL, "%s %s", rows[i].file, rows[i].text);
		if (count == 0)
			continue;
		cr_expect_str_eq(seen[0].name, rows[i].name);
		cr_expect_eq(seen[0].number, rows[i].number, "%s %s: %lu", rows[i].file,
			     rows[i].text, (unsigned long)seen[0].number);
	}
}

Test(unit, what_old_managers_refuse_can_be_left_out)
{
	struct cgroup_write write = { .file = "cpuset.cpus", .text = "0-1" };
	cgroup_write_list writes = { &write, 1 };
	struct text older = { .arena = &arena }, newer = { .arena = &arena };
	struct seen seen[4];

	unit_add_limits(&older, &writes, false);
	unit_add_limits(&newer, &writes, true);
	cr_expect_eq(older.size, 0);
	cr_assert_eq(properties_read(&newer, seen, ARRAY_SIZE(seen)), 1);
	cr_expect_str_eq(seen[0].name, "AllowedCPUs");
	cr_expect_str_eq(seen[0].signature, "ay");
}

Test(unit, annotations_become_properties)
{
	static const struct {
		const char *key, *value, *name, *signature;
		uint64_t number;
	} rows[] = {
		{ "TimeoutStopUSec", "uint64 5", "TimeoutStopUSec", "t", 5 },
		{ "TimeoutStopSec", "uint64 5", "TimeoutStopUSec", "t", 5000000 },
		{ "TimeoutStopSec", "7", "TimeoutStopUSec", "t", 7000000 },
		{ "Description", "'it''s'", NULL, NULL, 0 },
		{ "Description", "'a b'", "Description", "s", 0 },
		{ "Description", "\"a\\\"b\"", "Description", "s", 0 },
		{ "After", "['a.service', 'b.service']", "After", "as", 0 },
		{ "After", "['a.service'", NULL, NULL, 0 },
		{ "IgnoreOnIsolate", "true", "IgnoreOnIsolate", "b", 1 },
		{ "Nice", "-5", "Nice", "i", (uint32_t)-5 },
		{ "CPUWeight", "uint64 -5", NULL, NULL, 0 },
		{ "CPUWeight", "five", NULL, NULL, 0 },
		{ "CPUWeight", "", NULL, NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct annotation annotation = {
			arena_printf(&arena, "org.systemd.property.%s", rows[i].key),
			rows[i].value,
		};
		struct plan plan = { 0 };
		struct text body = { .arena = &arena };
		struct seen seen[4];
		int result;

		plan.annotations.items = &annotation;
		plan.annotations.count = 1;
		result = unit_add_annotations(&body, &plan, &err);
		cr_assert_eq(result, rows[i].name != NULL ? 0 : -1, "%s", rows[i].value);
		if (result < 0)
			continue;
		cr_assert_eq(properties_read(&body, seen, ARRAY_SIZE(seen)), 1, "%s",
			     rows[i].value);
		cr_expect_str_eq(seen[0].name, rows[i].name);
		cr_expect_str_eq(seen[0].signature, rows[i].signature);
		if (rows[i].number != 0)
			cr_expect_eq(seen[0].number, rows[i].number, "%s", rows[i].value);
	}
}

Test(unit, slices_are_paths)
{
	static const struct { const char *slice, *path; } rows[] = {
		{ "system.slice", "/system.slice" },
		{ "a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice" },
		{ "-.slice", "" },
		{ "system", NULL }, { ".slice", NULL }, { "-a.slice", NULL }, { "a-.slice", NULL },
		{ "a--b.slice", NULL }, { "a/b.slice", NULL }, { "", NULL }, { "..slice", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *path = NULL;
		int result = cgroup_slice_path(&arena, rows[i].slice, &path, &err);

		cr_assert_eq(result, rows[i].path != NULL ? 0 : -1, "%s", rows[i].slice);
		if (result == 0)
			cr_expect_str_eq(path, rows[i].path);
	}
}
