/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/fd.h"
#include "base/text.h"
#include "tests/attack/attack.h"

/* Containers that run, and roots of theirs, against those who look into them. */

static const char *list_file(const struct attack *a, const char *text)
{
	const char *path = arena_printf(&e2e_arena, "%s/list.json", a->bundle->dir);
	_cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0, "write %s", path);
	return path;
}

/*
 * /data/sys is mounted from outside; then the container makes /data a link to its /proc.  What is
 * taken away there would be what keeps it from writing to /proc/sys.
 */
ATTACK(inside, mount_behind_a_link_to_proc_is_not_taken_for_the_one_that_goes)
{
	struct attack a = attack_new();
	struct bundle *b = a.bundle;
	const char *list = list_file(&a, "[{\"destination\": \"/data/sys\", \"type\": \"tmpfs\","
					 " \"source\": \"tmpfs\"}]");
	struct output got;

	bundle_set(b, "/root/readonly", "false");
	attack_begin(&a);
	bundle_run_sleeper(b);
	bundle_call(b, &got, "mounts", "add", b->id, list, NULL);
	cr_assert_eq(got.status, 0, "%s", got.err);
	cr_assert_eq(rename(attack_path(&a, "/data"), attack_path(&a, "/old")), 0);
	attack_link(&a, "/data", "/proc");
	bundle_call(b, &got, "mounts", "remove", b->id, list, NULL);
	cr_expect_eq(got.status, 1, "%s", got.out);
	cr_expect_not_null(strstr(got.err, "a link leads to /data/sys"), "%s", got.err);
	bundle_call(b, &got, "exec", b->id, "/probe", "write", "/proc/sys/kernel/domainname", "x",
		    NULL);
	cr_expect_not_null(strstr(got.out, "=EROFS"), "%s", got.out);
	bundle_destroy(b);
	attack_check(&a, "mounts remove");
}

/* Opened is enough: a watchdog starts, a tape rewinds. */
ATTACK(inside, device_of_the_image_is_not_opened_to_look_at_it)
{
	static const char *const scripts[] = { "#!/device\n", "#!/link\n" };
	struct attack a = attack_new();
	struct inotify_event event;
	struct output got;
	_cleanup_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	cr_assert_eq(mknod(attack_path(&a, "/device"), S_IFCHR | 0755, makedev(1, 3)), 0);
	cr_assert_geq(inotify_add_watch(watch, attack_path(&a, "/device"), IN_OPEN), 0);
	attack_link(&a, "/link", "device");
	attack_begin(&a);
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		bundle_file(a.bundle, "/script", 0755, scripts[i]);
		bundle_args(a.bundle, "/script", NULL);
		bundle_call(a.bundle, &got, "check", a.bundle->path, NULL);
		cr_expect_neq(got.status, 0);
		cr_expect_not_null(strstr(got.out, "is no regular file"), "%s%s", got.out, got.err);
		bundle_args(a.bundle, "/device", NULL);
		bundle_call(a.bundle, &got, "check", a.bundle->path, NULL);
		cr_expect_neq(got.status, 0);
	}
	cr_expect_lt(read(watch, &event, sizeof(event)), 0, "it was opened");
	attack_check(&a, "a device");
}

static void forge_passwd(const struct attack *a, unsigned int how)
{
	const char *path = attack_path(a, "/etc/passwd");
	_cleanup_fd int fd = -EBADF;

	leak_remove_tree(path);
	switch (how) {
	case 0:
		cr_assert_eq(mkfifo(path, 0644), 0);
		break;
	case 1:
		cr_assert_eq(mknod(path, S_IFCHR | 0644, makedev(1, 5)), 0);
		break;
	case 2:
		cr_assert_eq(mkdir(path, 0755), 0);
		break;
	case 3:
		attack_link(a, "/etc/passwd", arena_printf(&e2e_arena, "%s/secret", a->sentinel));
		break;
	default:
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		cr_assert_eq(ftruncate(fd, (off_t)64 << 30), 0);
	}
}

/* CVE-2024-9676, CVE-2026-47262: it waits for nobody, and takes no memory. */
ATTACK(inside, passwd_that_is_none_is_not_read)
{
	for (unsigned int how = 0; how < 5; how++) {
		struct attack a = attack_new();
		const char *what = arena_printf(&e2e_arena, "passwd, forged %u", how);
		struct output output;
		struct probe seen;

		attack_dir(&a, "/etc");
		forge_passwd(&a, how);
		bundle_probe_args(a.bundle, "read", "/proc/self/environ", "report", NULL);
		cr_assert(attack_run(&a, what, &output, &seen), "%s: %s", what, output.err);
		cr_expect_not_null(strstr(output.out, "HOME=/\n"), "%s: %s", what, output.out);
	}
}

