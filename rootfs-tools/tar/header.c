/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tar/parse.h"

#include <string.h>

/* One block of 512 bytes: POSIX ustar, GNU, star, and the format before all of them. */
struct header {
	char name[100];
	unsigned char mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type;
	char link[100];
	char magic[6], version[2];
	char user[32], group[32];
	unsigned char major[8], minor[8];
	char prefix[155];
	char rest[12];
};
static_assert(sizeof(struct header) == TAR_BLOCK_SIZE, "a header is one block");

bool tar_is_zero(const unsigned char *block)
{
	return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK_SIZE - 1) == 0;
}

bool tar_checksum_is_right(const unsigned char *block)
{
	const struct header *header = (const struct header *)block;
	size_t first = offsetof(struct header, checksum);
	uint64_t expected, sum = 0;
	int64_t signed_sum = 0;

	if (!tar_number(header->checksum, sizeof(header->checksum), &expected))
		return false;
	for (size_t i = 0; i < TAR_BLOCK_SIZE; i++) {
		bool is_sum = i >= first && i < first + sizeof(header->checksum);

		sum += is_sum ? ' ' : block[i];
		signed_sum += is_sum ? ' ' : (signed char)block[i];
	}
	/* Some programs of the eighties added signed bytes; all readers take both. */
	return expected == sum || (int64_t)expected == signed_sum;
}

/* Base 256: the first bit is set, the second is the sign, the rest the number. */
static bool binary_number(const unsigned char *field, size_t size, int64_t *ret)
{
	bool negative = field[0] & 0x40;
	uint64_t value = negative ? UINT64_MAX : 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char byte = field[i];

		if (i == 0)
			byte = negative ? byte | 0x80 : byte & 0x7f;
		if (i + 8 < size && byte != (negative ? 0xff : 0))
			return false;
		value = value << 8 | byte;
	}
	*ret = (int64_t)value;
	return negative == (*ret < 0);
}

static bool tar_signed_number(const unsigned char *field, size_t size, int64_t *ret)
{
	size_t i = 0;
	int64_t value = 0;

	if (field[0] & 0x80)
		return binary_number(field, size, ret);
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		value = value * 8 + (field[i] - '0');	/* 12 digits at most: no overflow */
	for (; i < size; i++)
		if (field[i] != ' ' && field[i] != '\0')
			return false;
	*ret = value;
	return true;
}

bool tar_number(const unsigned char *field, size_t size, uint64_t *ret)
{
	int64_t value;

	if (!tar_signed_number(field, size, &value) || value < 0)
		return false;
	*ret = (uint64_t)value;
	return true;
}

/* --- names ----------------------------------------------------------------------------- */

/* A field that is ended by a NUL only where it has room for one. */
static void field_copy(char *to, const char *field, size_t size)
{
	memcpy(to, field, size);
	to[size] = '\0';
}

static bool is_posix(const struct header *header)
{
	return memcmp(header->magic, "ustar\0", 6) == 0;
}

static void path_read(struct tar *tar, const struct header *header)
{
	/* star keeps times in the end of the prefix. */
	size_t room = memcmp(header->rest + 8, "tar", 4) == 0 ? 131 : sizeof(header->prefix);
	size_t used = 0;

	if (tar->path.set)
		return;
	if (is_posix(header) && header->prefix[0] != '\0') {
		field_copy(tar->path.text, header->prefix, room);
		used = strlen(tar->path.text);
		tar->path.text[used++] = '/';
	}
	field_copy(tar->path.text + used, header->name, sizeof(header->name));
	tar->path.set = true;
}

static void names_read(struct tar *tar, const struct header *header)
{
	path_read(tar, header);
	if (!tar->link.set)
		field_copy(tar->link.text, header->link, sizeof(header->link));
	tar->link.set = true;
	if (!tar->pax_user)
		field_copy(tar->user, header->user, sizeof(header->user));
	if (!tar->pax_group)
		field_copy(tar->group, header->group, sizeof(header->group));
	if (memcmp(header->magic, "ustar", 5) != 0)	/* none of these in the oldest format */
		tar->user[0] = tar->group[0] = '\0';
}

/* --- numbers --------------------------------------------------------------------------- */

