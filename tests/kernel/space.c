/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kernel/space.h"

#include <criterion/criterion.h>
#include <grp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "tests/kernel/child.h"

struct kist_space *space_begin(const struct kist_options *options)
{
	struct kist_space *space = NULL;
	struct kist_error err;

	cr_assert_eq(kist_space_start(options, &space, &err), 0, "%s", err.text);
	return space;
}

int space_end(struct kist_space *space)
{
	struct kist_error err;
	int status = -1, ended = kist_space_wait(space, 60000, &status, &err);

	if (ended != 1)
		kist_space_kill(space, NULL);
	cr_expect_eq(ended, 1, "it did not end");
	kist_space_free(space);
	return status;
}

uint64_t space_all(void)
{
	return child_namespace(0, "time") != 0 ? KIST_ALL_NAMESPACES :
						 KIST_ALL_NAMESPACES & ~(uint64_t)CLONE_NEWTIME;
}

int space_run(uint64_t flags, kist_function *function, void *context)
{
	struct kist_options options = KIST_OPTIONS_INIT;

	options.flags = flags;
	options.function = function;
	options.context = context;
	return space_end(space_begin(&options));
}

const char *space_refusal(const struct kist_options *options)
{
	static struct kist_error err;
	struct kist_space *space = NULL;

	if (kist_space_start(options, &space, &err) < 0)
		return err.text;
	space_end(space);
	return "";
}

struct nobody {
	int (*function)(void *);
	void *context;
};

static int become_nobody(void *context)
{
	const struct nobody *nobody = context;

	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
			       setresuid(65534, 65534, 65534) < 0))
		return 250;
	/* Else /proc/PID of our children would be root's, as that of a set-user-id program is. */
	prctl(PR_SET_DUMPABLE, 1);
	return nobody->function(nobody->context);
}

int as_nobody(int (*function)(void *), void *context)
{
	return child_status(become_nobody, &(struct nobody){ function, context });
}

long proc_number(pid_t pid, const char *name)
{
	char path[64], line[256];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return -1;
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			number = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(file);
	return number;
}

void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(memory, MAP_FAILED);
	return memory;
}
