/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>

#include "base/fd.h"
#include "base/sys.h"
#include "config/program.h"
#include "init/step.h"

static const char *search_path(const struct process_plan *process)
{
	LIST_EACH(variable, process->env)
		if (strncmp(*variable, "PATH=", 5) == 0)
			return *variable + 5;
	return NULL;
}

/*
 * access(2) asks for the real ids, and these may be set alone, so that this process keeps what the
 * later steps need.
 */
static int take_real_ids(const struct plan *plan, const struct process_plan *process,
			 struct error *err)
{
	/* One of these may be what lets it.  step_credentials says why they cannot be set. */
	if (plan_annotation(plan, "run.oci.keep_original_groups") == NULL)
		(void)!setgroups(process->additional_gids.count, process->additional_gids.items);
	if (setresgid(process->gid, (gid_t)-1, (gid_t)-1) == 0 &&
	    setresuid(process->uid, (uid_t)-1, (uid_t)-1) == 0)
		return 0;
	error_errno(err, "set ids %u:%u", process->uid, process->gid);
	return err->code != EINVAL ?
		       -1 :
		       error_hint(err,
				  "the user namespace has no such id: see /linux/uidMappings and "
				  "gidMappings");
}

/* What execve leaves another user than root of capabilities, access(2) leaves none of. */
static bool may_execute_any(const struct process_plan *process)
{
	return process->uid == 0 ||
	       (process->has_capabilities &&
		(process->capabilities[CAPABILITY_AMBIENT] >> CAP_DAC_OVERRIDE & 1));
}

/*
 * Found here so that a wrong name fails "create".  It is executed by its path,
 * not by this fd: a script's interpreter is given the path.
 */
int step_program(const struct plan *plan, struct init *in, struct error *err)
{
	const struct process_plan *process = in->process;
	const bool any = may_execute_any(process);
	_cleanup_fd int fd = -EBADF;
	char path[PATH_MAX];

	if (process->args.count == 0)
		return 0;
	if (!any && take_real_ids(plan, process, err) < 0)
		return -1;
	fd = (any ? program_find : program_find_for_user)(in->root_fd, process->args.items[0],
							  process->cwd != NULL ? process->cwd : "/",
							  search_path(process), path, err);
	if (fd < 0)
		return -1;
	in->program = arena_strdup(in->arena, path);
	return 0;
}
