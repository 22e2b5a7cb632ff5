/* SPDX-License-Identifier: Apache-2.0 */
#include "config/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/fd.h"
#include "base/path.h"

/* A script's interpreter may be a script; the kernel gives up after as many. */
#define MAX_DEPTH	5
/* The kernel looks at as much of a script's first line. */
#define LINE_SIZE	256

/* --- looking up ----------------------------------------------------------------------- */

/* One "/" stands before the part, unless it is the first.  False where it does not fit. */
static bool path_add(char path[PATH_MAX], const char *part, size_t length)
{
	size_t size = strlen(path);
	bool slash = size > 0 && length > 0 && path[size - 1] != '/';

	if (size + slash + length >= PATH_MAX)
		return false;
	if (slash)
		path[size++] = '/';
	memcpy(path + size, part, length);
	path[size + length] = '\0';
	return true;
}

static int join(char path[PATH_MAX], const char *cwd, const char *directory, size_t length,
		const char *name)
{
	path[0] = '\0';
	if (path_add(path, cwd, strlen(cwd)) && path_add(path, directory, length) &&
	    path_add(path, name, strlen(name)))
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/*
 * An fd, or -1 and errno: EACCES for what is no file that anybody may execute, or with own_root
 * that the real ids may not, or not reach.
 */
static int candidate_open(int root_fd, const char *path, bool own_root)
{
	struct error ignored;
	_cleanup_fd int fd = path_open(root_fd, path, O_PATH, &ignored);
	struct stat st;

	if (fd < 0) {
		errno = ignored.code != 0 ? ignored.code : ENOENT;
		return -1;
	}
	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
		return -1;
	}
	return own_root && access(path, X_OK) < 0 ? -1 : fd_take(&fd);
}

static int search_path(int root_fd, const char *name, const char *cwd, const char *search,
		       bool own_root, char *path, struct error *err)
{
	bool refused = false;
	int unable = 0;

	for (const char *at = search;; at++) {
		size_t length = strcspn(at, ":");
		int fd = -1;

		/* A relative one, the empty one too, is below the working directory. */
		if (join(path, *at == '/' ? "" : cwd, at, length, name) == 0)
			fd = candidate_open(root_fd, path, own_root);
		if (fd >= 0)
			return fd;
		refused = refused || errno == EACCES;
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			unable = errno;
		at += length;
		if (*at == '\0')
			break;
	}
	if (refused)
		return error_number(err, EACCES, "exec: \"%s\"", name);
	/* Nobody has looked: as where the container's own RLIMIT_NOFILE is in force by now. */
	if (unable != 0)
		return error_number(err, unable, "exec: \"%s\"", name);
	error_set(err, "exec: \"%s\": executable file not found in $PATH", name);
	err->code = ENOENT;
	if (strchr(name, ' ') == NULL)
		return -1;
	return error_hint(err, "it is one word with blanks in it: each argument is a word of its "
			       "own");
}

static int find(int root_fd, const char *name, const char *cwd, const char *search, bool own_root,
		char ret_path[PATH_MAX], struct error *err)
{
	int fd;

	if (search == NULL)
		search = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	if (*name == '\0')
		return error_number(err, ENOENT, "exec: \"\"");
	if (strchr(name, '/') == NULL)
		return search_path(root_fd, name, cwd, search, own_root, ret_path, err);
	if (join(ret_path, *name == '/' ? "" : cwd, "", 0, name) < 0)
		return error_errno(err, "exec: \"%.200s...\"", name);
	fd = candidate_open(root_fd, ret_path, own_root);
	if (fd >= 0)
		return fd;
	if (errno == EISDIR) {
		error_set(err, "exec: \"%s\": is a directory: permission denied", name);
		err->code = EACCES;
		return -1;
	}
	return error_errno(err, "exec: \"%s\"", name);
}

int program_find(int root_fd, const char *name, const char *cwd, const char *search,
		 char ret_path[PATH_MAX], struct error *err)
{
	return find(root_fd, name, cwd, search, false, ret_path, err);
}

int program_find_for_user(int root_fd, const char *name, const char *cwd, const char *search,
			  char ret_path[PATH_MAX], struct error *err)
{
	return find(root_fd, name, cwd, search, true, ret_path, err);
}

