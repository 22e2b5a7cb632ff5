/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/leak.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"

#define RUN_KIST	"/run/kist"

static const char *read_text(struct arena *arena, const char *path)
{
	struct error err;
	char *text;
	size_t size;

	return file_read(AT_FDCWD, path, 16 << 20, arena, &text, &size, &err) < 0 ? "" : text;
}

/*
 * What kist keeps for all containers of a machine, the small mount namespace
 * pinned below /run/kist, is this test's own, so that tests do not meet there.
 */
static void run_kist_make(void)
{
	_cleanup_fd int fs_fd = sys_fsopen("tmpfs", FSOPEN_CLOEXEC), mount_fd = -EBADF;

	if (mkdir(RUN_KIST, 0700) < 0)
		cr_assert_eq(errno, EEXIST, "make %s: %s", RUN_KIST, strerror(errno));
	cr_assert_eq(sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "mode", "0700", 0), 0);
	cr_assert_eq(sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0), 0);
	mount_fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	cr_assert_eq(sys_move_mount(mount_fd, "", AT_FDCWD, RUN_KIST, MOVE_MOUNT_F_EMPTY_PATH), 0,
		     "mount %s: %s", RUN_KIST, strerror(errno));
}

void leak_begin(struct leak *leak, struct arena *arena)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (geteuid() == 0) {
		cr_assert_eq(unshare(CLONE_NEWNS), 0, "unshare: %s", strerror(errno));
		cr_assert_eq(sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private), 0,
			     "make / private: %s", strerror(errno));
		run_kist_make();
	}
	/* Criterion runs a second thread, and only this one was moved. */
	leak->arena = arena;
	leak->mounts = read_text(arena, "/proc/thread-self/mountinfo");
}

static pid_t stat_parent(struct arena *arena, const char *pid)
{
	const char *text = read_text(arena, arena_printf(arena, "/proc/%s/stat", pid));
	const char *end = strrchr(text, ')');
	int parent = 0;

	return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* Children that still run; each is told and killed. */
static void kill_children(struct leak *leak, struct text *told)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		uint64_t pid;

		if (!text_to_u64(entry->d_name, INT32_MAX, &pid) ||
		    stat_parent(leak->arena, entry->d_name) != getpid())
			continue;
		text_printf(told, "process %s: %s\n", entry->d_name,
			    read_text(leak->arena, arena_printf(leak->arena, "/proc/%s/cmdline",
								entry->d_name)));
		kill((pid_t)pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

const char *leak_processes(struct leak *leak)
{
	struct text told = { .arena = leak->arena };

	/* What is dying already gets half a minute. */
	for (int tries = 0; tries < 3000; tries++) {
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return NULL;
		usleep(10000);
	}
	kill_children(leak, &told);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return told.size ? told.data : NULL;
}

/* A line's mount id and its parent's may differ between two readings; the rest is compared. */
static const char *line_rest(const char *line)
{
	for (int blanks = 0; *line && *line != '\n' && blanks < 2; line++)
		blanks += *line == ' ';
	return line;
}

static bool has_line(const char *text, const char *rest, size_t length)
{
	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (strncmp(line_rest(p), rest, length) == 0)
			return true;
	return false;
}

const char *leak_mounts(struct leak *leak)
{
	const char *now = read_text(leak->arena, "/proc/thread-self/mountinfo");
	struct text told = { .arena = leak->arena };

	for (const char *p = now; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		const char *rest = line_rest(p);
		size_t length = strcspn(rest, "\n");
		char destination[4096];

		if (has_line(leak->mounts, rest, length + 1) ||
		    strstr(rest, " " RUN_KIST "/.hostns"))
			continue;
		text_printf(&told, "mount %.*s\n", (int)length, rest);
		if (sscanf(rest, "%*s %*s %4095s", destination) == 1)
			sys_umount2(destination, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
	return told.size ? told.data : NULL;
}

/* nftw() has no argument for its function. */
static const char *cgroup_name;
static struct text *cgroup_told;

static int cgroup_visit(const char *path, const struct stat *st _unused, int type,
			struct FTW *ftw _unused)
{
	const char *base = strstr(path, cgroup_name);

	if ((type != FTW_D && type != FTW_DP) || !base)
		return 0;
	text_printf(cgroup_told, "cgroup %s\n", path);
	/* Busy as long as somebody in it is dying. */
	for (int tries = 0; rmdir(path) < 0 && errno == EBUSY && tries < 3000; tries++)
		usleep(10000);
	return 0;
}

const char *leak_cgroups(struct leak *leak, const char *name)
{
	struct text told = { .arena = leak->arena };

	cgroup_name = name;
	cgroup_told = &told;
	nftw("/sys/fs/cgroup", cgroup_visit, 32, FTW_DEPTH | FTW_PHYS);
	return told.size ? told.data : NULL;
}

static int remove_visit(const char *path, const struct stat *st _unused, int type _unused,
			struct FTW *ftw _unused)
{
	remove(path);
	return 0;
}

void leak_remove_tree(const char *path)
{
	nftw(path, remove_visit, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
