/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>

#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/protobuf.h"

/*
 * CRIU up to 4.2 at least cannot restore a process whose program is a memfd,
 * as kist's init is: it writes down the memfd that is mapped, and takes its number
 * for the program too, but looks for the program among regular files.  So an entry
 * for one is put behind the others, under the same number, as a file of the
 * host's that the restore will hand in.
 *
 * An image file is two magic numbers, and then each entry behind its size.
 */
#define MAGIC_COMMON	0x54564319U
#define MAGIC_FILES	0x56303138U
#define MAGIC_MM	0x57492820U
#define HEAD_SIZE	12
#define IMAGE_MAX	((size_t)64 << 20)
#define FD_TYPE_REG	1

static uint32_t word_at(const char *data, size_t offset)
{
	uint32_t word;

	memcpy(&word, data + offset, sizeof(word));
	return word;
}

/* The first entry of an image. */
static int image_read(struct arena *arena, int dir_fd, const char *name, uint32_t magic,
		      struct protobuf_reader *ret, struct error *err)
{
	char *data;
	size_t size;

	if (file_read(dir_fd, name, IMAGE_MAX, arena, &data, &size, err) < 0)
		return -1;
	if (size < HEAD_SIZE || word_at(data, 0) != MAGIC_COMMON || word_at(data, 4) != magic ||
	    word_at(data, 8) > size - HEAD_SIZE)
		return error_set(err, "%s is no image that is understood", name);
	*ret = (struct protobuf_reader){ data + HEAD_SIZE, data + HEAD_SIZE + word_at(data, 8),
					 false };
	return 0;
}

/* struct mm_entry, exe_file_id. */
static int program_number(struct arena *arena, int dir_fd, uint64_t *ret, struct error *err)
{
	struct protobuf_reader reader;
	struct protobuf_field field;

	if (image_read(arena, dir_fd, "mm-1.img", MAGIC_MM, &reader, err) < 0)
		return -1;
	while (protobuf_next(&reader, &field)) {
		if (field.number == 12) {
			*ret = field.value;
			return 0;
		}
	}
	return error_set(err, "mm-1.img: has no exe_file_id");
}

/* struct file_entry with a reg_file_entry. */
static void entry_make(struct text *out, uint64_t number, const char *key)
{
	struct text owner = { .arena = out->arena }, file = { .arena = out->arena };

	for (unsigned int field = 1; field <= 5; field++)
		protobuf_add_number(&owner, field, 0);
	protobuf_add_number(&file, 1, number);
	protobuf_add_number(&file, 2, O_RDONLY);
	protobuf_add_number(&file, 3, 0);
	protobuf_add_message(&file, 5, &owner);
	protobuf_add_text(&file, 6, key);
	protobuf_add_number(&file, 9, 1);
	protobuf_add_number(out, 1, FD_TYPE_REG);
	protobuf_add_number(out, 2, number);
	protobuf_add_message(out, 3, &file);
}

int checkpoint_name_init(struct arena *arena, int dir_fd, const char *key, struct error *err)
{
	struct text entry = { .arena = arena }, out = { .arena = arena };
	struct protobuf_reader files;
	_cleanup_fd int fd = -EBADF;
	uint64_t number = 0;
	uint32_t size;

	if (image_read(arena, dir_fd, "files.img", MAGIC_FILES, &files, err) < 0 ||
	    program_number(arena, dir_fd, &number, err) < 0)
		return -1;
	entry_make(&entry, number, key);
	size = (uint32_t)entry.size;
	text_add_bytes(&out, (const char *)&size, sizeof(size));
	text_add_bytes(&out, entry.data, entry.size);
	fd = openat(dir_fd, "files.img", O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, out.data, out.size) < 0)
		return error_errno(err, "write files.img");
	return 0;
}
