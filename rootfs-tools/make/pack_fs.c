/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/process.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/make/pack.h"

/*
 * Read-only file systems, made by the tools of those who made these file systems.
 */
static const struct maker {
	const char *prefix, *program, *package;
	bool erofs;
} makers[] = {
	{ "squashfs:", "mksquashfs", "squashfs-tools", false },
	{ "erofs:", "mkfs.erofs", "erofs-utils", true },
};

static const struct maker *maker_of(const char *reference)
{
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (strncmp(reference, makers[i].prefix, strlen(makers[i].prefix)) == 0)
			return &makers[i];
	return NULL;
}

bool pack_is_file_system(const char *reference)
{
	return maker_of(reference) != NULL;
}

/* Each has its own word for "not newer than", and for what is to be left out. */
static void squashfs_words(struct arena *arena, word_list *words, const char *root,
			   const char *file, const struct tree_walk_options *options)
{
	static const char *const fixed[] = { "-noappend", "-no-progress", "-quiet", "-comp",
					     "zstd" };

	LIST_ADD(arena, words, root);
	LIST_ADD(arena, words, file);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		LIST_ADD(arena, words, fixed[i]);
	if (options->masked_count > 0)
		LIST_ADD(arena, words, "-e");
	for (size_t i = 0; i < options->masked_count; i++)
		LIST_ADD(arena, words, options->masked[i] + strspn(options->masked[i], "/"));
}

static void erofs_words(struct arena *arena, word_list *words, const char *root, const char *file,
			const struct tree_walk_options *options, const struct epoch *epoch)
{
	LIST_ADD(arena, words, "-zlz4hc");
	/* The UUID of a file system that is to be the same each time can't be random. */
	if (epoch->set) {
		LIST_ADD(arena, words, "-U00000000-0000-0000-0000-000000000000");
		LIST_ADD(arena, words, arena_printf(arena, "-T%lld", (long long)epoch->seconds));
	}
	for (size_t i = 0; i < options->masked_count; i++)
		LIST_ADD(arena, words,
			 arena_printf(arena, "--exclude-path=%s",
				      options->masked[i] + strspn(options->masked[i], "/")));
	LIST_ADD(arena, words, file);
	LIST_ADD(arena, words, root);
}

/* What the tool said, but for blanks at the end; the last kilobyte will do. */
static const char *said(struct arena *arena, int fd)
{
	char text[1024];
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, text, sizeof(text) - 1, end > (off_t)sizeof(text) ? end - 1000 : 0);

	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	return text_printable(arena, arena_strndup(arena, text, n > 0 ? (size_t)n : 0));
}

static pid_t start(const char *const *words, int root_fd, int out_fd, struct error *err)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int number;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out_fd, STDERR_FILENO);
	/* 3 stays open in the program: its root is /proc/self/fd/3. */
	posix_spawn_file_actions_adddup2(&actions, root_fd, 3);
	number = posix_spawnp(&pid, words[0], &actions, NULL, (char *const *)(uintptr_t)words,
			      environ);
	posix_spawn_file_actions_destroy(&actions);
	return number == 0 ? pid : error_number(err, number, "start %s", words[0]);
}

static int run(struct arena *arena, const struct maker *maker, const char *const *words,
	       int root_fd, struct error *err)
{
	_cleanup_fd int out_fd = memfd_create("output", MFD_CLOEXEC);
	bool reaped;
	int status;
	pid_t pid;

	if (out_fd < 0)
		return error_errno(err, "make a memfd");
	pid = start(words, root_fd, out_fd, err);
	if (pid < 0)
		return err->code != ENOENT ? -1 :
		       error_set(err, "%s is not installed; it comes with %s", maker->program,
				 maker->package);
	/* Our signal need not be its own, and it may have hours to go. */
	reaped = interrupt_reap(pid, SIGKILL, &status) == 0;
	if (interrupt_check(err) < 0)
		return -1;
	if (reaped && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return error_set(err, "%s: %s", maker->program, said(arena, out_fd));
}

int pack_file_system(struct arena *arena, const char *reference, int root_fd,
		     const struct tree_walk_options *options, struct error *err)
{
	const struct maker *maker = maker_of(reference);
	const char *file = reference + strlen(maker->prefix), *slash = strrchr(file, '/'), *part;
	word_list words = { 0 };
	struct epoch epoch;

	if (options->rootless || options->uid_maps.count + options->gid_maps.count > 0)
		return error_set(err, "%s: --rootless and --uid-map are for layers only",
				 maker->prefix);
	if (epoch_read(&epoch, err) < 0)
		return -1;
	if (*file == '\0' || (slash != NULL && slash[1] == '\0'))
		return error_set(err, "%s: has no file name", reference);
	part = arena_printf(arena, "%.*s.%s.kist-%d", slash != NULL ? (int)(slash - file + 1) : 0,
			    file, slash != NULL ? slash + 1 : file, (int)getpid());
	LIST_ADD(arena, &words, maker->program);
	if (maker->erofs)
		erofs_words(arena, &words, "/proc/self/fd/3/.", part, options, &epoch);
	else
		squashfs_words(arena, &words, "/proc/self/fd/3/.", part, options);
	LIST_ADD(arena, &words, NULL);
	unlink(part);
	if (run(arena, maker, words.items, root_fd, err) < 0 ||
	    (rename(part, file) < 0 && error_errno(err, "write %s", file) < 0)) {
		unlink(part);
		return -1;
	}
	return 0;
}
