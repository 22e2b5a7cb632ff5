/* SPDX-License-Identifier: Apache-2.0 */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/fd.h"
#include "base/path.h"
#include "init/program.h"

#if defined(__x86_64__)
#define MACHINE	EM_X86_64
#elif defined(__aarch64__)
#define MACHINE	EM_AARCH64
#elif defined(__riscv)
#define MACHINE	EM_RISCV
#elif defined(__s390x__)
#define MACHINE	EM_S390
#elif defined(__powerpc64__)
#define MACHINE	EM_PPC64
#elif defined(__arm__)
#define MACHINE	EM_ARM
#else
#define MACHINE	EM_386
#endif

static const struct {
	unsigned int machine;
	const char *name;
} machines[] = {
	{ EM_X86_64, "x86_64" }, { EM_AARCH64, "aarch64" }, { EM_386, "x86" },
	{ EM_ARM, "arm" }, { EM_RISCV, "riscv" }, { EM_S390, "s390x" },
	{ EM_PPC64, "ppc64" }, { EM_MIPS, "mips" },
};

static const char *machine_name(unsigned int machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].machine == machine)
			return machines[i].name;
	return "another machine";
}

static void explain_interpreter(int root_fd, const char *what, const char *interpreter,
				struct error *err)
{
	struct error missing;
	_cleanup_fd int fd = path_open(root_fd, interpreter, O_PATH, &missing);

	if (fd < 0)
		error_hint(err, "its %s %s is not in the root", what, interpreter);
}

static void explain_script(int root_fd, char *line, struct error *err)
{
	char *start = line + 2 + strspn(line + 2, " \t");

	start[strcspn(start, " \t\r\n")] = '\0';
	if (*start != '\0')
		explain_interpreter(root_fd, "interpreter", start, err);
}

static void explain_elf(int root_fd, int fd, const Elf64_Ehdr *head, struct error *err)
{
	Elf64_Phdr segment;
	char interpreter[PATH_MAX];

	if (head->e_machine != MACHINE) {
		error_hint(err, "it is built for %s, and this is %s",
			   machine_name(head->e_machine), machine_name(MACHINE));
		return;
	}
	if (head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_phentsize != sizeof(segment))
		return;
	for (unsigned int i = 0; i < head->e_phnum && i < 128; i++) {
		if (pread(fd, &segment, sizeof(segment),
			  (off_t)(head->e_phoff + i * sizeof(segment))) != sizeof(segment))
			return;
		if (segment.p_type != PT_INTERP || segment.p_filesz == 0 ||
		    segment.p_filesz >= sizeof(interpreter))
			continue;
		if (pread(fd, interpreter, segment.p_filesz, (off_t)segment.p_offset) !=
		    (ssize_t)segment.p_filesz)
			return;
		interpreter[segment.p_filesz] = '\0';
		explain_interpreter(root_fd, "ELF interpreter", interpreter, err);
		return;
	}
}

void program_explain(int root_fd, const char *path, struct error *err)
{
	struct error ignored;
	_cleanup_fd int fd = path_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &ignored);
	union {
		Elf64_Ehdr elf;
		char text[257];
	} head;
	ssize_t n = fd >= 0 ? pread(fd, &head, sizeof(head.text) - 1, 0) : -1;

	if (n < 0)
		return;
	memset(head.text + n, 0, sizeof(head.text) - (size_t)n);
	if (n > 2 && head.text[0] == '#' && head.text[1] == '!')
		explain_script(root_fd, head.text, err);
	else if ((size_t)n >= sizeof(head.elf) && memcmp(head.text, ELFMAG, SELFMAG) == 0)
		explain_elf(root_fd, fd, &head.elf, err);
	else
		error_hint(err, "it is neither an ELF program nor a script that begins with #!");
}
