/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "rootfs-tools/confine/confine.h"
#include "rootfs-tools/tar/tar.h"

/* --- the confined side ----------------------------------------------------------------- */

/* What it says of one member; name and link follow, each with its NUL. */
struct member_record {
	uint64_t offset, size;
	uint32_t link;			/* enum link */
};
enum link { LINK_NONE, LINK_SYMBOLIC, LINK_HARD };

struct archive_job {
	struct arena *arena;
	int fd, spool_fd;		/* spool_fd: where decompressed bytes go, or -EBADF */
	bool demand, once;		/* once: a pipe, which is looked at when it was kept */
};

/* What the members of an image's archive begin with, whoever wrote it. */
static bool is_image_name(const char *name)
{
	static const char *const names[] = {
		"oci-layout", "index.json", "manifest.json", "repositories", "blobs",
	};
	size_t hex;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t length = strlen(names[i]);

		if (strncmp(name, names[i], length) == 0 &&
		    (name[length] == '\0' || name[length] == '/'))
			return true;
	}
	if (strncmp(name, "sha256:", 7) == 0)
		name += 7;
	hex = strspn(name, "0123456789abcdef");
	return hex == 64 && (name[hex] == '\0' || name[hex] == '/' || name[hex] == '.');
}

static const char *clean_name(const char *name)
{
	while (name[0] == '.' && name[1] == '/')
		name += 2;
	return name;
}

static int member_send(int out, struct tar *tar, const struct tar_entry *entry, struct error *err)
{
	const char *name = clean_name(entry->path);
	struct member_record record = {
		.offset = tar_data_offset(tar),
		.size = entry->size,
		.link = entry->type == TAR_SYMLINK   ? LINK_SYMBOLIC :
			entry->type == TAR_HARD_LINK ? LINK_HARD :
						       LINK_NONE,
	};
	size_t name_size = strlen(name) + 1, link_size = strlen(entry->link) + 1;
	char data[CONFINED_ROOM];

	if (entry->is_sparse)
		return error_set(err, "archive: %s: is a sparse file", name);
	if (sizeof(record) + name_size + link_size >= sizeof(data))
		return error_set(err, "archive: entry %.100s…: its name is too long", name);
	memcpy(data, &record, sizeof(record));
	memcpy(data + sizeof(record), name, name_size);
	memcpy(data + sizeof(record) + name_size, entry->link, link_size);
	return confined_send(out, CONFINED_DATA, data, sizeof(record) + name_size + link_size, err);
}

static int members_send(const struct archive_job *job, int fd, int out, struct error *err)
{
	struct tar *tar = tar_open_file(job->arena, fd);
	const struct tar_entry *entry;
	size_t count = 0;
	int more;

	while ((more = tar_next(tar, &entry, err)) > 0) {
		const char *name = clean_name(entry->path);
		bool is_member = entry->type == TAR_FILE || entry->type == TAR_SYMLINK ||
				 entry->type == TAR_HARD_LINK;

		if (*name == '\0')
			continue;
		if (!job->demand && count == 0 && !is_image_name(name))
			return 0;
		if (++count > ARCHIVE_MAX_MEMBERS)
			return error_set(err, "archive: has more than %d members: no image has so "
					 "many", ARCHIVE_MAX_MEMBERS);
		if (is_member && member_send(out, tar, entry, err) < 0)
			return -1;
	}
	return more;
}

static struct stream *stream_of(const struct archive_job *job, struct error *err)
{
	struct blob blob = { .fd = fcntl(job->fd, F_DUPFD_CLOEXEC, 3), .size = UINT64_MAX };
	struct stat st;

	if (fstat(job->fd, &st) == 0 && S_ISREG(st.st_mode))
		blob.size = (uint64_t)st.st_size;
	return stream_open(&blob, "archive", COMPRESSION_DETECT, NULL, NULL, NULL, err);
}

/* Is it worth decompressing all of it? */
static int first_is_image(const struct archive_job *job, struct error *err)
{
	_cleanup_stream struct stream *stream = stream_of(job, err);
	const struct tar_entry *entry;
	struct tar *tar;
	int more;

	if (stream == NULL)
		return -1;
	tar = tar_open(job->arena, stream);
	do {
		more = tar_next(tar, &entry, err);
	} while (more > 0 && *clean_name(entry->path) == '\0');
	return more <= 0 ? more : is_image_name(clean_name(entry->path));
}

static int spool(const struct archive_job *job, struct error *err)
{
	_cleanup_stream struct stream *stream = stream_of(job, err);
	const unsigned char *data;
	ssize_t size;

	if (stream == NULL)
		return -1;
	while ((size = stream_next(stream, &data, err)) > 0)
		if (fd_write_all(job->spool_fd, data, (size_t)size) < 0)
			return error_errno(err, "write to a temporary file");
	return (int)size;
}

static int archive_work(void *context, int root_fd _unused, int out, struct error *err)
{
	const struct archive_job *job = context;
	int fd = job->fd;

	if (job->spool_fd >= 0) {
		int is_image = job->demand || job->once ? 1 : first_is_image(job, err);

		if (is_image <= 0 || spool(job, err) < 0)
			return is_image == 0 ? 0 : -1;
		fd = job->spool_fd;
	}
	return members_send(job, fd, out, err);
}

/* --- this side ------------------------------------------------------------------------- */

