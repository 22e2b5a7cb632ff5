/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

#include "base/sys.h"
#include "runtime/cgroup/internal.h"

#define FREEZE_TRIES	2000
#define FREEZE_PAUSE_MS	5

static int freezer_open(const struct cgroup_v1 *v1, const char *path, struct error *err)
{
	const struct cgroup_hierarchy *freezer = cgroup_v1_find(v1, "freezer");

	if (freezer == NULL)
		return error_set(err, "no cgroup v1 hierarchy has the controller freezer");
	return cgroup_dir_open(freezer->fd, path, err);
}

int cgroup_v1_is_frozen(const struct cgroup_v1 *v1, const char *path, struct error *err)
{
	_cleanup_fd int fd = freezer_open(v1, path, err);
	char text[32];

	if (fd < 0)
		return -1;
	if (cgroup_file_read(fd, "freezer.state", text, sizeof(text)) < 0)
		return error_errno(err, "read freezer.state");
	return strcmp(text, "THAWED") != 0;
}

int cgroup_v1_freeze(const struct cgroup_v1 *v1, const char *path, bool frozen, struct error *err)
{
	const char *wanted = frozen ? "FROZEN" : "THAWED";
	_cleanup_fd int fd = freezer_open(v1, path, err);
	char text[32];

	if (fd < 0)
		return -1;
	for (int tries = 0; tries < FREEZE_TRIES; tries++) {
		/* A fork in the middle leaves it FREEZING for ever, unless it is told again. */
		if (cgroup_file_write(fd, "freezer.state", wanted) < 0)
			return error_errno(err, "write %s to freezer.state", wanted);
		if (cgroup_file_read(fd, "freezer.state", text, sizeof(text)) < 0)
			return error_errno(err, "read freezer.state");
		if (strcmp(text, wanted) == 0)
			return 0;
		poll(NULL, 0, FREEZE_PAUSE_MS);
	}
	cgroup_file_write(fd, "freezer.state", "THAWED");
	return error_number(err, ETIMEDOUT, "%s cgroup", frozen ? "freeze" : "thaw");
}

/* errno of one that goes meanwhile, or of the root, which has no such file, is no matter. */
static int thaw_visit(void *context _unused, int dir_fd, struct error *err _unused)
{
	cgroup_file_write(dir_fd, "freezer.state", "THAWED");
	return 0;
}

int cgroup_v1_thaw_below(const struct cgroup_v1 *v1, const struct cgroup *cgroup, struct error *err)
{
	const struct cgroup_hierarchy *freezer = cgroup_v1_find(v1, "freezer");
	_cleanup_fd int fd = -EBADF;

	if (freezer == NULL)
		return 0;
	fd = cgroup_dir_open(freezer->fd, cgroup->path, err);
	if (fd < 0)
		return cgroup_is_gone(err->code) ? 0 : -1;
	/* A container that has ended may have left its path to another. */
	return cgroup_dir_is_own(fd, cgroup->owner) ? cgroup_dir_walk(fd, thaw_visit, NULL, err) :
						      0;
}
