/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"

/* outside/ is what must never be reached; root/ is the container's. */
static char base[64];
static int root = -1;

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void tree_make(void)
{
	int fd;

	snprintf(base, sizeof(base), "/tmp/kist-path-XXXXXX");
	cr_assert_not_null(mkdtemp(base));
	fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(mkdirat(fd, "root", 0755) == 0 && mkdirat(fd, "outside", 0755) == 0);
	root = openat(fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	close(fd);
	cr_assert_eq(mkdirat(root, "etc", 0755), 0);
	cr_assert_eq(symlinkat("../../outside", root, "up"), 0);
	cr_assert_eq(symlinkat("/etc", root, "absolute"), 0);
	cr_assert_eq(symlinkat("loop", root, "loop"), 0);
	cr_assert_eq(symlinkat("/made/later", root, "dangling"), 0);
	cr_assert_eq(symlinkat("/proc/self/root", root, "magic"), 0);
}

static void tree_remove(void)
{
	fd_close(&root);
	nftw(base, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Where an fd leads, without the root in front; "outside" when it is not below it. */
static const char *place(int fd)
{
	static char target[4096];
	char link[64], prefix[100];
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, target, sizeof(target) - 1);
	if (size < 0)
		return "nothing";
	target[size] = '\0';
	snprintf(prefix, sizeof(prefix), "%s/root", base);
	if (strncmp(target, prefix, strlen(prefix)) != 0)
		return "outside";
	return target[strlen(prefix)] != '\0' ? target + strlen(prefix) : "/";
}

static const struct {
	const char *path, *leads_to;
} opened[] = {
	{ "/etc", "/etc" }, { "etc/../../../..", "/" }, { "", "/" }, { "/", "/" },
	{ "absolute", "/etc" }, { "../../etc", "/etc" }, { "etc/.", "/etc" },
};

Test(path, stays_below_the_root, .init = tree_make, .fini = tree_remove)
{
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(opened); i++) {
		_cleanup_fd int fd = path_open(root, opened[i].path, O_PATH, &err);

		cr_expect_geq(fd, 0, "%s: %s", opened[i].path, err.text);
		cr_expect_str_eq(place(fd), opened[i].leads_to, "%s", opened[i].path);
	}
}

Test(path, refuses_loops_and_what_is_not_there, .init = tree_make, .fini = tree_remove)
{
	struct error err;

	cr_expect_eq(path_open(root, "loop", O_PATH, &err), -1);
	cr_expect_eq(err.code, ELOOP);
	cr_expect_eq(path_open(root, "up/x", O_PATH, &err), -1);
	cr_expect_eq(err.code, ENOENT);
	cr_expect_eq(path_make_dir(root, "loop/x", 0755, &err), -1);
	cr_expect_eq(err.code, ELOOP);
}

Test(path, refuses_magic_links_of_a_procfs, .init = tree_make, .fini = tree_remove)
{
	_cleanup_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct error err;

	cr_expect_eq(path_open(proc, "self/root", O_PATH, &err), -1);
	cr_expect_eq(err.code, ELOOP);
	cr_expect_eq(path_open(proc, "self/exe", O_RDONLY, &err), -1);
	cr_expect_eq(path_open_strict(proc, "self/status", O_RDONLY, &err), -1,
		     "self is a symlink");
	cr_expect_eq(err.code, ELOOP);
}

static const struct {
	const char *path, *leads_to;
} made[] = {
	{ "/a/b/c", "/a/b/c" }, { "a/b/../d", "/a/d" }, { "dangling", "/made/later" },
	{ "dangling/deeper/still", "/made/later/deeper/still" }, { "up/new", "/outside/new" },
	{ "absolute/x", "/etc/x" }, { "/etc", "/etc" }, { "//double//slash//", "/double/slash" },
};

Test(path, makes_what_is_missing_inside_the_root, .init = tree_make, .fini = tree_remove)
{
	struct error err;
	char outside[100];
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		_cleanup_fd int fd = path_make_dir(root, made[i].path, 0755, &err);

		cr_expect_geq(fd, 0, "%s: %s", made[i].path, err.text);
		cr_expect_str_eq(place(fd), made[i].leads_to, "%s", made[i].path);
	}
	snprintf(outside, sizeof(outside), "%s/outside", base);
	cr_expect_eq(stat(outside, &st), 0);
	cr_expect_eq(st.st_nlink, 2, "a directory was made outside");
}

Test(path, makes_files_with_their_parents, .init = tree_make, .fini = tree_remove)
{
	struct error err;
	struct stat st;
	_cleanup_fd int fd = path_make_file(root, "run/secrets/token", 0600, &err);

	cr_assert_geq(fd, 0, "%s", err.text);
	cr_expect_str_eq(place(fd), "/run/secrets/token");
	cr_expect_eq(fstat(fd, &st), 0);
	cr_expect(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0600);
	cr_expect_eq(path_make_dir(root, "run/secrets/token", 0755, &err), -1);
	cr_expect_eq(path_make_dir(root, "run/secrets/token/x", 0755, &err), -1);
	cr_expect_eq(err.code, ENOTDIR);
}

Test(path, gives_the_parent_and_the_last_name, .init = tree_make, .fini = tree_remove)
{
	struct error err;
	char name[256];
	_cleanup_fd int fd = path_make_parent(root, "/dev/net/tun", name, &err);

	cr_assert_geq(fd, 0, "%s", err.text);
	cr_expect_str_eq(place(fd), "/dev/net");
	cr_expect_str_eq(name, "tun");
	cr_expect_eq(path_make_parent(root, "/", name, &err), -1);
	cr_expect_eq(path_make_parent(root, "a/..", name, &err), -1);
	cr_expect_eq(path_make_parent(root, "a/.", name, &err), -1);
}
