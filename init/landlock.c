/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "init/step.h"

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset	444
#define __NR_landlock_add_rule		445
#define __NR_landlock_restrict_self	446
#endif

/*
 * The program's Landlock domain.  It goes in while there is CAP_SYS_ADMIN of
 * the user namespace, so that it does not need no_new_privs; what the runtime
 * still does for the program, hooks included, is subject to it.
 */

enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };

struct ruleset_attr { uint64_t handled_access_fs; };
struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

/* The rights of files; in a rule for one the kernel refuses those of directories. */
#define FILE_RIGHTS	(1U << 0 | 1U << 1 | 1U << 2 | 1U << 14 | 1U << 15)

/* What this kernel knows, by the version of its interface. */
static uint64_t known_rights(long version)
{
	static const uint64_t known[] = { 0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff };
	const long last = (long)ARRAY_SIZE(known) - 1;

	return known[version < 0 ? 0 : version > last ? last : version];
}

static int rule_add(int ruleset_fd, const struct init *in, const struct landlock_rule *rule,
		    uint64_t known, struct error *err)
{
	_cleanup_fd int fd = path_open(in->root_fd, rule->path, O_PATH, err);
	struct path_beneath_attr attr = { rule->allowed & known, fd };
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "look at %s", rule->path);
	if (!S_ISDIR(st.st_mode))
		attr.allowed_access &= FILE_RIGHTS;
	if (attr.allowed_access == 0)
		return 0;
	if (syscall(__NR_landlock_add_rule, ruleset_fd, RULE_PATH_BENEATH, &attr, 0) < 0)
		return error_errno(err, "allow access below %s", rule->path);
	return 0;
}

static int domain_enter(const struct landlock_plan *landlock, struct init *in, uint64_t known,
			struct error *err)
{
	struct ruleset_attr attr = { landlock->handled & known };
	_cleanup_fd int fd = (int)syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		return error_errno(err, "make a ruleset");
	LIST_EACH(rule, landlock->rules)
		if (rule_add(fd, in, rule, known, err) < 0)
			return -1;
	if (syscall(__NR_landlock_restrict_self, fd, 0) == 0)
		return 0;
	error_errno(err, "enter the domain");
	return err->code == EPERM ? error_hint(err, "set process.noNewPrivileges") : -1;
}

int step_landlock(const struct plan *plan, struct init *in, struct error *err)
{
	const struct landlock_plan *landlock = plan->landlock;
	long version;
	uint64_t known;

	if (landlock == NULL)
		return 0;
	version = syscall(__NR_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
	known = known_rights(version);
	if (landlock->strict && (landlock->handled & ~known) != 0)
		return error_set(err, "landlock: this kernel lacks some of the rights (interface "
				 "%ld), and disableBestEffort is set", version > 0 ? version : 0);
	if ((landlock->handled & known) == 0) {
		warn("landlock: this kernel has none of it: the program is not restricted");
		return 0;
	}
	/* Ours is set in its own step; an ordinary caller has it only where it is asked for. */
	if (in->process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, "landlock: set no_new_privs");
	return domain_enter(landlock, in, known, err) < 0 ? error_wrap(err, "landlock") : 0;
}
