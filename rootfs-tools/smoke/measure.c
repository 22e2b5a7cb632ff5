/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/measure.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/text.h"

/* A file of the cgroup, wherever that is mounted: with all controllers, or one alone. */
static char *file_of(const struct run *run, const char *controller, const char *v1, const char *v2)
{
	const char *id = run->id;
	struct error ignored;
	char *text;

	if (file_read(AT_FDCWD, arena_printf(run->arena, "/sys/fs/cgroup/%s/%s", id, v2), 65536,
		      run->arena, &text, NULL, &ignored) == 0 ||
	    file_read(AT_FDCWD, arena_printf(run->arena, "/sys/fs/cgroup/%s/%s/%s", controller, id,
					     v1), 65536, run->arena, &text, NULL, &ignored) == 0)
		return text;
	return NULL;
}

static bool number_of(char *text, uint64_t *ret)
{
	if (text == NULL)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return text_to_u64(text, UINT64_MAX, ret);
}

static bool out_of_memory(const struct run *run)
{
	const char *text = file_of(run, "memory", "memory.oom_control", "memory.events");
	const char *line = text != NULL ? strstr(text, "oom_kill ") : NULL;

	return line != NULL && strncmp(line + strlen("oom_kill "), "0\n", 2) != 0;
}

static void delete(const struct run *run)
{
	const char *args[] = { "kist", "--root", run->smoke->state, "delete", run->id, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, run->smoke->kist, &actions, NULL, (char *const *)args, environ) == 0)
		process_reap(pid, NULL);
	posix_spawn_file_actions_destroy(&actions);
}

void measure_memory(struct run *run)
{
	uint64_t bytes;

	/* memory.peak is of Linux 5.19. */
	if (number_of(file_of(run, "memory", "memory.max_usage_in_bytes", "memory.peak"),
		      &bytes) && bytes > 0) {
		run->trace.memory = bytes;
		run->trace.memory_is_rss = false;
	}
	run->trace.out_of_memory = out_of_memory(run);
	delete(run);
}
