/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "rootfs-tools/from_host/elf.h"
#include "rootfs-tools/publish.h"

static struct arena arena;
static struct error err;

static void finish(void)
{
	arena_free(&arena);
}
TestSuite(elf, .fini = finish);

static int read_bytes(const void *bytes, size_t size, struct elf *ret)
{
	int fd = memfd_create("elf", MFD_CLOEXEC), result;

	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	result = elf_read(&arena, fd, ret, &err);
	close(fd);
	return result;
}

Test(elf, reads_this_program)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	bool libc = false;
	struct elf elf;

	cr_assert_eq(elf_read(&arena, fd, &elf, &err), 1, "%s", err.text);
	cr_expect_not_null(strstr(elf.interpreter, "ld"));
	LIST_EACH(name, elf.needed)
		libc = libc || strncmp(*name, "libc.so", 7) == 0;
	cr_expect(libc);
	close(fd);
}

Test(elf, finds_what_this_program_needs_in_this_root)
{
	int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct elf_closure closure;
	bool libc = false;
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[size] = '\0';
	cr_assert_eq(elf_closure(&arena, root_fd, path, NULL, &closure, &err), 0, "%s", err.text);
	cr_expect_str_eq(closure.files.items[0], path);
	LIST_EACH(file, closure.files)
		libc = libc || strstr(*file, "/libc.so") != NULL;
	cr_expect(libc);
	LIST_EACH(missing, closure.missing)
		cr_expect_fail("%s is missing", missing->name);
	close(root_fd);
}

static char root[] = "/tmp/kist-elf-XXXXXX";

static int root_make(void)
{
	cr_assert_not_null(mkdtemp(root));
	return open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void root_drop(int root_fd)
{
	close(root_fd);
	cr_expect_eq(tree_remove(AT_FDCWD, root, &err), 0, "%s", err.text);
}

static void put(int root_fd, const char *path, const void *bytes, size_t size)
{
	_cleanup_fd int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	cr_assert_eq(fd_write_all(fd, bytes, size), 0, "%s", path);
}

/* This program, as if it were that one; with that interpreter, or NULL: its own. */
static void put_program_of(int root_fd, const char *path, const char *interpreter)
{
	char *bytes;
	size_t size;
	struct elf elf;

	cr_assert_eq(file_read(AT_FDCWD, "/proc/self/exe", 1 << 26, &arena, &bytes, &size, &err), 0,
		     "%s", err.text);
	cr_assert_eq(read_bytes(bytes, size, &elf), 1);
	if (interpreter != NULL) {
		cr_assert_leq(strlen(interpreter), strlen(elf.interpreter));
		memcpy(memmem(bytes, size, elf.interpreter, strlen(elf.interpreter) + 1),
		       interpreter, strlen(interpreter) + 1);
	}
	put(root_fd, path, bytes, size);
}

static void put_program(int root_fd, const char *path)
{
	put_program_of(root_fd, path, NULL);
}

static bool has_file(const struct elf_closure *closure, const char *name)
{
	LIST_EACH(file, closure->files)
		if (strcmp(*file, name) == 0)
			return true;
	return false;
}

Test(elf, says_what_an_empty_root_lacks)
{
	struct elf_closure closure;
	int root_fd = root_make();

	put_program(root_fd, "program");
	cr_expect_eq(elf_closure(&arena, root_fd, "/program", NULL, &closure, &err), 0);
	cr_expect_eq(closure.files.count, 1);
	cr_expect_geq(closure.missing.count, 2);
	cr_expect_str_eq(closure.missing.items[0].wanted_by, "/program");
	root_drop(root_fd);
}

/* The program's first library is in /odd; file, which says so, is below /etc. */
static void expect_found_in_odd(int root_fd, const char *file, const char *says)
{
	struct elf_closure closure;
	const char *library;

	cr_assert_eq(elf_closure(&arena, root_fd, "/program", NULL, &closure, &err), 0);
	/* The first is the interpreter, which has a path. */
	library = closure.missing.items[1].name;
	mkdirat(root_fd, "odd", 0755);
	put(root_fd, file, says, strlen(says));
	put_program(root_fd, arena_printf(&arena, "odd/%s", library));
	cr_expect_eq(elf_closure(&arena, root_fd, "/program", NULL, &closure, &err), 0);
	cr_expect(has_file(&closure, arena_printf(&arena, "/odd/%s", library)), "%s", library);
}

/* Fedora's and Arch's ld.so.conf; Debian's has the whole path. */
Test(elf, finds_directories_that_an_include_beside_it_names)
{
	static const char conf[] = "include ld.so.conf.d/*.conf\n";
	int root_fd = root_make();

	put_program(root_fd, "program");
	mkdirat(root_fd, "etc", 0755);
	mkdirat(root_fd, "etc/ld.so.conf.d", 0755);
	put(root_fd, "etc/ld.so.conf", conf, strlen(conf));
	expect_found_in_odd(root_fd, "etc/ld.so.conf.d/odd.conf", "/odd\n");
	root_drop(root_fd);
}

Test(elf, is_not_led_around_for_ever, .timeout = 60)
{
	struct text conf = { .arena = &arena };
	struct elf_closure closure;
	int root_fd = root_make();

	for (int i = 0; i < 60000; i++)
		text_add(&conf, "include ld.so.conf\n");
	mkdirat(root_fd, "etc", 0755);
	put(root_fd, "etc/ld.so.conf", conf.data, conf.size);
	put_program(root_fd, "program");
	cr_expect_eq(elf_closure(&arena, root_fd, "program", NULL, &closure, &err), 0, "%s",
		     err.text);
	cr_expect_gt(closure.missing.count, 0);
	root_drop(root_fd);
}

/* A library for this machine that needs 512 others, whose names begin so. */
static void put_needy(int root_fd, const char *path, const char *prefix)
{
	enum { COUNT = ELF_MAX_NEEDED };
	static struct {
		Elf64_Ehdr head;
		Elf64_Phdr segments[2];
		Elf64_Dyn dynamic[COUNT + 3];
		char names[COUNT][8];
	} file;
	const size_t at = offsetof(typeof(file), dynamic);
	struct elf self;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	cr_assert_eq(elf_read(&arena, fd, &self, &err), 1);
	cr_assert_eq(pread(fd, &file.head, EI_NIDENT, 0), EI_NIDENT);
	close(fd);
	file.head.e_machine = self.machine;
	file.head.e_phoff = offsetof(typeof(file), segments);
	file.head.e_phnum = 2;
	file.segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_filesz = sizeof(file) };
	file.segments[1] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
					 .p_offset = at,
					 .p_filesz = sizeof(file.dynamic) };
	for (int i = 0; i < COUNT; i++) {
		file.dynamic[i].d_tag = DT_NEEDED;
		file.dynamic[i].d_un.d_val = (size_t)i * sizeof(file.names[i]);
		snprintf(file.names[i], sizeof(file.names[i]), "%s%d", prefix, i);
	}
	file.dynamic[COUNT].d_tag = DT_STRTAB;
	file.dynamic[COUNT].d_un.d_ptr = offsetof(typeof(file), names);
	file.dynamic[COUNT + 1].d_tag = DT_STRSZ;
	file.dynamic[COUNT + 1].d_un.d_val = sizeof(file.names);
	put(root_fd, path, &file, sizeof(file));
}