/* --- why not --------------------------------------------------------------------------- */

static const struct { uint16_t machine; const char *name; } machines[] = {
	{ EM_X86_64, "x86_64" },	{ EM_386, "x86" },	{ EM_AARCH64, "AArch64" },
	{ EM_ARM, "ARM" },		{ EM_RISCV, "RISC-V" },	{ EM_PPC64, "ppc64" },
	{ EM_PPC, "ppc" },		{ EM_S390, "s390" },	{ EM_MIPS, "MIPS" },
	{ EM_SPARCV9, "sparc64" },	{ EM_68K, "m68k" },	{ EM_IA_64, "ia64" },
	{ 258, "LoongArch" },
};

static const char *machine_name(uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].machine == machine)
			return machines[i].name;
	return "another architecture";
}

/* What this kernel may run: its own, and the 32-bit one that most are built to run as well. */
static bool machine_runs(uint16_t machine, uint16_t *ret_native)
{
#if defined(__x86_64__)
	*ret_native = EM_X86_64;
	return machine == EM_X86_64 || machine == EM_386;
#elif defined(__i386__)
	*ret_native = EM_386;
	return machine == EM_X86_64 || machine == EM_386;
#elif defined(__aarch64__)
	*ret_native = EM_AARCH64;
	return machine == EM_AARCH64 || machine == EM_ARM;
#elif defined(__arm__)
	*ret_native = EM_ARM;
	return machine == EM_ARM || machine == EM_AARCH64;
#elif defined(__riscv)
	*ret_native = EM_RISCV;
	return machine == EM_RISCV;
#elif defined(__powerpc64__)
	*ret_native = EM_PPC64;
	return machine == EM_PPC64 || machine == EM_PPC;
#elif defined(__s390x__)
	*ret_native = EM_S390;
	return machine == EM_S390;
#else
	*ret_native = machine;
	return true;
#endif
}

static int check_at(int root_fd, const char *path, int depth, struct error *err);

static int check_interpreter(int root_fd, const char *path, const char *interpreter,
			     const char *kind, int depth, struct error *err)
{
	struct error inner;
	int fd;

	/* A relative one depends on a working directory that is not ours to judge. */
	if (interpreter[0] != '/')
		return 0;
	fd = path_open(root_fd, interpreter, O_PATH, &inner);
	if (fd < 0 && (inner.code == ENOENT || inner.code == ENOTDIR || inner.code == ELOOP))
		return error_number(err, ENOENT,
				    "%s: its %s %s does not exist in the root file system", path,
				    kind, interpreter);
	fd_close(&fd);
	if (check_at(root_fd, interpreter, depth + 1, &inner) == 0)
		return 0;
	error_set(err, "%s: its %s: %.*s", path, kind, (int)strcspn(inner.text, "\n"),
		  inner.text);
	err->code = inner.code;
	return -1;
}

struct segment { uint32_t type; uint64_t offset, size; };

/* The program header at that index, of either class; false behind the end of the file. */
static bool segment_read(int fd, const Elf64_Ehdr *head, size_t index, struct segment *ret)
{
	Elf64_Phdr wide;
	Elf32_Phdr narrow;

	if (head->e_ident[EI_CLASS] == ELFCLASS64) {
		if (pread(fd, &wide, sizeof(wide), (off_t)(head->e_phoff + index * sizeof(wide))) !=
		    sizeof(wide))
			return false;
		*ret = (struct segment){ wide.p_type, wide.p_offset, wide.p_filesz };
		return true;
	}
	if (pread(fd, &narrow, sizeof(narrow),
		  (off_t)(((const Elf32_Ehdr *)head)->e_phoff + index * sizeof(narrow))) !=
	    sizeof(narrow))
		return false;
	*ret = (struct segment){ narrow.p_type, narrow.p_offset, narrow.p_filesz };
	return true;
}

static int check_elf(int root_fd, int fd, const char *path, const Elf64_Ehdr *head, int depth,
		     struct error *err)
{
	bool wide = head->e_ident[EI_CLASS] == ELFCLASS64;
	size_t count = wide ? head->e_phnum : ((const Elf32_Ehdr *)head)->e_phnum;
	char interpreter[PATH_MAX];
	struct segment segment;
	uint16_t native;

