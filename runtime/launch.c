/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bin/kist: starts the real runtime, libexec/kist/kist, from a read-only mount
 * of its folder, so that /proc/PID/exe of a kist process never leads to a file
 * that can be opened for writing (CVE-2019-5736).  Who is first attaches that
 * mount beside the small mount namespace (runtime/hostns.h), for the next ones:
 * with 4,000 mounts on the host it takes 0.5 ms to make.
 *
 * A program of its own, without stdio, because it is the smallest one that
 * costs the least: 0.05 ms linked with musl, and as much again for the mount.
 * It is no C of the project's libraries for the same reason, and stands alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* musl-gcc does not see the kernel's headers. */
#ifndef __NR_open_tree
#define __NR_open_tree		428
#endif
#ifndef __NR_move_mount
#define __NR_move_mount		429
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr	442
#endif
#define TREE_CLONE		1
#define ATTR_RDONLY		0x1
#define ATTR_NOSUID		0x2
#define UNBINDABLE		(1 << 17)
#define MOVE_EMPTY_PATH		4
struct attributes {
	uint64_t set, clear, propagation, user_ns;
};

#define PROGRAM			"kist"
#define RUN_FOLDER		"/run/kist"
#define PIN_FOLDER		RUN_FOLDER "/.hostns"
#define PINNED			PIN_FOLDER "/libexec"
/* In the build directory; as installed, wherever that was moved to.  Else as configured. */
static const char *const beside[] = { "libexec", "../libexec/kist" };

static int fail(const char *what)
{
	static const char before[] = "kist: ";
	const char *text = strerror(errno);

	(void)!write(2, before, sizeof(before) - 1);
	(void)!write(2, what, strlen(what));
	(void)!write(2, ": ", 2);
	(void)!write(2, text, strlen(text));
	(void)!write(2, "\n", 1);
	return 1;
}

static size_t folder_length(const char *path, size_t length)
{
	while (length > 0 && path[length - 1] != '/')
		length--;
	return length;
}

/* Of the path that was executed, which is another's for a script that names us. */
static size_t called_folder(char *path, size_t size)
{
	const char *called = (const char *)getauxval(AT_EXECFN);
	size_t length = called ? strlen(called) : size;
	struct stat st;

	/* A link is not where we are. */
	if (length >= size || lstat(called, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	memcpy(path, called, length);
	return folder_length(path, length);
}

/* Of our own file, where the kernel says that is. */
static size_t own_folder(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size);

	return length > 0 ? folder_length(path, (size_t)length) : 0;
}

static int folder_beside(char *path, size_t length)
{
	int fd = -1;

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]) && length > 0 && fd < 0; i++) {
		strcpy(path + length, beside[i]);
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return fd;
}

/* The first look into /proc/self takes a fourth of this program's time: only if need be. */
static int folder_open(void)
{
	char path[4096 + 64];
	int fd = folder_beside(path, called_folder(path, 4096));

	if (fd < 0)
		fd = folder_beside(path, own_folder(path, 4096));
	return fd >= 0 ? fd : open(LIBEXECDIR "/kist", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The same folder, by the read-only mount of an earlier start; -1 where there is none. */
static int folder_pinned(int folder_fd)
{
	int fd = open(PINNED, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	struct stat own, pinned = { .st_nlink = 1 };
	struct statvfs fs;

	if (fd >= 0 && fstat(fd, &pinned) == 0 && fstat(folder_fd, &own) == 0 &&
	    is_same(&own, &pinned) && fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return fd;
	/* What is left of an installation that was removed would be in the way for ever. */
	if (fd >= 0 && pinned.st_nlink == 0 && umount2(PINNED, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		rmdir(PINNED);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Only on the private file system that the runtime makes there, or it would propagate. */
static void folder_pin(int fd)
{
	struct stat run, pin;

	if (lstat(PIN_FOLDER, &pin) == 0 && stat(RUN_FOLDER, &run) == 0 &&
	    run.st_dev != pin.st_dev && pin.st_uid == 0 && mkdir(PINNED, 0700) == 0)
		syscall(__NR_move_mount, fd, "", AT_FDCWD, PINNED, MOVE_EMPTY_PATH);
}

/*
 * The same folder, read-only; -1 where we lack the right.  No bind of /run takes it along.  Open
 * over the exec: so the runtime sees that it is protected (runtime/protect.c).
 */
static int folder_protect(int folder_fd)
{
	struct attributes attributes = {
		.set = ATTR_RDONLY | ATTR_NOSUID, .propagation = UNBINDABLE,
	};
	int fd = folder_pinned(folder_fd);

	if (fd >= 0)
		return fd;
	fd = (int)syscall(__NR_open_tree, folder_fd, "", TREE_CLONE | AT_EMPTY_PATH);
	if (fd >= 0 && syscall(__NR_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes,
			       sizeof(attributes)) < 0) {
		close(fd);
		return -1;
	}
	if (fd >= 0)
		folder_pin(fd);
	return fd;
}

int main(int argc, char **argv, char **env)
{
	int folder_fd = folder_open(), fd = -1;
	char byte;

	(void)argc;
	if (folder_fd < 0 && readlink("/proc/self/exe", &byte, 1) < 0)
		return fail("find libexec/kist: read /proc/self/exe");
	if (folder_fd < 0)
		return fail("find libexec/kist");
	/* Without the right the runtime itself looks at what else keeps its file safe. */
	if (geteuid() == 0)
		fd = folder_protect(folder_fd);
	if (fd > STDERR_FILENO)
		syscall(__NR_execveat, fd, PROGRAM, argv, env, AT_SYMLINK_NOFOLLOW);
	/* In the place of a closed stream; or it is a link to wherever: the runtime finds out. */
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	syscall(__NR_execveat, fd >= 0 ? fd : folder_fd, PROGRAM, argv, env, 0);
	return fail("start libexec/kist/kist");
}