static int numbers_read(struct tar *tar, const struct header *header, struct error *err)
{
	struct tar_entry *entry = &tar->entry;
	uint64_t mode, uid, gid, size;
	int64_t mtime;

	if (!tar_number(header->mode, sizeof(header->mode), &mode))
		return tar_fail(tar, err, "its mode is no number");
	if (!tar_number(header->uid, sizeof(header->uid), &uid) ||
	    !tar_number(header->gid, sizeof(header->gid), &gid))
		return tar_fail(tar, err, "its owner is no number");
	if (!tar_number(header->size, sizeof(header->size), &size))
		return tar_fail(tar, err, "its size is no number, or negative");
	if (!tar_signed_number(header->mtime, sizeof(header->mtime), &mtime))
		return tar_fail(tar, err, "its time is no number");
	entry->mode = mode & 07777;
	if (!tar->pax_uid)
		entry->uid = uid;
	if (!tar->pax_gid)
		entry->gid = gid;
	if (!tar->pax_size)
		entry->size = size;
	if (!tar->pax_mtime)
		entry->mtime = (struct timespec){ .tv_sec = mtime };
	if (!tar->pax_atime)
		entry->atime = entry->mtime;
	if (entry->uid >= UINT32_MAX || entry->gid >= UINT32_MAX)
		return tar_fail(tar, err, "its owner %ju:%ju is out of range",
				(uintmax_t)entry->uid, (uintmax_t)entry->gid);
	if (entry->size > INT64_MAX)
		return tar_fail(tar, err, "its size is out of range");
	return 0;
}

static int device_read(struct tar *tar, const struct header *header, struct error *err)
{
	uint64_t major, minor;

	/* The kernel's dev_t has 12 and 20 bits. */
	if (!tar_number(header->major, sizeof(header->major), &major) || major >= 1 << 12 ||
	    !tar_number(header->minor, sizeof(header->minor), &minor) || minor >= 1 << 20)
		return tar_fail(tar, err, "its device number is out of range");
	tar->entry.major = (unsigned int)major;
	tar->entry.minor = (unsigned int)minor;
	return 0;
}

/* --- the whole ------------------------------------------------------------------------- */

static const struct {
	char letter;
	enum tar_type type;
} types[] = {
	{ '0', TAR_FILE }, { '\0', TAR_FILE }, { '7', TAR_FILE }, { 'S', TAR_FILE },
	{ '1', TAR_HARD_LINK }, { '2', TAR_SYMLINK }, { '3', TAR_CHARACTER }, { '4', TAR_BLOCK },
	{ '5', TAR_DIRECTORY }, { '6', TAR_FIFO },
};

static int type_read(struct tar *tar, char letter, struct error *err)
{
	size_t length = strlen(tar->path.text);

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].letter != letter)
			continue;
		tar->entry.type = types[i].type;
		/* So directories were told from files before there was a type for them. */
		if (letter == '\0' && length > 0 && tar->path.text[length - 1] == '/')
			tar->entry.type = TAR_DIRECTORY;
		return 0;
	}
	return tar_fail(tar, err, "its type \"%c\" is unknown",
			letter >= ' ' && letter <= '~' ? letter : '?');
}

int tar_header_read(struct tar *tar, struct error *err)
{
	const struct header *header = (const struct header *)tar->block;
	struct tar_entry *entry = &tar->entry;

	names_read(tar, header);
	if (type_read(tar, header->type, err) < 0 || numbers_read(tar, header, err) < 0)
		return -1;
	/* Data behind what is no file: some readers skip it, to some it is the next header. */
	if (entry->type != TAR_FILE && entry->size != 0)
		return tar_fail(tar, err, "is no file, and has %ju bytes of data",
				(uintmax_t)entry->size);
	if ((entry->type == TAR_CHARACTER || entry->type == TAR_BLOCK) &&
	    device_read(tar, header, err) < 0)
		return -1;
	if (entry->type != TAR_HARD_LINK && entry->type != TAR_SYMLINK)
		tar->link.text[0] = '\0';
	entry->path = tar->path.text;
	entry->link = tar->link.text;
	entry->user = tar->user;
	entry->group = tar->group;
	entry->xattrs.items = tar->xattrs;
	entry->xattrs.count = tar->xattr_count;
	return 0;
}
