/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/idmap.h"
#include "runtime/space/space.h"

/* For texts and the arguments of newuidmap; only what is used of it becomes real. */
#define SCRATCH_SIZE	((size_t)8 * 1024 * 1024)
#define NUMBERS_MAX	3
#define WRITER_GONE	"write id maps: the process that does it was killed"

static int bad(const char *text, struct error *err)
{
	return error_number(err, EINVAL, "read id map \"%.200s\": lines of \"inside outside "
			    "count\", or ids, or \"self\"", text);
}

/* Numbers between blanks, up to the end of the line; how many, or -1. */
static int line_numbers(const char **at, uint32_t numbers[NUMBERS_MAX])
{
	int count = 0;

	for (;;) {
		char word[16];
		uint64_t number;
		size_t length;

		*at += strspn(*at, " \t");
		if (**at == '\0' || **at == ',' || **at == '\n')
			return count;
		length = strcspn(*at, " \t,\n");
		if (count == NUMBERS_MAX || length >= sizeof(word))
			return -1;
		memcpy(word, *at, length);
		word[length] = '\0';
		/* As large as a count may be; in_range() looks at the ids. */
		if (!text_to_u64(word, UINT32_MAX, &number))
			return -1;
		numbers[count++] = (uint32_t)number;
		*at += length;
	}
}

static bool in_range(const struct kist_id_map *map)
{
	return map->count > 0 && (uint64_t)map->inside + map->count <= UINT32_MAX &&
	       (uint64_t)map->outside + map->count <= UINT32_MAX;
}

static int map_parse(const char *text, uint32_t self, struct kist_id_map *ret, size_t room,
		     size_t *ret_count, struct error *err)
{
	const char *at = text;
	size_t count = 0;
	int shape = 0;

	if (strcmp(text, "self") == 0) {
		if (room < 1)
			return error_number(err, ENOSPC, "read id map");
		*ret = (struct kist_id_map){ 0, self, 1 };
		*ret_count = 1;
		return 0;
	}
	for (;;) {
		uint32_t n[NUMBERS_MAX];
		int numbers = line_numbers(&at, n);
		struct kist_id_map map;

		/* A newline behind the last line is how such files end. */
		if (numbers == 0 && count > 0 && *at == '\0' && at[-1] == '\n')
			break;
		if ((numbers != 1 && numbers != 3) || (shape != 0 && numbers != shape))
			return bad(text, err);
		shape = numbers;
		map = shape == 3 ? (struct kist_id_map){ n[0], n[1], n[2] } :
		      (struct kist_id_map){ (uint32_t)count, n[0], 1 };
		if (!in_range(&map))
			return bad(text, err);
		if (count == room)
			return error_number(err, ENOSPC, "read id map: more than %zu lines", room);
		ret[count++] = map;
		if (*at++ == '\0')
			break;
	}
	*ret_count = count;
	return 0;
}

int kist_id_map_parse(const char *text, uint32_t self, struct kist_id_map *ret, size_t room,
		      size_t *ret_count, struct kist_error *err)
{
	struct error error;

	return space_result(map_parse(text, self, ret, room, ret_count, &error), &error, err);
}

static int maps_read(const char *text, const struct kist_id_map *array, size_t count, bool zero,
		     uint32_t self, struct kist_id_map *ret, size_t *ret_count, struct error *err)
{
	if (text != NULL && count > 0)
		return error_number(err, EINVAL, "read id map: given as text and as an array");
	if (text != NULL)
		return map_parse(text, self, ret, SPACE_MAPS, ret_count, err);
	if (count > SPACE_MAPS)
		return error_number(err, EINVAL, "read id map: more than %d lines", SPACE_MAPS);
	for (size_t i = 0; i < count; i++) {
		ret[i] = array[i];
		if (!in_range(&ret[i]))
			return error_number(err, EINVAL, "read id map: line %zu is empty or beyond "
					    "the last id", i + 1);
	}
	*ret_count = count;
	if (count == 0 && zero) {
		ret[0] = (struct kist_id_map){ 0, self, 1 };
		*ret_count = 1;
	}
	return 0;
}

int space_maps_read(const struct kist_options *options, struct space_maps *ret, struct error *err)
{
	if (maps_read(options->uid_map, options->uid_maps, options->uid_map_count,
		      options->map_zero, geteuid(), ret->uid, &ret->uid_count, err) < 0)
		return error_wrap(err, "uid map");
	if (maps_read(options->gid_map, options->gid_maps, options->gid_map_count,
		      options->map_zero, getegid(), ret->gid, &ret->gid_count, err) < 0)
		return error_wrap(err, "gid map");
	if (ret->uid_count + ret->gid_count > 0 && !(options->flags & CLONE_NEWUSER))
		return error_number(err, EINVAL, "map ids: there is no new user namespace "
				    "(CLONE_NEWUSER) to map them in");
	return 0;
}

static void list_make(struct arena *arena, const struct kist_id_map *maps, size_t count,
		      id_map_list *ret)
{
	ret->items = ARENA_NEWS(arena, count + 1, struct id_map);
	ret->count = count;
	for (size_t i = 0; i < count; i++)
		ret->items[i] = (struct id_map){ maps[i].inside, maps[i].outside, maps[i].count };
}

