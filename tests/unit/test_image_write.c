/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "rootfs-tools/blob/compress.h"
#include "rootfs-tools/blob/inflate.h"
#include "rootfs-tools/image/index.h"
#include "rootfs-tools/make/edit.h"
#include "rootfs-tools/tar/write.h"

static struct arena arena;
static struct error err;

/* A sink that keeps what it gets. */
struct kept {
	struct sink sink;
	struct text text;
};

static int keep(struct sink *sink, const void *data, size_t size, struct error *e _unused)
{
	text_add_bytes(&((struct kept *)sink)->text, data, size);
	return 0;
}

static struct kept kept_new(void)
{
	return (struct kept){ { keep }, { .arena = &arena } };
}

/* --- tar --- */

static const char *header_of(const struct tar_member *member, size_t *ret_size)
{
	static struct kept out;
	struct tar_writer tar = { .out = &out.sink, .pax.arena = &arena, .name.arena = &arena };

	out = kept_new();
	cr_assert_eq(tar_write_member(&tar, member, &err), 0);
	cr_assert_eq(out.text.size % 512, 0);
	*ret_size = out.text.size;
	return out.text.data;
}

Test(tar_write, needs_one_block_for_what_fits_it)
{
	struct tar_member member = { .path = "usr/bin/env", .mode = S_IFREG | 0755, .size = 7 };
	size_t size;
	const char *block = header_of(&member, &size);

	cr_assert_eq(size, 512);
	cr_expect_str_eq(block, "usr/bin/env");
	cr_expect_str_eq(block + 100, "0000755");
	cr_expect_str_eq(block + 124, "00000000007");
	cr_expect_eq(memcmp(block + 257, "ustar\00000", 8), 0);
}

Test(tar_write, splits_long_names_and_then_takes_a_pax_header)
{
	char path[400];
	struct tar_member member = { .path = path, .mode = S_IFREG | 0644 };
	size_t size;
	const char *block;

	memset(path, 'a', sizeof(path));
	path[120] = '/';
	path[130] = '\0';
	block = header_of(&member, &size);
	cr_assert_eq(size, 512);
	cr_expect_eq(strlen(block + 345), 120, "the prefix");
	cr_expect_eq(strlen(block), 9);
	path[130] = 'a';
	path[300] = '\0';
	block = header_of(&member, &size);
	cr_assert_eq(size, 3 * 512);
	cr_expect_eq(block[156], 'x');
	cr_expect_eq(memcmp(block + 512, "310 path=aaaa", 13), 0, "%.20s", block + 512);
}

static const struct {
	struct tar_member member;
	const char *record;
} records[] = {
	{ { .path = "f", .mode = S_IFREG, .uid = 2097152 }, "15 uid=2097152\n" },
	{ { .path = "f", .mode = S_IFREG, .mtime = 1, .mtime_ns = 500000000 }, "13 mtime=1.5\n" },
	{ { .path = "f", .mode = S_IFREG, .mtime = -1 }, "12 mtime=-1\n" },
	{ { .path = "f", .mode = S_IFREG, .mtime = -2, .mtime_ns = 500000000 }, "14 mtime=-1.5\n" },
	{ { .path = "f", .mode = S_IFREG, .mtime = -1, .mtime_ns = 750000000 },
	  "15 mtime=-0.25\n" },
};

Test(tar_write, says_in_pax_what_ustar_cannot)
{
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		size_t size;
		const char *block = header_of(&records[i].member, &size);

		cr_assert_eq(size, 3 * 512, "%s", records[i].record);
		cr_expect_str_eq(block + 512, records[i].record);
	}
}

Test(tar_write, counts_the_digits_of_a_record)
{
	static char value[77];
	static const struct tar_xattr xattr = { "user.x", value, sizeof(value) };
	struct tar_member member = { .path = "f", .mode = S_IFREG, .xattrs = &xattr,
				     .xattr_count = 1 };
	size_t size;
	const char *block = header_of(&member, &size);

	/* 19 for the key, 3 for blank, "=" and newline, and 77: with its two digits that is 101. */
	cr_expect_eq(memcmp(block + 512, "102 SCHILY.xattr.user.x=", 24), 0, "%.30s", block + 512);
	cr_expect_eq(block[512 + 101], '\n');
}

