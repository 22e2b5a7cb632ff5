/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "tests/kernel/child.h"

/*
 * CVE-2019-5736: whoever sees a kist process must not get at its file.  The
 * process is held where it opens config.json, which is a fifo.
 */
static char folder[64];

static void folder_make(void)
{
	char path[128];

	snprintf(folder, sizeof(folder), "/tmp/kist-launch-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/config.json", folder);
	cr_assert(mkfifo(path, 0644) == 0 && chmod(path, 0644) == 0);
}

static void folder_remove(void)
{
	static const char *const names[] = { "config.json", "kist", "runc" };
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static pid_t start(const char *program, uid_t uid)
{
	pid_t pid = fork();

	if (pid == 0) {
		/* Named: a fifo that is merely in the bundle is not waited for. */
		char config[128];
		char *args[] = { (char *)(uintptr_t)program, (char[]){ "run" }, (char[]){ "-b" },
				 folder, (char[]){ "-f" }, config, (char[]){ "x" }, NULL };

		snprintf(config, sizeof(config), "%s/config.json", folder);

		if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
			_exit(126);
		execv(program, args);
		_exit(127);
	}
	return pid;
}

/* The writing end of config.json: who reads there waits for more. */
static int config_fd = -EBADF;

/* Until it has config.json open, which it reads alone; its exe, opened, or -1. */
static int exe_when_waiting(pid_t pid, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/config.json", folder);
	for (int tries = 0; tries < 60000 && config_fd < 0; tries++) {
		config_fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (config_fd < 0)
			usleep(1000);
	}
	cr_expect(config_fd >= 0, "nobody reads config.json");
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return open(path, flags | O_CLOEXEC);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_expect_eq(child_wait(pid), 128 + SIGKILL, "it ended by itself");
	fd_close(&config_fd);
}

/* Who else runs the program, as the other tests here do, makes it ETXTBSY before EROFS. */
static int open_idle(const char *path)
{
	int fd = -EBADF;

	for (int tries = 0; tries < 6000; tries++) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 || errno != ETXTBSY)
			break;
		usleep(10000);
	}
	return fd;
}

static const char *const programs[] = { LAUNCHER, RUNTIME_PROGRAM };

Test(launch, leaves_no_way_to_write_the_program, .init = folder_make, .fini = folder_remove)
{
	child_need_root();
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		pid_t pid = start(programs[i], 0);
		int fd = exe_when_waiting(pid, O_RDWR), read_fd;
		char path[64];

		cr_expect(fd < 0 && (errno == EROFS || errno == ETXTBSY), "%s: %s", programs[i],
			  strerror(errno));
		/* The attack: an fd that was opened before, once nobody runs the program. */
		read_fd = exe_when_waiting(pid, O_RDONLY);
		cr_expect(read_fd >= 0);
		end(pid);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", read_fd);
		fd = open_idle(path);
		cr_expect(fd < 0 && errno == EROFS, "%s: %s", programs[i], strerror(errno));
		close(read_fd);
	}
}

/* As a package manager may install it: what is beside the launcher is a link to elsewhere. */
Test(launch, leaves_no_way_to_write_what_a_link_leads_to, .init = folder_make,
     .fini = folder_remove)
{
	char own[128], libexec[128], link[160], path[64];
	int fd, read_fd;
	pid_t pid;

	child_need_root();
	snprintf(own, sizeof(own), "%s/kist", folder);
	snprintf(libexec, sizeof(libexec), "%s/libexec", folder);
	snprintf(link, sizeof(link), "%s/kist", libexec);
	child_copy_program(LAUNCHER, own);
	cr_assert(mkdir(libexec, 0755) == 0 && symlink(RUNTIME_PROGRAM, link) == 0);
	pid = start(own, 0);
	read_fd = exe_when_waiting(pid, O_RDONLY);
	cr_expect(read_fd >= 0);
	end(pid);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", read_fd);
	fd = open_idle(path);
	cr_expect(fd < 0 && errno == EROFS, "%s", strerror(errno));
	close(read_fd);
	cr_expect(unlink(link) == 0 && rmdir(libexec) == 0);
}

Test(launch, leaves_closed_streams_to_the_runtime, .init = folder_make, .fini = folder_remove)
{
	char path[64], said[64] = "";
	int streams[3];
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		streams[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
		close(i);
	}
	pid = start(LAUNCHER, geteuid());
	for (int i = 0; i < 3; i++) {
		dup2(streams[i], i);
		close(streams[i]);
	}
	close(exe_when_waiting(pid, O_PATH));
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, i);
		cr_expect(readlink(path, said, sizeof(said) - 1) > 0);
		cr_expect_str_eq(said, "/dev/null");
	}
	end(pid);
}

static void copy_program(const char *to, uid_t uid)
{
	child_copy_program(RUNTIME_PROGRAM, to);
	cr_assert_eq(chown(to, uid, uid), 0);
}

