/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tar/write.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* POSIX.1-1988, "ustar". */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100],
		magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155],
		rest[12];
};
_Static_assert(sizeof(struct header) == TAR_RECORD, "a header is one block");

#define OCTAL_7		07777777ULL
#define OCTAL_11	077777777777ULL

static void put_octal(char *field, size_t size, uint64_t value)
{
	field[--size] = '\0';
	while (size > 0) {
		field[--size] = (char)('0' + (value & 7));
		value >>= 3;
	}
}

/*
 * Above 8 GiB GNU's base-256: all readers know it, and it needs no block of its own, which
 * matters where the header is written behind the data.
 */
static void put_size(struct header *h, uint64_t size)
{
	if (size <= OCTAL_11) {
		put_octal(h->size, sizeof(h->size), size);
		return;
	}
	memset(h->size, 0, sizeof(h->size));
	h->size[0] = (char)0x80;
	for (size_t i = sizeof(h->size); i-- > 4; size >>= 8)
		h->size[i] = (char)(size & 0xff);
}

static void put_checksum(struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned int sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += bytes[i];
	put_octal(h->checksum, 7, sum);
}

/* Whether the path fits the two fields for it, split at a slash. */
static bool put_name(struct header *h, const char *path)
{
	size_t length = strlen(path);

	if (length <= sizeof(h->name)) {
		memcpy(h->name, path, length);
		return true;
	}
	for (size_t at = length - 1 < sizeof(h->prefix) ? length - 1 : sizeof(h->prefix); at > 0;
	     at--) {
		if (path[at] != '/' || length - at - 1 > sizeof(h->name) || path[at + 1] == '\0')
			continue;
		memcpy(h->prefix, path, at);
		memcpy(h->name, path + at + 1, length - at - 1);
		return true;
	}
	memcpy(h->name, path, sizeof(h->name));
	return false;
}

static bool put_link(struct header *h, const char *link)
{
	size_t length = strlen(link), fits = length < sizeof(h->link) ? length : sizeof(h->link);

	memcpy(h->link, link, fits);
	return fits == length;
}

static bool put_number(char *field, uint64_t value)
{
	put_octal(field, 8, value <= OCTAL_7 ? value : 0);
	return value <= OCTAL_7;
}

static void header_begin(struct header *h, char type)
{
	*h = (struct header){ .type = type, .magic = "ustar", .version = { '0', '0' } };
	put_number(h->mode, 0644);
	put_number(h->uid, 0);
	put_number(h->gid, 0);
	put_number(h->major, 0);
	put_number(h->minor, 0);
	put_octal(h->size, sizeof(h->size), 0);
	put_octal(h->mtime, sizeof(h->mtime), 0);
}

/* "27 path=...\n", whose number counts its own digits. */
static void add_record(struct text *pax, const char *key, const void *value, size_t size)
{
	size_t rest = strlen(key) + size + 3, total = rest + 1;
	char digits[24];

	while (total != rest + (size_t)snprintf(digits, sizeof(digits), "%zu", total))
		total = rest + strlen(digits);
	text_printf(pax, "%s %s=", digits, key);
	text_add_bytes(pax, value, size);
	text_add(pax, "\n");
}

static void add_number(struct text *pax, const char *key, uint64_t value)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, value);

	add_record(pax, key, digits, (size_t)length);
}

/* Seconds below zero with a fraction: -1.5 is 500 ms in front of second -1. */
static void add_time(struct text *pax, int64_t seconds, uint32_t ns)
{
	bool negative = seconds < 0;
	char digits[48];
	size_t length;

	if (negative && ns > 0) {
		seconds++;
		ns = 1000000000 - ns;
	}
	length = (size_t)snprintf(digits, sizeof(digits), "%s%" PRIu64, negative ? "-" : "",
				  negative ? 0 - (uint64_t)seconds : (uint64_t)seconds);
	if (ns > 0) {
		length += (size_t)snprintf(digits + length, sizeof(digits) - length, ".%09u", ns);
		while (digits[length - 1] == '0')
			length--;
	}
	add_record(pax, "mtime", digits, length);
}

