/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/program.h"
#include "tests/machine.h"

static char root[64];
static int root_fd = -EBADF;
static struct error err;

static void make_file(const char *path, const void *data, size_t size, mode_t mode)
{
	_cleanup_fd int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	cr_assert(fd >= 0, "%s", path);
	cr_assert_eq(fd_write_all(fd, data, size), 0);
	cr_assert_eq(fchmod(fd, mode), 0);
}

static void make_text(const char *path, const char *text, mode_t mode)
{
	make_file(path, text, strlen(text), mode);
}

/* As little as is looked at: a header, and a segment with the interpreter's name. */
static void make_elf(const char *path, uint16_t machine, const char *interpreter)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segment;
		char name[64];
	} elf = {
		.head = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB },
			.e_machine = machine, .e_phoff = sizeof(Elf64_Ehdr), .e_phnum = 1,
		},
		.segment = {
			.p_type = interpreter != NULL ? PT_INTERP : PT_LOAD,
			.p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
			.p_filesz = interpreter != NULL ? strlen(interpreter) + 1 : 0,
		},
	};

	if (interpreter != NULL)
		snprintf(elf.name, sizeof(elf.name), "%s", interpreter);
	make_file(path, &elf, sizeof(elf), 0755);
}

static void make_root(void)
{
	snprintf(root, sizeof(root), "/tmp/kist-test-root.XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(root_fd, "bin", 0755);
	mkdirat(root_fd, "lib", 0755);
	mkdirat(root_fd, "srv", 0755);
	make_elf("bin/sh", MACHINE_ELF, "/lib/ld.so");
	make_elf("lib/ld.so", MACHINE_ELF, NULL);
	make_elf("bin/static", MACHINE_ELF, NULL);
	make_elf("bin/lost", MACHINE_ELF, "/lib64/ld-linux.so");
	make_elf("bin/foreign", EM_S390, NULL);
	make_text("bin/script", "#!/bin/sh -e\n", 0755);
	make_text("bin/spaced", "#!  /bin/sh\n", 0755);
	make_text("bin/dos", "#!/bin/sh\r\nexit\r\n", 0755);
	make_text("bin/dos-option", "#!/bin/sh -e\r\nexit\r\n", 0755);
	make_text("bin/dos-orphan", "#!/bin/perl -w\r\n", 0755);
	make_text("bin/orphan", "#!/usr/bin/python3\n", 0755);
	make_text("bin/second", "#!/bin/lost\n", 0755);
	make_text("bin/nobody", "#!\n", 0755);
	make_text("bin/loop", "#!/bin/loop\n", 0755);
	make_text("bin/plain", "echo hello\n", 0755);
	make_text("bin/data", "x", 0644);
	make_text("bin/empty", "", 0755);
	make_text("srv/tool", "#!/bin/sh\n", 0755);
	symlinkat("/bin/sh", root_fd, "bin/link");
	symlinkat("../../../../../../etc/passwd", root_fd, "bin/out");
}

static void remove_root(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", root, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	fd_close(&root_fd);
}

TestSuite(program, .init = make_root, .fini = remove_root);

Test(program, is_found_as_execvp_finds_it)
{
	static const struct {
		const char *name, *cwd, *search, *says;
	} facts[] = {
		{ "sh", "/", NULL, "/bin/sh" },
		{ "sh", "/", "/nowhere:/bin", "/bin/sh" },
		{ "tool", "/srv", "/bin:", "/srv/tool" },
		{ "tool", "/srv", ":/bin", "/srv/tool" },
		{ "tool", "/", "/bin:srv", "/srv/tool" },
		{ "link", "/", "/bin", "/bin/link" },
		{ "/bin/sh", "/srv", NULL, "/bin/sh" },
		{ "./tool", "/srv", NULL, "/srv/./tool" },
		{ "../bin/sh", "/srv", NULL, "/srv/../bin/sh" },
		{ "nope", "/", "/bin", "exec: \"nope\": executable file not found in $PATH" },
		{ "nope", "/", "", "exec: \"nope\": executable file not found in $PATH" },
		{ "sh -c true", "/", "/bin",
		  "exec: \"sh -c true\": executable file not found in $PATH: it is one word with "
		  "blanks in it: each argument is a word of its own" },
		{ "data", "/", "/bin", "exec: \"data\": permission denied" },
		{ "/bin/nope", "/", NULL, "exec: \"/bin/nope\": no such file or directory" },
		{ "/bin/data", "/", NULL, "exec: \"/bin/data\": permission denied" },
		{ "/bin", "/", NULL, "exec: \"/bin\": is a directory: permission denied" },
		{ "/bin/out", "/", NULL, "exec: \"/bin/out\": no such file or directory" },
		{ "", "/", NULL, "exec: \"\": no such file or directory" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		char path[PATH_MAX];
		_cleanup_fd int fd = program_find(root_fd, facts[i].name, facts[i].cwd,
						  facts[i].search, path, &err);

		cr_expect_str_eq(fd >= 0 ? path : err.text, facts[i].says, "%s", facts[i].name);
	}
}

/* Cut off, it would be found where nobody meant it: below the root. */
Test(program, is_not_found_by_half_a_path)
{
	char cwd[PATH_MAX], path[PATH_MAX];
	_cleanup_fd int fd = -EBADF;

	for (size_t i = 0; i < sizeof(cwd) - 1; i++)
		cwd[i] = "/."[i % 2];
	cwd[sizeof(cwd) - 1] = '\0';
	fd = program_find(root_fd, "sh", cwd, "bin", path, &err);
	cr_expect_lt(fd, 0, "%s", path);
	cr_expect_eq(err.code, ENOENT);
}

Test(program, says_why_it_cannot_be_executed)
{
	static const struct { const char *path; int code; const char *says;
	} facts[] = {
		{ "/bin/lost", ENOENT,
		  "/bin/lost: its ELF interpreter /lib64/ld-linux.so does not exist "
		  "in the root file system: no such file or directory" },
		{ "/bin/orphan", ENOENT,
		  "/bin/orphan: its interpreter (\"#!\") /usr/bin/python3 does not "
		  "exist in the root file system: no such file or directory" },
		{ "/bin/dos", ENOENT,
		  "/bin/dos: its first line, \"#!/bin/sh\", ends in a carriage "
		  "return: save the file with Unix line ends: no such file or directory" },
		{ "/bin/dos-orphan", ENOENT,
		  "/bin/dos-orphan: its interpreter (\"#!\") /bin/perl does not "
		  "exist in the root file system: no such file or directory" },
		{ "/bin/nobody", ENOEXEC,
		  "/bin/nobody: its first line names no interpreter: "
		  "exec format error" },
		{ "/bin/plain", ENOEXEC,
		  "/bin/plain: is neither an ELF program nor a script that begins "
		  "with \"#!\": exec format error" },
		{ "/bin/empty", ENOEXEC, "/bin/empty: is empty: exec format error" },
		{ "/bin/data", EACCES,
		  "/bin/data: is not executable (mode 0644): permission denied" },
		{ "/bin", EACCES, "/bin: is a directory: permission denied" },
		{ "/nope", ENOENT, "open /nope: no such file or directory" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		cr_expect_eq(program_check(root_fd, facts[i].path, &err), -1, "%s", facts[i].path);
		cr_expect_str_eq(err.text, facts[i].says);
		cr_expect_eq(err.code, facts[i].code, "%s: %d", facts[i].path, err.code);
	}
}

Test(program, follows_interpreters_of_interpreters)
{
	cr_expect_eq(program_check(root_fd, "/bin/second", &err), -1);
	cr_expect_eq(err.code, ENOENT);
	cr_expect_not_null(strstr(err.text, "/lib64/ld-linux.so does not exist"), "%s", err.text);
	cr_expect_eq(program_check(root_fd, "/bin/loop", &err), -1);
	cr_expect_eq(err.code, ELOOP);
}

Test(program, names_both_architectures)
{
	cr_expect_eq(program_check(root_fd, "/bin/foreign", &err), -1);
	cr_expect_eq(err.code, ENOEXEC);
	cr_expect_not_null(strstr(err.text,
				  "/bin/foreign: is built for s390, and this machine is "),
			   "%s", err.text);
}

Test(program, has_nothing_against_good_ones)
{
	static const char *const paths[] = {
		"/bin/sh", "/bin/static", "/bin/script", "/bin/spaced", "/bin/link", "/srv/tool",
		/* The carriage return is the program's, as part of its option. */
		"/bin/dos-option",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		cr_expect_eq(program_check(root_fd, paths[i], &err), 0, "%s", err.text);
}

Test(program, keeps_the_error_of_execve)
{
	cr_expect_eq(program_explain(root_fd, "/bin/lost", ENOENT, &err), -1);
	cr_expect_eq(err.code, ENOENT);
	cr_expect_not_null(strstr(err.text, "exec /bin/lost: its ELF interpreter"), "%s", err.text);
	cr_expect_eq(program_explain(root_fd, "/bin/sh", ENOENT, &err), -1);
	cr_expect_str_eq(err.text, "exec /bin/sh: no such file or directory");
	cr_expect_eq(program_explain(root_fd, "/bin/lost", E2BIG, &err), -1);
	cr_expect_str_eq(err.text, "exec /bin/lost: argument list too long");
}
