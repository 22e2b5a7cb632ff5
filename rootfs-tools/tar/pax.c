/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/tar/parse.h"

#include <string.h>

#include "base/text.h"

/*
 * Pax headers: records "LENGTH KEY=VALUE\n" in front of an entry.  A key that changes what is
 * unpacked may come once; those that only describe (comments, ctime, other programs' notes) are
 * passed over.
 */
struct record {
	const char *key, *value;	/* NUL-terminated in place */
	size_t size;			/* of the value, which may hold NULs */
};

typedef int record_fn(struct tar *tar, const struct record *record, struct error *err);

static int twice(struct tar *tar, const struct record *record, struct error *err)
{
	return tar_fail(tar, err, "its pax header gives %s twice", record->key);
}

static int bad_value(struct tar *tar, const struct record *record, struct error *err)
{
	return tar_fail(tar, err, "its pax header's %s is \"%.60s\"", record->key,
			text_printable(tar->arena, record->value));
}

/* --- names ----------------------------------------------------------------------------- */

static int name_set(struct tar *tar, struct tar_name *name, const struct record *record,
		    struct error *err)
{
	if (name->set)
		return tar_fail(tar, err, "has two names");
	if (record->size == 0 || record->size >= sizeof(name->text))
		return tar_fail(tar, err, "its name is %zu bytes long: from 1 to %zu are read",
				record->size, sizeof(name->text) - 1);
	memcpy(name->text, record->value, record->size + 1);
	name->set = true;
	return 0;
}

static int record_path(struct tar *tar, const struct record *record, struct error *err)
{
	/* A sparse file's "path" is one that old programs may unpack its pieces to. */
	return tar->sparse.has_name ? 0 : name_set(tar, &tar->path, record, err);
}

static int record_sparse_name(struct tar *tar, const struct record *record, struct error *err)
{
	if (tar->sparse.has_name)
		return twice(tar, record, err);
	tar->path.set = false;
	tar->sparse.has_name = true;
	return name_set(tar, &tar->path, record, err);
}

static int record_link(struct tar *tar, const struct record *record, struct error *err)
{
	return name_set(tar, &tar->link, record, err);
}

static int owner_name(struct tar *tar, char name[256], bool *seen, const struct record *record,
		      struct error *err)
{
	if (*seen)
		return twice(tar, record, err);
	if (record->size > 255)
		return tar_fail(tar, err, "its owner's name is too long");
	memcpy(name, record->value, record->size + 1);
	*seen = true;
	return 0;
}

static int record_user(struct tar *tar, const struct record *record, struct error *err)
{
	return owner_name(tar, tar->user, &tar->pax_user, record, err);
}

static int record_group(struct tar *tar, const struct record *record, struct error *err)
{
	return owner_name(tar, tar->group, &tar->pax_group, record, err);
}

/* --- numbers --------------------------------------------------------------------------- */

static int number_set(struct tar *tar, const struct record *record, bool *seen, uint64_t *ret,
		      struct error *err)
{
	if (*seen)
		return twice(tar, record, err);
	if (!text_to_u64(record->value, INT64_MAX, ret))
		return bad_value(tar, record, err);
	*seen = true;
	return 0;
}

static int record_size(struct tar *tar, const struct record *record, struct error *err)
{
	return number_set(tar, record, &tar->pax_size, &tar->entry.size, err);
}

static int record_uid(struct tar *tar, const struct record *record, struct error *err)
{
	return number_set(tar, record, &tar->pax_uid, &tar->entry.uid, err);
}

static int record_gid(struct tar *tar, const struct record *record, struct error *err)
{
	return number_set(tar, record, &tar->pax_gid, &tar->entry.gid, err);
}

/* "-12.345": seconds, and a fraction with as many digits as the writer liked. */
static int time_set(struct tar *tar, const struct record *record, bool *seen,
		    struct timespec *ret, struct error *err)
{
	const char *dot = strchr(record->value, '.');
	size_t whole = dot != NULL ? (size_t)(dot - record->value) : record->size;
	char seconds[24];
	int64_t value;
	long nanoseconds = 0;