Test(tar_write, gives_types_and_devices)
{
	struct tar_member device = { .path = "n", .mode = S_IFBLK | 0600,
				     .device = makedev(7, 300) };
	struct tar_member link = { .path = "l", .link = "to", .mode = S_IFLNK | 0777 };
	struct tar_member hard = { .path = "h", .link = "f", .hard_link = true, .mode = S_IFREG,
				   .size = 9 };
	size_t size;
	const char *block = header_of(&device, &size);

	cr_expect_eq(block[156], '4');
	cr_expect_str_eq(block + 329, "0000007");
	cr_expect_str_eq(block + 337, "0000454");
	block = header_of(&link, &size);
	cr_expect_eq(block[156], '2');
	cr_expect_str_eq(block + 157, "to");
	block = header_of(&hard, &size);
	cr_expect_eq(block[156], '1');
	cr_expect_str_eq(block + 124, "00000000000", "a hard link has no data");
}

/* --- compression --- */

static struct text compressed(const char *kind, const char *data, size_t size, size_t step)
{
	struct kept out = kept_new();
	struct compress_choice choice;
	struct compressor *compressor;

	cr_assert_eq(compress_choose(kind, 0, &choice, &err), 0);
	compressor = compress_open(&arena, &choice, &out.sink, &err);
	cr_assert_not_null(compressor);
	for (size_t at = 0; at < size; at += step)
		cr_assert_eq(compress_write(compressor, data + at,
					    size - at < step ? size - at : step, &err), 0);
	cr_assert_eq(compress_finish(compressor, &err), 0);
	compress_close(&compressor);
	return out.text;
}

static ssize_t fill_once(void *context, const unsigned char **ret_data, struct error *e _unused)
{
	struct text *text = context;
	size_t size = text->size;

	*ret_data = (const unsigned char *)text->data;
	text->size = 0;
	return (ssize_t)size;
}

Test(compress, comes_out_as_it_went_in)
{
	static const struct { const char *kind; enum compression is; } kinds[] = {
		{ "gzip", COMPRESSION_GZIP }, { "igzip", COMPRESSION_GZIP },
		{ "zstd", COMPRESSION_ZSTD }, { "none", COMPRESSION_NONE },
	};
	static const size_t sizes[] = { 0, 1, 256 << 10, (256 << 10) + 1, 3000000 };
	char *data = arena_alloc(&arena, 3000000), *back = arena_alloc(&arena, 3000001);

	for (size_t i = 0; i < 3000000; i++)
		data[i] = (char)((i * i) >> 7);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct text text = compressed(kinds[k].kind, data, sizes[i], 65536);
			struct inflate inflate;
			size_t got = 0;
			ssize_t n;

			cr_assert_eq(inflate_open(&inflate, kinds[k].is, fill_once, &text, &err),
				     0);
			while ((n = inflate_read(&inflate, (unsigned char *)back + got,
						 3000001 - got, &err)) > 0)
				got += (size_t)n;
			cr_expect_eq(n, 0, "%s: %s", kinds[k].kind, err.text);
			cr_expect_eq(got, sizes[i], "%s of %zu", kinds[k].kind, sizes[i]);
			cr_expect_eq(memcmp(back, data, sizes[i]), 0);
			inflate_close(&inflate);
		}
	}
}

Test(compress, does_not_depend_on_how_it_is_written)
{
	char *data = arena_alloc(&arena, 1000000);
	struct text a, b;

	for (size_t i = 0; i < 1000000; i++)
		data[i] = (char)((i * i) >> 9);
	a = compressed("gzip", data, 1000000, 1000000);
	b = compressed("gzip", data, 1000000, 777);
	cr_assert_eq(a.size, b.size);
	cr_expect_eq(memcmp(a.data, b.data, a.size), 0);
}

/* --- JSON --- */

static struct json *read_json(const char *text)
{
	struct json_source source = { "x.json", text, strlen(text) };
	const struct json *json = json_parse(&arena, &source, &err);

	cr_assert_not_null(json, "%s: %s", text, err.text);
	return json_copy(&arena, json);
}

static const char *print(const struct json *json)
{
	struct text out = { .arena = &arena };

	json_print(&out, json);
	return out.data;
}

