/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <string.h>

#include "base/fd.h"
#include "base/sys.h"
#include "config/program.h"
#include "init/step.h"

#ifndef __NR_faccessat2
#define __NR_faccessat2	439
#endif

static const char *search_path(const struct process_plan *process)
{
	LIST_EACH(variable, process->env)
		if (strncmp(*variable, "PATH=", 5) == 0)
			return *variable + 5;
	return NULL;
}

/*
 * May the user execute it?  access(2) asks for the real ids, and these may be
 * set alone, so that this process keeps what the later steps need.
 */
static int check_user(const struct plan *plan, const struct init *in, int program_fd,
		      struct error *err)
{
	const struct process_plan *process = in->process;

	if (process->uid == 0)
		return 0;
	/* One of these may be what lets it.  step_credentials says why they cannot be set. */
	if (plan_annotation(plan, "run.oci.keep_original_groups") == NULL)
		(void)!setgroups(process->additional_gids.count, process->additional_gids.items);
	if (setresgid(process->gid, (gid_t)-1, (gid_t)-1) < 0 ||
	    setresuid(process->uid, (uid_t)-1, (uid_t)-1) < 0) {
		error_errno(err, "set ids %u:%u", process->uid, process->gid);
		if (err->code == EINVAL)
			error_hint(err, "the user namespace has no such id: see "
				   "/linux/uidMappings and gidMappings");
		return -1;
	}
	if (syscall(__NR_faccessat2, program_fd, "", X_OK, AT_EMPTY_PATH) < 0)
		return error_errno(err, "exec: \"%s\"", process->args.items[0]);
	return 0;
}

/*
 * Found here so that a wrong name fails "create".  It is executed by its path,
 * not by this fd: a script's interpreter is given the path.
 */
int step_program(const struct plan *plan, struct init *in, struct error *err)
{
	const struct process_plan *process = in->process;
	_cleanup_fd int fd = -EBADF;
	char path[PATH_MAX];

	if (process->args.count == 0)
		return 0;
	fd = program_find(in->root_fd, process->args.items[0],
			  process->cwd != NULL ? process->cwd : "/", search_path(process), path,
			  err);
	if (fd < 0)
		return -1;
	in->program = arena_strdup(in->arena, path);
	return check_user(plan, in, fd, err);
}
