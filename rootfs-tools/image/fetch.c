/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/image/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/process.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/publish.h"

enum { STATUS_NOT_FOUND = 127, ARGS = 16 };

static _noreturn void skopeo_exec(char *const *args)
{
	/* Its progress belongs to nobody's output. */
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp(args[0], args);
	_exit(errno == ENOENT ? STATUS_NOT_FOUND : 1);
}

static int skopeo_run(char *const *args, struct error *err)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return error_errno(err, "start skopeo");
	if (pid == 0)
		skopeo_exec(args);
	/* Ctrl-C reaches it, too, and it ends. */
	if (process_reap(pid, &status) < 0)
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
		const char **ret_layout, struct error *err)
{
	char *layout = arena_printf(arena, "%s/kist-fetch-XXXXXX", getenv("TMPDIR") ?: "/var/tmp");
	const char *args[ARGS] = {
		"skopeo", "copy", "--quiet", "--override-os", platform->os, "--override-arch",
		platform->architecture,
	};
	size_t count = 7;

	if (mkdtemp(layout) == NULL)
		return error_errno(err, "make %s", layout);
	*ret_layout = layout;	/* removed by the caller, whatever happens */
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
