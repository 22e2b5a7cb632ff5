/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "tests/attack/attack.h"

/* A container that ends, and is deleted, while another command looks at it. */

struct deleting {
	struct bundle *bundle;
	const char *file; /* before this is opened */
	bool done;
};

static enum engine_verdict delete_first(void *context, const struct engine_stop *stop,
					int *ret_errno _unused)
{
	struct deleting *deleting = context;
	char name[64] = { 0 };
	struct iovec here = { name, sizeof(name) - 1 };
	struct iovec there = { (void *)(uintptr_t)stop->args[1], sizeof(name) - 1 };
	struct output output;

	if (deleting->done || stop->call != __NR_openat ||
	    process_vm_readv(stop->pid, &here, 1, &there, 1, 0) <= 0 ||
	    strcmp(name, deleting->file) != 0)
		return ENGINE_CONTINUE;
	deleting->done = true;
	bundle_call(deleting->bundle, &output, "delete", "--force", deleting->bundle->id, NULL);
	cr_expect_eq(output.status, 0, "%s", output.err);
	return ENGINE_CONTINUE;
}

static void delete_while(const char *const words[], struct engine_result *ret)
{
	struct attack a = attack_new();
	struct deleting deleting = { .bundle = a.bundle, .file = "cpu.stat" };
	const char *filled[8] = { NULL };

	for (size_t i = 0; words[i] != NULL; i++)
		filled[i] = strcmp(words[i], "ID") == 0 ? a.bundle->id : words[i];
	/* For a hybrid host, which has a container without limits in cgroup2 alone. */
	if (access("/sys/fs/cgroup/pids", F_OK) == 0)
		bundle_set(a.bundle, "/linux/resources", "{'pids': {'limit': 77}}");
	bundle_run_sleeper(a.bundle);
	attack_engine_call(&a, filled, ENGINE_ALL, delete_first, &deleting, ret);
	cr_expect(deleting.done, "%s", ret->output);
	cr_expect(WIFEXITED(ret->status), "%s", ret->output);
}

ATTACK(ended, while_it_is_measured_has_no_statistics)
{
	const char *const events[] = { "events", "--stats", "ID", NULL };
	const char *const stats[] = { "stats", "--once", "--json", "ID", NULL };
	struct engine_result result;

	delete_while(events, &result);
	cr_expect_eq(WEXITSTATUS(result.status), 1);
	cr_expect_null(strstr(result.output, "\"stats\""), "%s", result.output);
	cr_expect_not_null(strstr(result.output, "is not running"), "%s", result.output);
	delete_while(stats, &result);
	cr_expect_null(strstr(result.output, "\"memory\""), "%s", result.output);
}

ATTACK(ended, while_it_is_watched_ends_that)
{
	const char *const events[] = { "events", "--interval", "10ms", "ID", NULL };
	struct engine_result result;

	delete_while(events, &result);
	cr_expect_eq(WEXITSTATUS(result.status), 0, "%s", result.output);
	cr_expect_null(strstr(result.output, "\"stats\""), "%s", result.output);
}