/* CVE-2026-30892: "1" is a user, not the group of root. */
ATTACK(inside, user_of_exec_is_who_it_says)
{
	static const struct {
		const char *user, *uid, *gid;
	} rows[] = {
		{ "1", "uid=1", "gid=0" }, { "1:2", "uid=1", "gid=2" }, { "0:1", "uid=0", "gid=1" },
	};
	static const char *const wrong[] = { ":", "1:", ":1", "1x", "+1", "4294967296", "-1" };
	struct attack a = attack_new();
	struct bundle *b = a.bundle;
	struct output got;
	struct probe seen;

	attack_begin(&a);
	bundle_run_sleeper(b);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bundle_call(b, &got, "exec", "--user", rows[i].user, b->id, "/probe", "report",
			    NULL);
		probe_parse(&seen, &e2e_arena, got.out);
		cr_expect(probe_has(&seen, rows[i].uid) && probe_has(&seen, rows[i].gid), "%s: %s",
			  rows[i].user, got.out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		bundle_call(b, &got, "exec", "--user", wrong[i], b->id, "/probe", "say", "ran",
			    NULL);
		cr_expect(got.status != 0 && !strstr(got.out, "ran"), "%s", wrong[i]);
	}
	bundle_destroy(b);
	attack_check(&a, "exec --user");
}

enum { LONG_WORD = 120000, LONG_PROCESSES = 150, LOOKER_MEMORY = 128 << 20 };

/* Each has 840,000 bytes of arguments; together more than who looks at them has memory. */
static void start_long(struct bundle *b)
{
	char *word = ARENA_NEWS(&e2e_arena, LONG_WORD + 1, char);
	struct output got;

	memset(word, 'x', LONG_WORD);
	for (int i = 0; i < LONG_PROCESSES; i++) {
		bundle_call(b, &got, "exec", "--detach", b->id, "/probe", "sleep", "100000", word,
			    word, word, word, word, word, word, NULL);
		cr_assert_eq(got.status, 0, "%s", got.err);
	}
}

ATTACK(inside, arguments_without_end_are_cut_where_they_are_shown)
{
	static const char *const looks[][2] = { { "ps", NULL },
						{ "top", "--once" },
						{ "stats", "--once" } };
	struct attack a = attack_new();
	struct rlimit limit, less;
	struct output got;

	attack_begin(&a);
	bundle_run_sleeper(a.bundle);
	start_long(a.bundle);
	getrlimit(RLIMIT_DATA, &limit);
	less = limit;
	less.rlim_cur = LOOKER_MEMORY;
	setrlimit(RLIMIT_DATA, &less);
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		bundle_call(a.bundle, &got, looks[i][0],
			    looks[i][1] != NULL ? looks[i][1] : a.bundle->id,
			    looks[i][1] != NULL ? a.bundle->id : NULL, NULL);
		cr_expect_eq(got.status, 0, "%s: %d %s", looks[i][0], got.status, got.err);
	}
	setrlimit(RLIMIT_DATA, &limit);
	bundle_destroy(a.bundle);
	attack_check(&a, "long arguments");
}

/* As many files as a mount namespace may have mounts. */
static void fill(const char *path)
{
	_cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error err;
	uint64_t count = 0;
	char *text;

	cr_assert_eq(file_read(AT_FDCWD, "/proc/sys/fs/mount-max", 64, &e2e_arena, &text, NULL,
			       &err),
		     0, "%s", err.text);
	text[strcspn(text, "\n")] = '\0';
	cr_assert(text_to_u64(text, 1000000, &count), "fs.mount-max is %s", text);
	for (uint64_t i = 0; i < count; i++) {
		char name[32];
		int file;

		snprintf(name, sizeof(name), "full-%d", (int)i);
		file = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		cr_assert_geq(file, 0, "make %s: %s", name, strerror(errno));
		close(file);
	}
}

ATTACK(inside, more_files_than_mounts_do_not_keep_debug_out)
{
	struct bundle *b;
	struct output got;

	e2e_need_program("/bin/busybox");
	/* As many files and mounts take ten seconds, and minutes where the kernel is a program. */
	if (!attack_all())
		return;
	b = bundle_new();
	fill(b->rootfs);
	bundle_run_sleeper(b);
	bundle_call(b, &got, "debug", b->id, "--", "sh", "-c", "echo in; cd /proc/1 && echo all",
		    NULL);
	cr_expect_eq(got.status, 0, "%s", got.err);
	cr_expect_str_eq(got.out, "in\nall\n");
	cr_expect_not_null(strstr(got.err, "is not all here"), "%s", got.err);
	bundle_destroy(b);
}