	/* e_machine stands at the same place in both classes; another byte order is no match. */
	if (!machine_runs(head->e_machine, &native))
		return error_number(err, ENOEXEC, "%s: is built for %s, and this machine is %s",
				    path, machine_name(head->e_machine), machine_name(native));
	for (size_t i = 0; i < count && segment_read(fd, head, i, &segment); i++) {
		if (segment.type != PT_INTERP)
			continue;
		if (segment.size < 2 || segment.size > sizeof(interpreter) ||
		    pread(fd, interpreter, segment.size, (off_t)segment.offset) !=
		    (ssize_t)segment.size || interpreter[segment.size - 1] != '\0')
			return error_number(err, ENOEXEC, "%s: its ELF header is damaged", path);
		return check_interpreter(root_fd, path, interpreter, "ELF interpreter", depth, err);
	}
	return 0;
}

static int check_script(int root_fd, const char *path, char *line, int depth, struct error *err)
{
	char *interpreter = line + 2 + strspn(line + 2, " \t"), *end;

	line[strcspn(line, "\n")] = '\0';
	interpreter[strcspn(interpreter, " \t")] = '\0';
	/* Windows' line ends make the kernel look for a file whose name ends so. */
	end = strchr(interpreter, '\r');
	if (end != NULL) {
		*end = '\0';
		return error_number(err, ENOENT,
				    "%s: its first line, \"#!%s\", ends in a carriage return: "
				    "save the file with Unix line ends",
				    path, interpreter);
	}
	if (*interpreter == '\0')
		return error_number(err, ENOEXEC, "%s: its first line names no interpreter", path);
	return check_interpreter(root_fd, path, interpreter, "interpreter (\"#!\")", depth, err);
}

static int check_at(int root_fd, const char *path, int depth, struct error *err)
{
	union {
		Elf64_Ehdr elf;
		char line[LINE_SIZE + 1];
	} head = { .line = { 0 } };
	_cleanup_fd int fd = path_open_read(root_fd, path, err);
	struct statvfs fs;
	struct stat st;
	ssize_t n;

	if (fd < 0 && err->code == ENXIO)
		return error_number(err, EACCES, "%s: is no regular file", path);
	/* What may be executed need not be readable; then there is nothing to say. */
	if (fd < 0)
		return err->code == EACCES ? 0 : -1;
	if (depth == MAX_DEPTH)
		return error_number(err, ELOOP, "%s", path);
	if (fstat(fd, &st) < 0)
		return error_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_number(err, EACCES, "%s: is %s", path,
				    S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
	if ((st.st_mode & 0111) == 0)
		return error_number(err, EACCES, "%s: is not executable (mode %04o)", path,
				    (unsigned int)st.st_mode & 07777);
	if (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOEXEC))
		return error_number(err, EACCES, "%s: its file system is mounted with noexec",
				    path);
	n = pread(fd, head.line, LINE_SIZE, 0);
	if (n < 0)
		return error_errno(err, "read %s", path);
	if (n >= (ssize_t)sizeof(Elf32_Ehdr) && memcmp(head.line, ELFMAG, SELFMAG) == 0)
		return check_elf(root_fd, fd, path, &head.elf, depth, err);
	if (n >= 2 && memcmp(head.line, "#!", 2) == 0)
		return check_script(root_fd, path, head.line, depth, err);
	return error_number(err, ENOEXEC, n == 0 ? "%s: is empty" :
			    "%s: is neither an ELF program nor a script that begins with \"#!\"",
			    path);
}

int program_check(int root_fd, const char *path, struct error *err)
{
	return check_at(root_fd, path, 0, err);
}

int program_explain(int root_fd, const char *path, int number, struct error *err)
{
	struct error reason;

	if ((number == ENOENT || number == ENOEXEC || number == EACCES || number == ELOOP) &&
	    check_at(root_fd, path, 0, &reason) < 0 && reason.code == number) {
		error_set(err, "exec %s", reason.text);
		err->code = number;
		return -1;
	}
	return error_number(err, number, "exec %s", path);
}