static int maps_write(const struct kist_options *options, const struct space_maps *maps, pid_t pid,
		      struct error *err)
{
	void *scratch = mmap(NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct arena arena = { 0 };
	id_map_list uids, gids;
	int status;

	if (scratch == MAP_FAILED)
		return error_errno(err, "write id maps");
	arena_lend(&arena, scratch, SCRATCH_SIZE);
	list_make(&arena, maps->uid, maps->uid_count, &uids);
	list_make(&arena, maps->gid, maps->gid_count, &gids);
	status = idmap_write_in(&arena, options->proc_dir, pid, &uids, &gids, err);
	arena_free(&arena);
	munmap(scratch, SCRATCH_SIZE);
	return status;
}

struct writer {
	const struct kist_options *options;
	pid_t pid;
	struct error *said;		/* in shared memory */
};

static int writer_main(void *context)
{
	const struct writer *writer = context;
	struct space_maps maps;

	/* A copy of the caller among those of the namespace that was joined. */
	prctl(PR_SET_DUMPABLE, 0);
	/* Read again: "self" is another number here. */
	return space_maps_read(writer->options, &maps, writer->said) < 0 ||
	       maps_write(writer->options, &maps, writer->pid, writer->said) < 0;
}

/*
 * Only who is in the user namespace above the new one may write its maps
 * (user_namespaces(7)); where that one was joined, it takes a process in there.
 */
static int write_from_inside(const struct kist_options *options,
			     const struct clone_request *joined, pid_t pid, struct error *err)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct writer writer = { options, pid, NULL };
	struct clone_result child;
	int status = -1;

	writer.said = mmap(NULL, sizeof(*writer.said), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (writer.said == MAP_FAILED)
		return error_errno(err, "write id maps");
	request.stay = true;
	/* With one, a caller that ignores SIGCHLD would take its status from us. */
	request.exit_signal = 0;
	request.join_pidfd = joined->join_pidfd;
	request.join_flags = joined->join_flags & CLONE_NEWUSER;
	request.join_fds[NAMESPACE_USER] = joined->join_fds[NAMESPACE_USER];
	if (space_clone_hidden(&request, writer_main, &writer, &child, err) == 0) {
		process_reap(child.pid, &status);
		close(child.pidfd);
		error_set(err, WRITER_GONE);
		if (writer.said->text[0] != '\0')
			*err = *writer.said;
	}
	munmap(writer.said, sizeof(*writer.said));
	return status == 0 ? 0 : -1;
}

int space_maps_write(const struct kist_options *options, const struct space_maps *maps,
		     const struct clone_request *joined, pid_t pid, struct error *err)
{
	if (joined->join_flags & CLONE_NEWUSER || joined->join_fds[NAMESPACE_USER] >= 0)
		return write_from_inside(options, joined, pid, err);
	return maps_write(options, maps, pid, err);
}

/* --- with CLONE_VFORK ------------------------------------------------------------------ */

struct vfork_writer {
	const struct kist_options *options;
	const struct space_maps *maps;
	int fd, other_fd;
};

/* Who has sent a byte, as this process sees it; 0: nobody did. */
static pid_t sender(int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	struct ucred from;
	ssize_t n;

	do {
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	header = n == 1 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header == NULL || header->cmsg_type != SCM_CREDENTIALS)
		return 0;
	memcpy(&from, CMSG_DATA(header), sizeof(from));
	return from.pid;
}

static int vfork_writer_main(void *context)
{
	const struct vfork_writer *writer = context;
	struct error said = { 0 };
	pid_t pid;

	/* Else the caller's end would stay open, and its death be no end of file. */
	close(writer->other_fd);
	pid = sender(writer->fd);
	if (pid == 0)
		return 0;
	if (maps_write(writer->options, writer->maps, pid, &said) < 0)
		error_wrap(&said, SPACE_NO_IDS);
	return send(writer->fd, &said, sizeof(said), MSG_NOSIGNAL) < 0;
}

int space_writer_start(const struct kist_options *options, const struct space_maps *maps,
		       struct space_writer *ret, struct error *err)
{
	struct clone_request request = CLONE_REQUEST_INIT;
	struct vfork_writer writer = { options, maps, -EBADF, -EBADF };
	_cleanup_fd int here = -EBADF, there = -EBADF;
	const int on = 1;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(err, "make a socket pair");
	here = ends[0];
	there = ends[1];
	writer.fd = there;
	writer.other_fd = here;
	/* Nobody is to hear of its end. */
	request.exit_signal = 0;
	if (setsockopt(there, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return error_errno(err, "ask for the sender's pid");
	if (clone_process(&request, vfork_writer_main, &writer, &ret->process, err) < 0)
		return -1;
	ret->fd = fd_take(&here);
	return 0;
}

int space_writer_ask(const struct space_writer *writer, struct error *err)
{
	struct error said;
	ssize_t n = send(writer->fd, "", 1, MSG_NOSIGNAL);

	while (n > 0 && (n = recv(writer->fd, &said, sizeof(said), 0)) < 0 && errno == EINTR)
		n = 1;
	if (n != sizeof(said)) {
		err->code = ECANCELED;
		memcpy(err->text, WRITER_GONE, sizeof(WRITER_GONE));
		return -1;
	}
	if (said.text[0] == '\0')
		return 0;
	*err = said;
	return -1;
}

void space_writer_end(struct space_writer *writer)
{
	fd_close(&writer->fd);
	if (writer->process.pid == 0)
		return;
	process_reap(writer->process.pid, NULL);
	fd_close(&writer->process.pidfd);
	writer->process.pid = 0;
}
