/* SPDX-License-Identifier: Apache-2.0 */
#include "init/program.h"

#include <ctype.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "init/step.h"

#ifndef __NR_faccessat2
#define __NR_faccessat2	439
#endif

static const char default_path[] =
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/*
 * May the user execute it?  access(2) asks for the real ids, and these may be
 * set alone, so that this process keeps what the later steps need.
 */
static bool may_execute(const struct process_plan *process, int fd)
{
	if (process->uid != 0 &&
	    (setresgid(process->gid, (gid_t)-1, (gid_t)-1) < 0 ||
	     setresuid(process->uid, (uid_t)-1, (uid_t)-1) < 0))
		return true;
	return syscall(__NR_faccessat2, fd, "", X_OK, AT_EMPTY_PATH) == 0;
}

/* 0 and the fd in *ret_fd, or an errno. */
static int candidate_open(const struct init *in, const char *path, int *ret_fd)
{
	char whole[PATH_MAX];
	struct error err;
	struct stat st;
	_cleanup_fd int fd = -EBADF;
	const char *cwd = in->process->cwd != NULL ? in->process->cwd : "/";

	if (*path == '/')
		snprintf(whole, sizeof(whole), "%s", path);
	else
		snprintf(whole, sizeof(whole), "%s/%s", cwd, path);
	fd = path_open(in->root_fd, whole, O_PATH, &err);
	if (fd < 0)
		return err.code;
	if (fstat(fd, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111) || !may_execute(in->process, fd))
		return EACCES;
	*ret_fd = fd_take(&fd);
	return 0;
}

static const char *search_path(const struct process_plan *process)
{
	LIST_EACH(variable, process->env)
		if (strncmp(*variable, "PATH=", 5) == 0)
			return *variable + 5;
	return default_path;
}

static int search(struct init *in, const char *name, struct error *err)
{
	const char *at = search_path(in->process);
	char path[PATH_MAX];

	while (*name != '\0' && *at != '\0') {
		int length = (int)strcspn(at, ":");

		if (snprintf(path, sizeof(path), "%.*s/%s", length != 0 ? length : 1,
			     length != 0 ? at : ".", name) < (int)sizeof(path) &&
		    candidate_open(in, path, &in->program_fd) == 0) {
			in->program = arena_strdup(in->arena, path);
			return 0;
		}
		at += length + (at[length] == ':');
	}
	/* Clients match this text: contracts.md, 1.4. */
	return error_set(err, "exec: \"%s\": executable file not found in $PATH", name);
}

/* As Go's errors are written, which clients of runc match. */
static const char *lower_text(int code, char text[128])
{
	snprintf(text, 128, "%s", strerror(code));
	*text = (char)tolower((unsigned char)*text);
	return text;
}

int step_program(const struct plan *plan, struct init *in, struct error *err)
{
	const char *name;
	char text[128];
	int code;

	(void)plan;
	if (in->process->args.count == 0)
		return 0;
	name = in->process->args.items[0];
	if (strchr(name, '/') == NULL)
		return search(in, name, err);
	in->program = name;
	code = candidate_open(in, name, &in->program_fd);
	if (code == 0)
		return 0;
	if (code == EACCES || code == EISDIR)
		error_set(err, "exec: \"%s\": %s", name, lower_text(code, text));
	else
		error_set(err, "exec: \"%s\": stat %s: %s", name, name, lower_text(code, text));
	err->code = code;
	return -1;
}