Test(launch, gives_an_ordinary_user_a_sealed_copy, .init = folder_make, .fini = folder_remove)
{
	char own[128];
	int fd;
	pid_t pid;

	child_need_root();
	snprintf(own, sizeof(own), "%s/kist", folder);
	copy_program(own, 65534);
	pid = start(own, 65534);
	fd = exe_when_waiting(pid, O_RDONLY);
	cr_expect(fd >= 0);
	cr_expect_eq(fcntl(fd, F_GET_SEALS) & (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW),
		     F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	close(fd);
	end(pid);
}

Test(launch, does_not_copy_what_the_user_cannot_write, .init = folder_make, .fini = folder_remove)
{
	char own[128];
	int fd;
	pid_t pid;

	child_need_root();
	snprintf(own, sizeof(own), "%s/kist", folder);
	copy_program(own, 0);
	pid = start(own, 65534);
	fd = exe_when_waiting(pid, O_RDONLY);
	cr_expect(fd >= 0 && fcntl(fd, F_GET_SEALS) < 0);
	close(fd);
	end(pid);
}

/* What "PROGRAM --version" says. */
static const char *version_of(const char *program)
{
	static char said[256];
	ssize_t size;
	int out[2];
	pid_t pid;

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		execl(program, program, "--version", NULL);
		_exit(127);
	}
	close(out[1]);
	size = read(out[0], said, sizeof(said) - 1);
	said[size > 0 ? size : 0] = '\0';
	cr_expect_eq(child_wait(pid), 0);
	close(out[0]);
	return said;
}

Test(launch, keeps_the_name_it_was_called_by, .init = folder_make, .fini = folder_remove)
{
	char link[128];

	snprintf(link, sizeof(link), "%s/runc", folder);
	cr_assert_eq(symlink(LAUNCHER, link), 0);
	cr_expect_eq(strncmp(version_of(link), "runc version ", 13), 0, "%s", version_of(link));
}

/* A script that names the launcher: the kernel tells of the script's path. */
Test(launch, finds_the_runtime_for_a_script, .init = folder_make, .fini = folder_remove)
{
	char script[128];
	FILE *file;

	snprintf(script, sizeof(script), "%s/kist", folder);
	file = fopen(script, "we");
	cr_assert_not_null(file);
	fprintf(file, "#!" LAUNCHER " --version\n");
	cr_assert(fclose(file) == 0 && chmod(script, 0755) == 0);
	cr_expect_eq(strncmp(version_of(script), "kist version ", 13), 0, "%s", version_of(script));
}

#define PIN_FOLDER	"/run/kist/.hostns"
#define PINNED		PIN_FOLDER "/libexec"

/* A mount namespace of the test's own, in which the runtime seems to have made its folder. */
static void pin_folder_make(void)
{
	folder_make();
	if (geteuid() != 0)
		return;
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	mkdir("/run/kist", 0700);
	cr_assert_eq(mount("none", "/run/kist", "tmpfs", 0, "mode=0700"), 0);
	cr_assert_eq(mkdir(PIN_FOLDER, 0700), 0);
	cr_assert_eq(mount("none", PIN_FOLDER, "tmpfs", 0, "mode=0700"), 0);
}

/* Where the kernel says that the runtime's file is, while it runs. */
static void expect_exe(const char *expected)
{
	pid_t pid = start(LAUNCHER, 0);
	int fd = exe_when_waiting(pid, O_RDWR);
	char path[64], said[256] = "";

	cr_expect(fd < 0 && (errno == EROFS || errno == ETXTBSY), "%s", strerror(errno));
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	cr_expect(readlink(path, said, sizeof(said) - 1) > 0);
	cr_expect_str_eq(said, expected);
	end(pid);
}

Test(launch, attaches_its_mount_for_the_next_start, .init = pin_folder_make, .fini = folder_remove)
{
	struct statvfs fs;

	child_need_root();
	expect_exe(PINNED "/kist");
	expect_exe(PINNED "/kist");
	cr_expect_eq(statvfs(PINNED, &fs), 0);
	cr_expect_eq(fs.f_flag & (ST_RDONLY | ST_NOSUID), ST_RDONLY | ST_NOSUID);
	/* A bind of it, or of what is around it, would be another way to its file. */
	cr_expect(mount(PINNED, "/mnt", NULL, MS_BIND, NULL) < 0 && errno == EINVAL);
	cr_expect_eq(umount(PINNED), 0);
	cr_expect(umount(PINNED) < 0, "it was attached twice");
}

Test(launch, takes_no_mount_of_another_folder, .init = pin_folder_make, .fini = folder_remove)
{
	child_need_root();
	cr_assert(mkdir(PINNED, 0700) == 0 && mount("/tmp", PINNED, NULL, MS_BIND, NULL) == 0);
	expect_exe("/kist");
}

Test(launch, attaches_its_own_where_that_of_a_removed_one_is, .init = pin_folder_make,
     .fini = folder_remove)
{
	char gone[128];

	child_need_root();
	snprintf(gone, sizeof(gone), "%s/gone", folder);
	cr_assert(mkdir(gone, 0755) == 0 && mkdir(PINNED, 0700) == 0);
	cr_assert_eq(mount(gone, PINNED, NULL, MS_BIND, NULL), 0);
	expect_exe("/kist");
	cr_assert_eq(rmdir(gone), 0);
	expect_exe(PINNED "/kist");
	expect_exe(PINNED "/kist");
}

Test(launch, takes_no_mount_that_can_be_written, .init = pin_folder_make, .fini = folder_remove)
{
	char libexec[4096];

	child_need_root();
	snprintf(libexec, sizeof(libexec), "%.*s", (int)(strrchr(RUNTIME_PROGRAM, '/') -
							  RUNTIME_PROGRAM), RUNTIME_PROGRAM);
	cr_assert(mkdir(PINNED, 0700) == 0 && mount(libexec, PINNED, NULL, MS_BIND, NULL) == 0);
	expect_exe("/kist");
}
