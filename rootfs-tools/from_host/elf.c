/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/from_host/elf.h"

#include <elf.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"

/* Both classes in the wide one's terms. */
struct segment {
	uint32_t type;
	uint64_t offset, address, size;
};
struct reading {
	struct arena *arena;
	int fd;
	struct elf *elf;
	struct segment segments[128];
	size_t count;
	struct error *err;
};

/* What one file may hold of names, and of dynamic entries. */
enum { STRINGS_MAX = 1 << 20, DYNAMIC_MAX = 4096 };

static bool read_at(int fd, uint64_t offset, void *data, size_t size)
{
	return offset <= INT64_MAX && pread(fd, data, size, (off_t)offset) == (ssize_t)size;
}

static bool segment_read(const struct reading *r, const Elf64_Ehdr *head, size_t index,
			 struct segment *ret)
{
	const Elf32_Ehdr *narrow_head = (const Elf32_Ehdr *)head;
	Elf64_Phdr wide;
	Elf32_Phdr narrow;

	if (r->elf->wide) {
		if (!read_at(r->fd, head->e_phoff + index * sizeof(wide), &wide, sizeof(wide)))
			return false;
		*ret = (struct segment){ wide.p_type, wide.p_offset, wide.p_vaddr, wide.p_filesz };
		return true;
	}
	if (!read_at(r->fd, narrow_head->e_phoff + index * sizeof(narrow), &narrow,
		     sizeof(narrow)))
		return false;
	*ret = (struct segment){ narrow.p_type, narrow.p_offset, narrow.p_vaddr, narrow.p_filesz };
	return true;
}

/* The byte of the file that is at that address in memory. */
static bool file_offset(const struct reading *r, uint64_t address, uint64_t *ret)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct segment *s = &r->segments[i];

		if (s->type == PT_LOAD && address >= s->address && address - s->address < s->size) {
			*ret = s->offset + (address - s->address);
			return true;
		}
	}
	return false;
}

static int dynamic_entry(const struct reading *r, uint64_t offset, size_t index, uint64_t *ret_tag,
			 uint64_t *ret_value)
{
	Elf64_Dyn wide;
	Elf32_Dyn narrow;

	if (r->elf->wide) {
		if (!read_at(r->fd, offset + index * sizeof(wide), &wide, sizeof(wide)))
			return -1;
		*ret_tag = (uint64_t)wide.d_tag;
		*ret_value = wide.d_un.d_val;
		return 0;
	}
	if (!read_at(r->fd, offset + index * sizeof(narrow), &narrow, sizeof(narrow)))
		return -1;
	*ret_tag = (uint64_t)narrow.d_tag;
	*ret_value = narrow.d_un.d_val;
	return 0;
}

/* Strings come NUL-terminated: the table has one NUL more than the file gives. */
static int strings_read(struct reading *r, uint64_t address, uint64_t size, const char **ret)
{
	uint64_t offset;
	char *strings;

	if (size == 0 || size > STRINGS_MAX || !file_offset(r, address, &offset))
		return error_set(r->err, "its dynamic section names no table of strings");
	strings = arena_alloc(r->arena, (size_t)size + 1);
	if (!read_at(r->fd, offset, strings, (size_t)size))
		return error_set(r->err, "it ends within its table of strings");
	*ret = strings;
	return 0;
}

static int dynamic_read(struct reading *r, const struct segment *dynamic)
{
	const size_t entry = r->elf->wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	size_t count = (size_t)(dynamic->size / entry);
	uint64_t tag = DT_NULL + 1, value, address = 0, size = 0;
	const char *strings = NULL;

	if (count > DYNAMIC_MAX)
		return error_set(r->err, "its dynamic section is too large");
	for (size_t i = 0; i < count && tag != DT_NULL; i++) {
		if (dynamic_entry(r, dynamic->offset, i, &tag, &value) < 0)
			return error_set(r->err, "it ends within its dynamic section");
		if (tag == DT_STRTAB)
			address = value;
		else if (tag == DT_STRSZ)
			size = value;
	}
	if (size == 0)
		return 0;
	if (strings_read(r, address, size, &strings) < 0)
		return -1;
	tag = DT_NULL + 1;
	for (size_t i = 0; i < count && tag != DT_NULL; i++) {
		if (dynamic_entry(r, dynamic->offset, i, &tag, &value) < 0 || value >= size)
			continue;
		if (tag == DT_NEEDED && r->elf->needed.count < ELF_MAX_NEEDED)
			LIST_ADD(r->arena, &r->elf->needed, strings + value);
		else if (tag == DT_RPATH)
			r->elf->rpath = strings + value;
		else if (tag == DT_RUNPATH)
			r->elf->runpath = strings + value;
	}
	return 0;
}

static int interpreter_read(struct reading *r, const struct segment *segment)
{
	char *path;

	if (segment->size == 0 || segment->size > PATH_MAX)
		return error_set(r->err, "its interpreter has no sensible name");
	path = arena_alloc(r->arena, (size_t)segment->size + 1);
	if (!read_at(r->fd, segment->offset, path, (size_t)segment->size))
		return error_set(r->err, "it ends within its interpreter's name");
	r->elf->interpreter = path;
	return 0;
}

int elf_read(struct arena *arena, int fd, struct elf *ret, struct error *err)
{
	struct reading r = { .arena = arena, .fd = fd, .elf = ret, .err = err };
	Elf64_Ehdr head = { 0 };
	size_t count;

	*ret = (struct elf){ 0 };
	if (pread(fd, &head, sizeof(head), 0) < (ssize_t)sizeof(Elf32_Ehdr) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return 0;
	ret->wide = head.e_ident[EI_CLASS] == ELFCLASS64;
	ret->machine = head.e_machine;
	count = ret->wide ? head.e_phnum : ((const Elf32_Ehdr *)&head)->e_phnum;
	/* The other byte order is another machine: nothing more of it can be read, or run, here. */
	if (head.e_ident[EI_DATA] != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB :
										   ELFDATA2MSB))
		return 1;
	if (count > ARRAY_SIZE(r.segments))
		return error_set(err, "it has too many program headers");
	for (r.count = 0; r.count < count; r.count++)
		if (!segment_read(&r, &head, r.count, &r.segments[r.count]))
			return error_set(err, "it ends within its program headers");
	for (size_t i = 0; i < r.count; i++) {
		if (r.segments[i].type == PT_INTERP && interpreter_read(&r, &r.segments[i]) < 0)
			return -1;
		if (r.segments[i].type == PT_DYNAMIC && dynamic_read(&r, &r.segments[i]) < 0)
			return -1;
	}
	return 1;
}