Test(json_edit, leaves_what_it_does_not_touch)
{
	static const char text[] = "{\"a\":1.50,\"b\":[null,true,\"\\u0001x\"],\"c\":{},"
				   "\"n\":123456789012345678901234567890}";
	struct json *json = read_json(text);

	cr_expect_str_eq(print(json), text);
	json_set_string(&arena, json, "a", "x");
	json_set(&arena, json, "b", NULL);
	json_set(&arena, json, "none", NULL);
	json_set(&arena, json, "d", json_new_u64(&arena, 7));
	cr_expect_str_eq(print(json), "{\"a\":\"x\",\"c\":{},\"n\":123456789012345678901234567890,"
				      "\"d\":7}");
	cr_expect_eq(json->count, 4);
}

/* --- image configs --- */

static struct draft draft;

static void a_draft(void)
{
	static const struct platform platform = { "linux", "amd64", "" };

	draft_begin(&arena, &platform, &draft);
}

#define NO_PORT	"must be a port, such as 80, 53/udp or 8000-8010"
static const struct {
	const char *option, *value, *says;
} refused[] = {
	{ "user", "\xff", "--user \"\\xff\": must be UTF-8" },
	{ "env", "NAME", "--env \"NAME\": must be NAME=VALUE, in UTF-8" },
	{ "env", "=x", "--env \"=x\": must be NAME=VALUE, in UTF-8" },
	{ "workdir", "tmp", "--workdir \"tmp\": must be an absolute path" },
	{ "volume", "data", "--volume \"data\": must be an absolute path, in UTF-8" },
	{ "label", "x", "--label \"x\": must be KEY=VALUE, in UTF-8" },
	{ "expose", "80/icmp", "--expose \"80/icmp\": " NO_PORT },
	{ "expose", "90-80", "--expose \"90-80\": " NO_PORT },
	{ "expose", "65536", "--expose \"65536\": " NO_PORT },
	{ "arch", "AMD 64", "--arch \"AMD 64\": must be a word such as linux, amd64, v7" },
	{ "created", "2026-01-01", "--created \"2026-01-01\": must be a time such as "
				   "2026-01-31T12:00:00Z" },
	{ "cmd", "[\"a\", 1]", "--cmd \"[\"a\", 1]\": must be an array of strings" },
	{ "stop-signal", "SIGNOPE", "--stop-signal \"SIGNOPE\": no such signal" },
};

static const struct option edit_rows[] = {
	EDIT_OPTION_ROWS(struct { struct edit_options edit; }, edit),
	{ 0 },
};

static int edit_by_words(const char *const *words)
{
	struct edit_options edit = { 0 };
	struct option_scope scopes[2] = { { edit_rows, &edit }, { NULL, NULL } };
	struct arguments arguments;

	cr_assert_eq(option_parse(&arena, scopes, -1, (char *const *)(uintptr_t)words, &arguments,
				  &err), 0, "%s", err.text);
	return edit_apply(&draft, &edit, &err);
}

Test(edit, says_what_is_wrong, .init = a_draft)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const char *option = arena_printf(&arena, "--%s", refused[i].option);
		const char *const words[] = { option, refused[i].value, NULL };

		cr_expect_eq(edit_by_words(words), -1, "%s", option);
		cr_expect_str_eq(err.text, refused[i].says);
	}
}

Test(edit, changes_and_clears, .init = a_draft)
{
	static const char *const first[] = {
		"--env", "A=1", "--env", "B=2", "--cmd", "[\"a\", \"-b\"]", "--expose", "80",
		"--expose", "53/udp", "--label", "k=v=w", "--volume", "/data", NULL };
	static const char *const second[] = {
		"--env", "A=3", "--entrypoint", "sh", "--entrypoint", "-c",
		"--clear", "expose", NULL };

	cr_assert_eq(edit_by_words(first), 0, "%s", err.text);
	cr_expect_str_eq(print(draft_settings(&draft)),
			 "{\"Env\":[\"A=1\",\"B=2\"],"
			 "\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}},"
			 "\"Volumes\":{\"/data\":{}},"
			 "\"Cmd\":[\"a\",\"-b\"],\"Labels\":{\"k\":\"v=w\"}}");
	cr_assert_eq(edit_by_words(second), 0, "%s", err.text);
	cr_expect_str_eq(print(draft_settings(&draft)),
			 "{\"Env\":[\"A=3\",\"B=2\"],\"Volumes\":{\"/data\":{}},"
			 "\"Labels\":{\"k\":\"v=w\"},\"Entrypoint\":[\"sh\",\"-c\"]}",
			 "a new entrypoint takes the old command away");
}