	if (*seen)
		return twice(tar, record, err);
	if (whole >= sizeof(seconds))
		return bad_value(tar, record, err);
	snprintf(seconds, sizeof(seconds), "%.*s", (int)whole, record->value);
	if (!text_to_i64(seconds, INT64_MIN / 2, INT64_MAX / 2, &value))
		return bad_value(tar, record, err);
	for (size_t i = 1; dot != NULL && i <= 9; i++) {
		if (*dot != '\0')
			dot++;
		if (*dot != '\0' && (*dot < '0' || *dot > '9'))
			return bad_value(tar, record, err);
		nanoseconds = nanoseconds * 10 + (*dot != '\0' ? *dot - '0' : 0);
	}
	if (record->value[0] == '-' && nanoseconds > 0) {
		value--;
		nanoseconds = 1000000000 - nanoseconds;
	}
	*ret = (struct timespec){ .tv_sec = value, .tv_nsec = nanoseconds };
	*seen = true;
	return 0;
}

static int record_mtime(struct tar *tar, const struct record *record, struct error *err)
{
	return time_set(tar, record, &tar->pax_mtime, &tar->entry.mtime, err);
}

static int record_atime(struct tar *tar, const struct record *record, struct error *err)
{
	return time_set(tar, record, &tar->pax_atime, &tar->entry.atime, err);
}

/* --- sparse files ---------------------------------------------------------------------- */

static int record_sparse_version(struct tar *tar, const struct record *record, struct error *err)
{
	bool is_major = strcmp(record->key, "GNU.sparse.major") == 0;
	struct tar_sparse *sparse = &tar->sparse;
	uint64_t value;

	if (!text_to_u64(record->value, 1000, &value))
		return bad_value(tar, record, err);
	*(is_major ? &sparse->major : &sparse->minor) = (unsigned int)value;
	if (sparse->major > 1 || (sparse->major == 1 && sparse->minor > 0))
		return tar_fail(tar, err, "its map of holes has version %u.%u, and the last known "
				"one is 1.0", sparse->major, sparse->minor);
	sparse->present = true;
	sparse->map_in_data = sparse->major == 1;
	return 0;
}

static int record_sparse_size(struct tar *tar, const struct record *record, struct error *err)
{
	tar->sparse.present = true;
	return number_set(tar, record, &tar->sparse.has_size, &tar->sparse.size, err);
}

static int record_sparse_count(struct tar *tar, const struct record *record, struct error *err)
{
	tar->sparse.present = true;
	if (!text_to_u64(record->value, TAR_MAX_SPARSE, &tar->sparse.expected))
		return bad_value(tar, record, err);
	return 0;
}

static int record_sparse_offset(struct tar *tar, const struct record *record, struct error *err)
{
	if (tar->sparse.has_offset)
		return tar_fail(tar, err, "its map of holes has two offsets in a row");
	if (!text_to_u64(record->value, INT64_MAX, &tar->sparse.offset))
		return bad_value(tar, record, err);
	tar->sparse.has_offset = true;
	return 0;
}

static int record_sparse_bytes(struct tar *tar, const struct record *record, struct error *err)
{
	uint64_t size;

	if (!tar->sparse.has_offset || !text_to_u64(record->value, INT64_MAX, &size))
		return bad_value(tar, record, err);
	tar->sparse.has_offset = false;
	return tar_sparse_add(tar, tar->sparse.offset, size, err);
}

/* "offset,size,offset,size": version 0.1. */
static int record_sparse_map(struct tar *tar, const struct record *record, struct error *err)
{
	const char *at = record->value;
	uint64_t numbers[2];

	if (tar->sparse.count > 0)
		return twice(tar, record, err);
	while (*at != '\0') {
		for (int i = 0; i < 2; i++) {
			char digits[24];
			size_t length = strcspn(at, ",");

			if (length >= sizeof(digits))
				return bad_value(tar, record, err);
			snprintf(digits, sizeof(digits), "%.*s", (int)length, at);
			if (!text_to_u64(digits, INT64_MAX, &numbers[i]))
				return bad_value(tar, record, err);
			at += length + (at[length] == ',');
		}
		if (tar_sparse_add(tar, numbers[0], numbers[1], err) < 0)
			return -1;
	}
	return 0;
}

/* --- extended attributes --------------------------------------------------------------- */

#define XATTR_PREFIX	"SCHILY.xattr."

static int record_xattr(struct tar *tar, const struct record *record, struct error *err)
{
	const char *name = record->key + strlen(XATTR_PREFIX);

	if (*name == '\0')
		return tar_fail(tar, err, "has an extended attribute without a name");
	if (tar->xattrs == NULL)
		tar->xattrs = ARENA_NEWS(tar->arena, TAR_MAX_XATTRS, struct tar_xattr);
	for (uint32_t i = 0; i < tar->xattr_count; i++)
		if (strcmp(tar->xattrs[i].name, name) == 0)
			return twice(tar, record, err);
	if (tar->xattr_count == TAR_MAX_XATTRS)
		return tar_fail(tar, err, "has more than %d extended attributes", TAR_MAX_XATTRS);
	tar->xattrs[tar->xattr_count++] = (struct tar_xattr){ name, record->value, record->size };
	return 0;
}