/* What the header has no room for goes to tar->pax. */
static void fill_header(struct tar_writer *tar, struct header *h, const struct tar_member *e)
{
	struct text *pax = &tar->pax;

	if (e->link != NULL && !put_link(h, e->link))
		add_record(pax, "linkpath", e->link, strlen(e->link));
	put_number(h->mode, e->mode & 07777);
	if (!put_number(h->uid, e->uid))
		add_number(pax, "uid", e->uid);
	if (!put_number(h->gid, e->gid))
		add_number(pax, "gid", e->gid);
	put_size(h, tar->left);
	if (e->mtime >= 0 && (uint64_t)e->mtime <= OCTAL_11)
		put_octal(h->mtime, sizeof(h->mtime), (uint64_t)e->mtime);
	if (e->mtime < 0 || (uint64_t)e->mtime > OCTAL_11 || e->mtime_ns != 0)
		add_time(pax, e->mtime, e->mtime_ns);
	if (S_ISCHR(e->mode) || S_ISBLK(e->mode)) {
		put_number(h->major, major(e->device));
		put_number(h->minor, minor(e->device));
	}
	if (e->hard_link)
		return;
	for (size_t i = 0; i < e->xattr_count; i++) {
		tar->name.size = 0;
		text_printf(&tar->name, "SCHILY.xattr.%s", e->xattrs[i].name);
		add_record(pax, tar->name.data, e->xattrs[i].value, e->xattrs[i].size);
	}
}

static int write_padding(struct tar_writer *tar, unsigned int size, struct error *err)
{
	static const char zeroes[TAR_RECORD];

	return size > 0 ? sink_write(tar->out, zeroes, size, err) : 0;
}

static int write_header(struct tar_writer *tar, struct header *h, struct error *err)
{
	put_checksum(h);
	return sink_write(tar->out, h, sizeof(*h), err);
}

static int write_pax(struct tar_writer *tar, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	struct header h;

	header_begin(&h, 'x');
	snprintf(h.name, sizeof(h.name), "PaxHeaders.0/%s", slash != NULL ? slash + 1 : path);
	put_size(&h, tar->pax.size);
	if (write_header(tar, &h, err) < 0 ||
	    sink_write(tar->out, tar->pax.data, tar->pax.size, err) < 0)
		return -1;
	return write_padding(tar, (unsigned int)(-tar->pax.size % TAR_RECORD), err);
}

static char member_type(const struct tar_member *e)
{
	if (e->hard_link)
		return '1';
	switch (e->mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

/* A pax record ends its key with the first "=": what is behind it would become the value's. */
static int check_xattrs(const struct tar_member *e, struct error *err)
{
	for (size_t i = 0; i < e->xattr_count && !e->hard_link; i++)
		if (strchr(e->xattrs[i].name, '=') != NULL)
			return error_set(err,
					 "%.300s: the name of its extended attribute %.60s "
					 "has a \"=\", which no layer can hold: remove it "
					 "(setfattr -x)",
					 e->path, e->xattrs[i].name);
	return 0;
}

int tar_write_member(struct tar_writer *tar, const struct tar_member *e, struct error *err)
{
	char type = member_type(e);
	const char *path = e->path;
	struct header h;

	assert(tar->left == 0);
	if (check_xattrs(e, err) < 0)
		return -1;
	header_begin(&h, type);
	tar->pax.size = 0;
	tar->left = type == '0' ? e->size : 0;
	tar->padding = (unsigned int)(-tar->left % TAR_RECORD);
	if (type == '5') {
		tar->name.size = 0;
		text_printf(&tar->name, "%s/", path[0] != '\0' ? path : ".");
		path = tar->name.data;
	}
	if (!put_name(&h, path))
		add_record(&tar->pax, "path", path, strlen(path));
	fill_header(tar, &h, e);
	if (tar->pax.size > 0 && write_pax(tar, e->path, err) < 0)
		return -1;
	return write_header(tar, &h, err);
}

int tar_write_data(struct tar_writer *tar, const void *data, size_t size, struct error *err)
{
	assert(size <= tar->left);
	tar->left -= size;
	if (sink_write(tar->out, data, size, err) < 0)
		return -1;
	return tar->left == 0 ? write_padding(tar, tar->padding, err) : 0;
}

int tar_write_end(struct tar_writer *tar, struct error *err)
{
	assert(tar->left == 0);
	return write_padding(tar, TAR_RECORD, err) < 0 ? -1 : write_padding(tar, TAR_RECORD, err);
}

int tar_write_file(struct tar_writer *tar, const char *path, const void *data, size_t size,
		   struct error *err)
{
	struct tar_member entry = { .path = path, .mode = S_IFREG | 0644, .size = size };

	if (tar_write_member(tar, &entry, err) < 0)
		return -1;
	return size > 0 ? tar_write_data(tar, data, size, err) : 0;
}

void tar_header_file(const char *path, uint64_t size, unsigned char ret_block[TAR_RECORD])
{
	struct header h;
	bool fits;

	header_begin(&h, '0');
	fits = put_name(&h, path);
	assert(fits);
	(void)fits;
	put_size(&h, size);
	put_checksum(&h);
	memcpy(ret_block, &h, sizeof(h));
}