Test(elf, needs_only_so_many_that_are_not_there, .timeout = 60)
{
	struct elf_closure closure;
	int root_fd = root_make();

	if (sizeof(void *) != 8)
		cr_skip_test("32 bits");
	mkdirat(root_fd, "lib", 0755);
	put_needy(root_fd, "program", "l");
	for (int i = 0; i < 10; i++)
		put_needy(root_fd, arena_printf(&arena, "lib/l%d", i),
			  arena_printf(&arena, "%c", 'a' + i));
	cr_expect_eq(elf_closure(&arena, root_fd, "program", NULL, &closure, &err), -1);
	cr_expect_not_null(strstr(err.text, "needs more than 2048 files"), "%s", err.text);
	root_drop(root_fd);
}

Test(elf, looks_in_only_so_many_directories, .timeout = 60)
{
	struct text path = { .arena = &arena };
	struct elf_closure closure;
	int root_fd = root_make();

	for (int i = 0; i < 200000; i++)
		text_add(&path, "a:");
	put_needy(root_fd, "program", "l");
	cr_expect_eq(elf_closure(&arena, root_fd, "program", path.data, &closure, &err), 0, "%s",
		     err.text);
	cr_expect_eq(closure.missing.count, ELF_MAX_NEEDED);
	root_drop(root_fd);
}

/* musl's file of paths has its own format. */
Test(elf, finds_directories_with_colons_between_them)
{
	int root_fd = root_make();

	put_program_of(root_fd, "program", "/lib/ld-musl-odd.so.1");
	mkdirat(root_fd, "etc", 0755);
	expect_found_in_odd(root_fd, "etc/ld-musl-odd.path", "/none:/odd\n/else");
	root_drop(root_fd);
}

Test(elf, a_script_is_none)
{
	struct elf elf;

	cr_expect_eq(read_bytes("#!/bin/sh\n", 10, &elf), 0);
	cr_expect_eq(read_bytes("", 0, &elf), 0);
}

/* Every offset and size of a small file, made wrong in turn: an answer, and no crash. */
Test(elf, survives_any_broken_header)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr phdr[3];
		Elf64_Dyn dynamic[4];
		char text[64];
	} file = {
		.head = { .e_ident = ELFMAG, .e_machine = EM_X86_64, .e_phnum = 3,
			  .e_phoff = sizeof(Elf64_Ehdr) },
	};
	unsigned char *bytes = (unsigned char *)&file;
	struct elf elf;

	file.head.e_ident[EI_CLASS] = ELFCLASS64;
	file.head.e_ident[EI_DATA] = ELFDATA2LSB;
	file.phdr[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_filesz = sizeof(file) };
	file.phdr[1] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_filesz = 8,
				     .p_offset = offsetof(__typeof__(file), text) };
	file.phdr[2] = (Elf64_Phdr){ .p_type = PT_DYNAMIC, .p_filesz = sizeof(file.dynamic),
				     .p_offset = offsetof(__typeof__(file), dynamic) };
	file.dynamic[0] = (Elf64_Dyn){ .d_tag = DT_STRTAB,
				       .d_un.d_val = offsetof(__typeof__(file), text) };
	file.dynamic[1] = (Elf64_Dyn){ .d_tag = DT_STRSZ, .d_un.d_val = 64 };
	file.dynamic[2] = (Elf64_Dyn){ .d_tag = DT_NEEDED, .d_un.d_val = 8 };
	memcpy(file.text, "/lib/ld\0libx.so", 16);
	cr_assert_eq(read_bytes(&file, sizeof(file), &elf), 1, "%s", err.text);
	cr_expect_str_eq(elf.interpreter, "/lib/ld");
	cr_expect_str_eq(elf.needed.items[0], "libx.so");
	for (size_t i = 0; i < sizeof(file); i++) {
		static const unsigned char values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
		unsigned char old = bytes[i];

		for (size_t j = 0; j < sizeof(values); j++) {
			bytes[i] = values[j];
			read_bytes(&file, sizeof(file), &elf);
		}
		bytes[i] = old;
		read_bytes(&file, i, &elf);
	}
}
