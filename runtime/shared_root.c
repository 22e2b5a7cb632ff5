/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/shared_root.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "runtime/journal.h"

#define OWN	"/proc/self/ns/mnt"

struct visit {
	int namespace_fd;
	const char *root;
	bool remove;		/* what covers mount id: unmounts it; else tells id */
	uint64_t id;
};

static bool mount_id(const char *path, uint64_t *ret)
{
	struct statx st;

	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return false;
	*ret = st.stx_mnt_id;
	return true;
}

/* The exit status of the process that does it: an errno. */
static int look(struct visit *visit)
{
	uint64_t id;

	if (!mount_id(visit->root, &id))
		return errno == ENOENT && visit->remove ? 0 : errno != 0 ? errno : ENOSYS;
	if (!visit->remove)
		visit->id = id;
	else if (id != visit->id && sys_umount2(visit->root, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 &&
		 errno != EINVAL)
		return errno;
	return 0;
}

/* In that namespace, by a process for the moment where it is not ours; the id comes by a pipe. */
static int look_there(struct visit *visit)
{
	_cleanup_fd int read_fd = -EBADF, write_fd = -EBADF;
	struct error ignored;
	int status = 0;
	pid_t pid;

	if (fd_pipe(&read_fd, &write_fd, &ignored) < 0)
		return EIO;
	pid = fork();
	if (pid == 0) {
		int rc = setns(visit->namespace_fd, CLONE_NEWNS) < 0 ? errno : look(visit);

		if (write(write_fd, &visit->id, sizeof(visit->id)) < 0)
			rc = EIO;
		_exit(rc);
	}
	fd_close(&write_fd);
	if (pid < 0 || read(read_fd, &visit->id, sizeof(visit->id)) != sizeof(visit->id))
		status = EIO;
	if (pid > 0)
		process_reap(pid, &status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static int visit_run(struct visit *visit, ino_t ino)
{
	struct stat own;

	errno = 0;
	return stat(OWN, &own) == 0 && own.st_ino == ino ? look(visit) : look_there(visit);
}

int shared_root_note(int journal_fd, struct arena *arena, const struct plan *plan,
		     struct error *err)
{
	const char *path = plan->namespaces[NAMESPACE_MOUNT].path;
	_cleanup_fd int fd = open(path != NULL ? path : OWN, O_RDONLY | O_CLOEXEC);
	struct visit visit = { fd, plan->root_path, false, 0 };
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "open mount namespace %s", path != NULL ? path : OWN);
	rc = visit_run(&visit, st.st_ino);
	if (rc != 0)
		return error_number(err, rc, "root %s", plan->root_path);
	return journal_add_text(journal_fd, arena, "root-mount",
				arena_printf(arena, "%" PRIu64 " %" PRIu64 " %s", visit.id,
					     (uint64_t)st.st_ino, path != NULL ? path : OWN), err);
}

/* "ID INODE PATH", taken apart. */
struct noted {
	uint64_t id, ino;
	const char *path;
};

static bool noted_parse(struct arena *arena, const char *text, struct noted *ret)
{
	char *id = arena_strdup(arena, text), *ino = strchr(id, ' '), *path;

	if (ino == NULL || (path = strchr(ino + 1, ' ')) == NULL)
		return false;
	*ino++ = '\0';
	*path++ = '\0';
	ret->path = path;
	return text_to_u64(id, UINT64_MAX, &ret->id) && text_to_u64(ino, UINT64_MAX, &ret->ino);
}

int shared_root_remove(int journal_fd, struct arena *arena, struct error *err)
{
	_cleanup_fd int fd = -EBADF;
	struct journal journal;
	struct noted noted;
	struct visit visit;
	struct stat st;
	int rc;

	if (journal_read(journal_fd, arena, &journal, err) < 0)
		return -1;
	if (journal.root_mount == NULL || !noted_parse(arena, journal.root_mount, &noted))
		return 0;
	fd = open(noted.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != noted.ino)
		return 0;
	visit = (struct visit){ fd, journal.root_path, true, noted.id };
	rc = visit_run(&visit, st.st_ino);
	return rc == 0 ? 0 : error_number(err, rc, "unmount root %s", journal.root_path);
}
