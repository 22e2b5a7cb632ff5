/* SPDX-License-Identifier: Apache-2.0 */
/*
 * staller FILE: a hostile program for the inside; static, and linked with nothing of ours.  It
 * serves a file system (FUSE) on /fuse whose one file it puts on FILE: whoever reads that waits for
 * an answer that never comes, and not even SIGKILL ends such a wait.  Tells "ready=1", or "fuse=0".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of linux/fuse.h, which musl-gcc does not see. */
enum { LOOKUP = 1, FORGET, GETATTR, OPEN = 14, READ, INIT = 26, OPENDIR, BATCH_FORGET = 42 };
struct request {
	uint32_t length, opcode;
	uint64_t unique, node;
	uint32_t rest[4];
};
struct attributes {
	uint64_t inode, size, rest[4], times;
	uint32_t time, mode, links, more[5];
};
struct answer {
	uint32_t length;
	int32_t error;
	uint64_t unique;
	union {
		struct {
			uint32_t major, minor, rest[3], max_write, more[10];
		} init;
		struct {
			uint64_t node, generation, valid, attributes_valid, rest;
			struct attributes attributes;
		} entry;
		struct {
			uint64_t valid, rest;
			struct attributes attributes;
		} attributes;
		uint64_t open[2];
	} of;
};

static void attributes_fill(struct attributes *attributes, uint64_t node)
{
	attributes->inode = node;
	attributes->size = 4096;
	attributes->mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
	attributes->links = 1;
}

/* How many bytes there are behind the head; -1: no answer at all. */
static int answer_fill(const struct request *request, struct answer *answer)
{
	switch (request->opcode) {
	case INIT:
		answer->of.init.major = 7;
		answer->of.init.minor = 31;
		answer->of.init.max_write = 4096;
		return sizeof(answer->of.init);
	case LOOKUP:
		answer->of.entry.node = 2;
		answer->of.entry.valid = answer->of.entry.attributes_valid = 1000;
		attributes_fill(&answer->of.entry.attributes, 2);
		return sizeof(answer->of.entry);
	case GETATTR:
		answer->of.attributes.valid = 1000;
		attributes_fill(&answer->of.attributes.attributes, request->node);
		return sizeof(answer->of.attributes);
	case OPEN:
	case OPENDIR:
		return sizeof(answer->of.open);
	case READ:
	case FORGET:
	case BATCH_FORGET:
		return -1;
	default:
		answer->error = -ENOSYS;
		return 0;
	}
}

static void serve(int fd)
{
	static union {
		struct request request;
		char room[1 << 17];
	} buffer;

	while (read(fd, &buffer, sizeof(buffer)) > 0) {
		struct answer answer = { .unique = buffer.request.unique };
		int size = answer_fill(&buffer.request, &answer);

		answer.length = (uint32_t)(16 + size);
		if (size >= 0)
			(void)!write(fd, &answer, answer.length);
	}
}

int main(int argc, char **argv)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[64];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (argc != 2 || fd < 0 || mount("fuse", "/fuse", "fuse", MS_NOSUID, options) < 0) {
		puts("fuse=0");
		return 0;
	}
	if (fork() == 0) {
		serve(fd);
		_exit(0);
	}
	if (mount("/fuse/file", argv[1], NULL, MS_BIND, NULL) < 0)
		perror("bind");
	puts("ready=1");
	fflush(stdout);
	for (;;)
		pause();
}