Test(draft, drops_the_history_of_the_last_layers, .init = a_draft)
{
	static const char history[] = "[{\"created_by\":\"1\"},{\"created_by\":\"e\","
				      "\"empty_layer\":true},{\"created_by\":\"2\"},"
				      "{\"created_by\":\"f\",\"empty_layer\":true},"
				      "{\"created_by\":\"3\"}]";

	draft.layers.count = 3;
	json_set(&arena, draft.config, "history", read_json(history));
	draft_drop_history(&draft, 1);
	cr_expect_str_eq(print(json_member(draft.config, "history")),
			 "[{\"created_by\":\"1\"},{\"created_by\":\"e\",\"empty_layer\":true},"
			 "{\"created_by\":\"2\"}]");
	draft.layers.count = 9;
	draft_drop_history(&draft, 1);
	cr_expect_str_eq(print(json_member(draft.config, "history")), "[]", "it fits no layers");
}

/* --- references and times --- */

Test(writer, splits_references)
{
	static const struct {
		const char *text;
		enum writer_kind kind;
		const char *path, *tag;
	} good[] = {
		{ "dir", WRITER_LAYOUT, "dir", NULL },
		{ "./a/b:x", WRITER_LAYOUT, "./a/b", "x" },
		{ "oci:/a:b/c:d", WRITER_LAYOUT, "/a", "b/c:d" },
		{ "./tar:x", WRITER_LAYOUT, "./tar", "x" },
		{ "oci-archive:x.tar", WRITER_OCI_ARCHIVE, "x.tar", NULL },
		{ "docker-archive:x.tar:n/m:1", WRITER_DOCKER_ARCHIVE, "x.tar", "n/m:1" },
	};
	static const char *const wrong[] = { "docker://x", "oci:",  "oci:x:",	       "oci:x:a b",
					     "x@sha256:ab", "tar:x", "docker-daemon:x", "erofs:x" };
	const char *path, *tag;
	enum writer_kind kind;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		cr_assert_eq(writer_parse(&arena, good[i].text, &kind, &path, &tag, &err), 0);
		cr_expect_eq(kind, good[i].kind);
		cr_expect_str_eq(path, good[i].path);
		cr_expect((tag == NULL) == (good[i].tag == NULL), "%s", good[i].text);
		cr_expect(tag == NULL || strcmp(tag, good[i].tag) == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		cr_expect_eq(writer_parse(&arena, wrong[i], &kind, &path, &tag, &err), -1, "%s",
			     wrong[i]);
}

Test(epoch, knows_times)
{
	struct epoch epoch = { true, 1600000000 };

	cr_expect_str_eq(epoch_created(&arena, &epoch), "2020-09-13T12:26:40Z");
	cr_expect(epoch_is_time("2020-09-13T12:26:40Z"));
	cr_expect(epoch_is_time("2020-09-13T12:26:40.123456789+02:00"));
	cr_expect_not(epoch_is_time("2020-09-13"));
	cr_expect_not(epoch_is_time("2020-09-13T12:26:40"));
	cr_expect_not(epoch_is_time("2020-09-13T12:26:40.Z"));
	cr_expect_not(epoch_is_time("2020-09-13T12:26:40+2"));
	cr_expect_not(epoch_is_time("2020-09-13T12:26:40+ 2:00"));
	cr_expect(epoch_is_time("2020-02-29T00:00:00Z"));
	cr_expect(epoch_is_time("1969-12-31T23:59:59Z"));
	cr_expect_not(epoch_is_time("2021-02-29T00:00:00Z"));
	cr_expect_not(epoch_is_time("2020-09-13T12:26:60Z"));
	cr_expect_not(epoch_is_time("2020-9-13T12:26:40Z"));
	cr_expect_not(epoch_is_time(" 2020-09-13T12:26:40Z"));
	cr_expect_not(epoch_is_time("2020- 9-13T12:26:40Z"));
}
