/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "runtime/wait.h"

enum { OUTPUT_MAX = 64 << 10, NOT_STARTED = 127 };

/* The file that argv[0] names, as the shell found it; NULL where there is none. */
static const char *called_program(struct arena *arena)
{
	const char *name = program_invocation_name, *search = getenv("PATH");
	char path[PATH_MAX];

	if (strchr(name, '/') != NULL)
		return realpath(name, path) != NULL ? arena_strdup(arena, path) : NULL;
	while (search != NULL && *search != '\0') {
		size_t length = strcspn(search, ":");
		const char *candidate = arena_printf(arena, "%.*s/%s", (int)length, search, name);

		if (access(candidate, X_OK) == 0 && realpath(candidate, path) != NULL)
			return arena_strdup(arena, path);
		search += length + (search[length] == ':');
	}
	return NULL;
}

/* Up to and without the last "/". */
static const char *folder_of(struct arena *arena, const char *path)
{
	return arena_strndup(arena, path, (size_t)(strrchr(path, '/') - path));
}

/* The absolute path of the program, or NULL: not installed. */
static const char *beside_find(struct arena *arena, const char *program, struct error *err)
{
	static const char *const places[] = { "", "/libexec", "/../libexec/kist" };
	const char *called = called_program(arena), *path;

	for (size_t i = 0; called != NULL && i < ARRAY_SIZE(places); i++) {
		path = arena_printf(arena, "%s%s/%s", folder_of(arena, called), places[i],
				    program);
		if (access(path, X_OK) == 0)
			return path;
	}
	path = arena_printf(arena, "%s/kist/%s", LIBEXECDIR, program);
	if (access(path, X_OK) == 0)
		return path;
	error_set(err, "%s is not installed: neither beside kist nor in %s/kist", program,
		  LIBEXECDIR);
	error_hint(err, "it is built where libarchive, libcrypto, libisal and libzstd are");
	return NULL;
}

int beside_become(struct arena *arena, const char *program, const char *const *arguments,
		  struct error *err)
{
	const char *path = beside_find(arena, program, err);
	const char *called = called_program(arena);

	if (path == NULL)
		return -1;
	if (called != NULL && setenv("KIST_PROGRAM", called, 1) < 0)
		return error_errno(err, "set KIST_PROGRAM");
	execv(path, (char *const *)(uintptr_t)arguments);
	return error_errno(err, "start %s", path);
}

/*
 * It is asked to end, and then its end is waited for: killed along with us it could not undo what
 * it has made, and we may be told when it has just done its work.
 */
static void pass_on(const struct hold *hold, pid_t child, int output_fd)
{
	_cleanup_fd int signal_fd = signalfd(-1, &hold->signals, SFD_CLOEXEC);
	struct pollfd fds[] = { { output_fd, POLLIN, 0 }, { signal_fd, POLLIN, 0 } };

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno == EINTR)
		;
	if (fds[0].revents == 0 && fds[1].revents != 0)
		kill(child, hold_pending(hold));
}

static int collect(struct arena *arena, pid_t child, int output_fd, char **ret_output,
		   struct error *err)
{
	size_t size;
	int rc = fd_read_all(output_fd, OUTPUT_MAX, arena, ret_output, &size, err), status;

	if (process_reap(child, &status) < 0)
		return error_errno(err, "wait for a program");
	return rc < 0 ? -1 : wait_exit_status(status);
}

int beside_run(struct arena *arena, const char *program, const char *const *arguments,
	       struct hold *hold, char **ret_output, struct error *err)
{
	const char *path = beside_find(arena, program, err);
	_cleanup_fd int read_fd = -EBADF, write_fd = -EBADF;
	pid_t child;

	if (path == NULL || fd_pipe(&read_fd, &write_fd, err) < 0)
		return -1;
	child = fork();
	if (child < 0)
		return error_errno(err, "start %s", program);
	if (child == 0) {
		if (hold != NULL)
			hold_end(hold);
		/* Who ends us by a signal ends what we wait for; it cleans up after itself. */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && dup2(write_fd, STDOUT_FILENO) >= 0)
			execv(path, (char *const *)(uintptr_t)arguments);
		_exit(NOT_STARTED);
	}
	fd_close(&write_fd);
	if (hold != NULL)
		pass_on(hold, child, read_fd);
	return collect(arena, child, read_fd, ret_output, err);
}