/* --- records --------------------------------------------------------------------------- */

static const struct {
	const char *key;
	record_fn *read;
} keys[] = {
	{ "path", record_path },
	{ "linkpath", record_link },
	{ "size", record_size },
	{ "uid", record_uid },
	{ "gid", record_gid },
	{ "uname", record_user },
	{ "gname", record_group },
	{ "mtime", record_mtime },
	{ "atime", record_atime },
	{ "GNU.sparse.major", record_sparse_version },
	{ "GNU.sparse.minor", record_sparse_version },
	{ "GNU.sparse.name", record_sparse_name },
	{ "GNU.sparse.realsize", record_sparse_size },
	{ "GNU.sparse.size", record_sparse_size },
	{ "GNU.sparse.numblocks", record_sparse_count },
	{ "GNU.sparse.offset", record_sparse_offset },
	{ "GNU.sparse.numbytes", record_sparse_bytes },
	{ "GNU.sparse.map", record_sparse_map },
};

static record_fn *key_find(const char *key)
{
	if (strncmp(key, XATTR_PREFIX, strlen(XATTR_PREFIX)) == 0)
		return record_xattr;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].read;
	return NULL;
}

/* Cuts the next record off; *at moves behind it. */
static int record_cut(struct tar *tar, char **at, size_t *left, struct record *ret,
		      struct error *err)
{
	size_t digits = strspn(*at, "0123456789"), head, length;
	uint64_t value = 0;		/* stays: larger than any header, and so wrong */
	char number[8];
	char *equals;

	if (digits == 0 || digits >= sizeof(number) || (*at)[digits] != ' ')
		return tar_fail(tar, err, "its pax header has a record without a length");
	snprintf(number, sizeof(number), "%.*s", (int)digits, *at);
	text_to_u64(number, TAR_MAX_HEADER, &value);
	length = (size_t)value;
	head = digits + 1;
	if (length <= head || length > *left || (*at)[length - 1] != '\n')
		return tar_fail(tar, err, "its pax header has a record of the wrong length");
	equals = memchr(*at + head, '=', length - head);
	if (equals == NULL || equals == *at + head || memchr(*at + head, '\0',
							(size_t)(equals - *at) - head) != NULL)
		return tar_fail(tar, err, "its pax header has a record without a key");
	*equals = '\0';
	(*at)[length - 1] = '\0';
	*ret = (struct record){ *at + head, equals + 1, (size_t)(*at + length - 2 - equals) };
	*at += length;
	*left -= length;
	return 0;
}

static int record_apply(struct tar *tar, const struct record *record, bool is_global,
			struct error *err)
{
	record_fn *read = key_find(record->key);

	if (read == NULL)
		return 0;
	if (is_global)
		return tar_fail(tar, err, "a global pax header sets %.60s for what follows: only "
				"comments are read there",
				text_printable(tar->arena, record->key));
	if (read != record_xattr && strlen(record->value) != record->size)
		return tar_fail(tar, err, "its pax header's %s holds a NUL", record->key);
	return read(tar, record, err);
}

int tar_pax_read(struct tar *tar, uint64_t size, bool is_global, struct error *err)
{
	size_t left = (size_t)size;
	struct record record;
	char *at;

	if (size > TAR_MAX_HEADER)
		return tar_fail(tar, err, "its pax header is %ju bytes long, and at most %d are "
				"read", (uintmax_t)size, TAR_MAX_HEADER);
	if (is_global && (tar->seen_pax || tar->path.set || tar->link.set))
		return tar_fail(tar, err,
				"a global pax header stands between an entry and its own");
	if (tar->records == NULL)
		tar->records = arena_alloc(tar->arena, TAR_MAX_HEADER + 1);
	at = tar->records;
	if (tar_read(tar, at, left, err) < 0)
		return -1;
	at[left] = '\0';
	tar->seen_pax |= !is_global;
	while (left > 0)
		if (record_cut(tar, &at, &left, &record, err) < 0 ||
		    record_apply(tar, &record, is_global, err) < 0)
			return -1;
	return 0;
}
