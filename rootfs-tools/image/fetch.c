/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/publish.h"

enum { STATUS_NOT_FOUND = 127, ARGS = 16 };
#define PREFIX		"kist-fetch-"

static _noreturn void skopeo_exec(char *const *args, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	/* Its progress belongs to nobody's output. */
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp(args[0], args);
	_exit(errno == ENOENT ? STATUS_NOT_FOUND : 1);
}

static int skopeo_run(char *const *args, struct error *err)
{
	pid_t parent = getpid(), pid = fork();
	int status;

	if (pid < 0)
		return error_errno(err, "start skopeo");
	if (pid == 0)
		skopeo_exec(args, parent);
	/* Ctrl-C has reached it, too; what was sent to us alone has not. */
	if (interrupt_reap(pid, SIGTERM, &status) < 0)
		return error_errno(err, "wait for skopeo");
	if (interrupt_check(err) < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_FOUND)
		return error_set(err, "is fetched by skopeo, which is not installed: install it, "
				 "or give an OCI layout or archive");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(err, "skopeo has not fetched it (it says why above)");
	return 0;
}

int fetch_image(struct arena *arena, const char *reference, const struct platform *platform,
		const char **ret_layout, int *ret_lock_fd, struct error *err)
{
	const char *directory = getenv("TMPDIR") ?: "/var/tmp";
	char *layout = arena_printf(arena, "%s/" PREFIX "XXXXXX", directory);
	const char *args[ARGS] = {
		"skopeo", "copy", "--quiet", "--override-os", platform->os, "--override-arch",
		platform->architecture,
	};
	size_t count = 7;

	publish_remove_left(AT_FDCWD, directory, PREFIX, NULL);
	if (mkdtemp(layout) == NULL)
		return error_errno(err, "make %s", layout);
	*ret_layout = layout;	/* removed by the caller, whatever happens */
	*ret_lock_fd = open(layout, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_lock_fd < 0 || flock(*ret_lock_fd, LOCK_EX | LOCK_NB) < 0)
		return error_errno(err, "lock %s", layout);
	if (platform->variant[0] != '\0' && strcmp(platform->architecture, "arm") == 0) {
		args[count++] = "--override-variant";
		args[count++] = platform->variant;
	}
	args[count++] = reference;
	args[count++] = arena_printf(arena, "oci:%s:fetched", layout);
	return skopeo_run((char *const *)args, err);
}

void fetch_remove(const char *layout)
{
	struct error err;
	const char *slash = strrchr(layout, '/');
	_cleanup_fd int parent_fd = -EBADF;
	char parent[4096];

	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - layout), layout);
	parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent_fd < 0 || tree_remove(parent_fd, slash + 1, &err) < 0)
		warn("remove %s: not done", layout);
}