static int compare_members(const void *a, const void *b)
{
	const struct archive_member *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Beside the member: "a/b" and "../c" make "c". */
static const char *link_target(struct arena *arena, const char *name, const char *link)
{
	const char *slash = strrchr(name, '/');
	size_t length = slash != NULL ? (size_t)(slash - name) : 0;

	while (strncmp(link, "../", 3) == 0) {
		while (length > 0 && name[length - 1] != '/')
			length--;
		length -= length > 0;
		link += 3;
	}
	if (length == 0)
		return link;
	return arena_printf(arena, "%.*s/%s", (int)length, name, link);
}

static int member_add(struct arena *arena, struct archive_index *index,
		      const struct confined_message *message, uint64_t limit, struct error *err)
{
	struct archive_member *member = &index->members.items[index->members.count];
	size_t head = sizeof(struct member_record);
	struct member_record record;
	const char *name = message->data + head, *link = "";
	size_t length;

	if (message->size <= head || index->members.count == ARCHIVE_MAX_MEMBERS)
		return error_set(err, "the unpacker talks nonsense");
	length = strnlen(name, message->size - head);
	memcpy(&record, message->data, head);
	if (record.link == LINK_NONE &&
	    (record.offset > limit || record.size > limit - record.offset))
		return error_set(err, "archive: %s: the archive is cut off", name);
	*member = (struct archive_member){
		.name = arena_strndup(arena, name, length),
		.offset = record.offset,
		.size = record.size,
		.is_link = record.link != LINK_NONE,
	};
	if (head + length + 1 < message->size)
		link = arena_strdup(arena, name + length + 1);
	/* Of a hard link the archive has the whole name. */
	member->link = record.link == LINK_SYMBOLIC ? link_target(arena, member->name, link) :
						      clean_name(link);
	index->members.count++;
	return 0;
}

/* Sorted for archive_find(), without a name that is there twice. */
static int index_finish(struct archive_index *index, struct error *err)
{
	struct archive_member *items = index->members.items;

	qsort(items, index->members.count, sizeof(*items), compare_members);
	for (size_t i = 1; i < index->members.count; i++)
		if (strcmp(items[i - 1].name, items[i].name) == 0)
			return error_set(err, "archive: %s: is there twice", items[i].name);
	index->is_image = index->members.count > 0;
	return 0;
}

/* A file without a name, for what can't be sought as it is. */
static int spool_open(struct error *err)
{
	const char *directory = getenv("TMPDIR") ?: "/var/tmp";
	int fd = open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : error_errno(err, "make a temporary file in %s", directory);
}

static int index_receive(struct arena *arena, struct archive_job *job, struct archive_index *ret,
			 struct error *err)
{
	_cleanup_confined struct confined confined = CONFINED_NONE;
	const int fds[] = { job->fd, job->spool_fd };
	struct confined_request request = {
		.root_fd = -EBADF, .fds = fds, .fd_count = job->spool_fd >= 0 ? 2 : 1,
		.work = archive_work, .context = job,
	};
	struct confined_message *message = ARENA_NEW(arena, struct confined_message);
	struct stat st;
	int more;

	ret->members.items = ARENA_NEWS(arena, ARCHIVE_MAX_MEMBERS, struct archive_member);
	if (confined_start(&request, &confined, err) < 0)
		return -1;
	while ((more = confined_receive(&confined, message, err)) > 0) {
		if (fstat(job->spool_fd >= 0 ? job->spool_fd : job->fd, &st) < 0)
			return error_errno(err, "look at the archive");
		if (member_add(arena, ret, message, (uint64_t)st.st_size, err) < 0)
			return -1;
	}
	return more < 0 ? -1 : index_finish(ret, err);
}

int archive_index_read(struct arena *arena, int *fd, bool demand, struct archive_index *ret,
		       struct error *err)
{
	_cleanup_fd int spool_fd = -EBADF;
	bool seekable = lseek(*fd, 0, SEEK_CUR) >= 0;
	struct archive_job job = { .arena = arena, .fd = *fd, .demand = demand, .once = !seekable };
	unsigned char first[8] = { 0 };
	struct archive_index index = { 0 };

	if (!seekable || (pread(*fd, first, sizeof(first), 0) == sizeof(first) &&
			  compression_detect(first, sizeof(first)) != COMPRESSION_NONE)) {
		spool_fd = spool_open(err);
		if (spool_fd < 0)
			return -1;
	}
	job.spool_fd = spool_fd;
	if (index_receive(arena, &job, &index, err) < 0)
		return -1;
	if (spool_fd >= 0 && (index.is_image || !seekable)) {
		fd_close(fd);
		*fd = fd_take(&spool_fd);
	} else if (seekable && lseek(*fd, 0, SEEK_SET) < 0) {
		return error_errno(err, "rewind the archive");
	}
	*ret = index;
	return 0;
}

const struct archive_member *archive_find(const struct archive_index *index, const char *name)
{
	struct archive_member key = { .name = name };
	const struct archive_member *found;

	found = bsearch(&key, index->members.items, index->members.count, sizeof(key),
			compare_members);
	if (found == NULL || !found->is_link)
		return found;
	key.name = found->link;
	found = bsearch(&key, index->members.items, index->members.count, sizeof(key),
			compare_members);
	return found != NULL && !found->is_link ? found : NULL;
}
