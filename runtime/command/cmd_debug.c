/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/process.h"
#include "init/tree.h"
#include "runtime/command/command.h"
#include "runtime/command/exec_process.h"

#define TOOLS_DIR	".kist"
#define TOOLS_BIN	"/" TOOLS_DIR "/bin"
#define TOOL_MAX	((size_t)256 << 20)

struct debug_options {
	const char *tools;
	bool tty;
};

static const struct option options[] = {
	OPTION_ROW_TEXT("tools", 0, struct debug_options, tools, "FILE",
			"a static program of the host's; busybox by default"),
	OPTION_ROW_FLAG("tty", 't', struct debug_options, tty,
			"give it a terminal; done anyway where stdin is one"),
	{ 0 },
};

static const char *tool_find(const char *given, struct error *err)
{
	static const char *const usual[] = { "/bin/busybox", "/usr/bin/busybox", "/bin/toybox",
					     "/usr/bin/toybox" };

	if (given != NULL)
		return given;
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (access(usual[i], X_OK) == 0)
			return usual[i];
	error_set(err, "no busybox on this host: install it (Debian: \"apt install "
		  "busybox-static\"), or name a static program with --tools");
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* What a multi-call program can be called by, one name a line; "" where it is none. */
static char *applets(struct arena *arena, const char *tool)
{
	char *text = arena_strdup(arena, "");
	struct error ignored;
	_cleanup_fd int read_fd = -EBADF, write_fd = -EBADF;
	pid_t pid;

	if (fd_pipe(&read_fd, &write_fd, &ignored) < 0)
		return text;
	pid = fork();
	if (pid == 0) {
		_cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (dup2(null, 0) >= 0 && dup2(write_fd, 1) >= 0 && dup2(null, 2) >= 0)
			execl(tool, base_name(tool), "--list", NULL);
		_exit(127);
	}
	fd_close(&write_fd);
	if (pid > 0) {
		(void)!fd_read_all(read_fd, 1 << 16, arena, &text, NULL, &ignored);
		fd_close(&read_fd);
		process_reap(pid, NULL);
	}
	return text;
}

static int tool_copy(struct arena *arena, const char *tool, int bin_fd, struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	size_t size;
	char *data;

	if (file_read(AT_FDCWD, tool, TOOL_MAX, arena, &data, &size, err) < 0)
		return -1;
	fd = openat(bin_fd, base_name(tool), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0 || fd_write_all(fd, data, size) < 0 || fchmod(fd, 0755) < 0)
		return error_errno(err, "copy %s", tool);
	return 0;
}

/* A detached tmpfs with /.kist/bin: the tool, and a link for each of its names. */
static int tools_make(struct arena *arena, const char *tool, struct error *err)
{
	const struct file_system fs = { .type = "tmpfs", .source = "kist-tools",
					.data = "mode=755" };
	_cleanup_fd int tree_fd = tree_new(&fs, err), bin_fd = -EBADF;
	char *rest, *name;

	if (tree_fd < 0)
		return -1;
	if (access(tool, X_OK) < 0)
		return error_errno(err, "execute %s", tool);
	rest = applets(arena, tool);
	if (mkdirat(tree_fd, TOOLS_DIR, 0755) < 0 || mkdirat(tree_fd, &TOOLS_BIN[1], 0755) < 0 ||
	    (bin_fd = openat(tree_fd, &TOOLS_BIN[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return error_errno(err, "make " TOOLS_BIN);
	if (tool_copy(arena, tool, bin_fd, err) < 0)
		return -1;
	while ((name = strsep(&rest, "\n")) != NULL)
		if (*name != '\0' && strchr(name, '/') == NULL &&
		    symlinkat(base_name(tool), bin_fd, name) < 0 && errno != EEXIST)
			return error_errno(err, "make link %s", name);
	return fd_take(&tree_fd);
}

/*
 * Nothing of the image's: its ENV names a file that a shell executes before its first line, here
 * with CAP_SYS_PTRACE.  And a HOME in the tools, where a shell may leave its history.
 */
static void set_env(struct arena *arena, word_list *env)
{
	static const char path[] = "PATH=" TOOLS_BIN ":/usr/local/sbin:/usr/local/bin:/usr/sbin"
				   ":/usr/bin:/sbin:/bin";
	const char *term = getenv("TERM");

	env->items = ARENA_NEWS(arena, 3, const char *);
	/* Before the image's own: those may be what is to be debugged. */
	env->items[env->count++] = path;
	env->items[env->count++] = "HOME=/" TOOLS_DIR;
	if (term != NULL && *term != '\0')
		env->items[env->count++] = arena_printf(arena, "TERM=%s", term);
}

static int run(struct cli *cli, const void *values, struct error *err)
{
	static const char *const capability = "CAP_SYS_PTRACE";
	const struct debug_options *debug = values;
	const char *tool = tool_find(debug->tools, err);
	struct exec_options exec = { .process.user = "0:0", .process.cwd = "/" };
	const char *shell = TOOLS_BIN "/sh";
	_cleanup_fd int tools_fd = -EBADF;

	if (tool == NULL)
		return -1;
	tools_fd = tools_make(cli->arena, tool, err);
	if (tools_fd < 0 && err->code == EPERM)
		error_hint(err, "only root brings tools in; \"exec\" runs what the container has");
	if (tools_fd < 0)
		return error_wrap(err, "debug %s: the tools", cli->arguments.items[0]);
	exec.process.tty = debug->tty || isatty(STDIN_FILENO);
	exec.process.own_env = true;
	set_env(cli->arena, &exec.process.env);
	exec.process.capabilities.items = (const char **)(uintptr_t)&capability;
	exec.process.capabilities.count = 1;
	if (cli->arguments.count < 2) {
		const char **words = ARENA_NEWS(cli->arena, 2, const char *);

		words[0] = cli->arguments.items[0];
		words[1] = shell;
		cli->arguments.items = words;
		cli->arguments.count = 2;
	}
	return exec_command(cli, &exec, tools_fd, err);
}

const struct command command_debug = {
	.name = "debug", .arguments = "ID [--] [COMMAND...]",
	.summary = "a shell with the host's tools in a container that has none",
	.description = "Nothing is written to the container's files: the tools are in /" TOOLS_DIR
		       ", which nobody\n"
		       "else sees, and gone with the last process that was started.\n"
		       "It runs as the container's root, with CAP_SYS_PTRACE besides, and without\n"
		       "the container's environment, which is in /proc/1/environ.",
	.options = options, .size = sizeof(struct debug_options),
	.min = 1, .max = -1, .stop_after = 1, .run = run,
};
