/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/run.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/list.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "rootfs-tools/json_edit.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/smoke/measure.h"
#include "rootfs-tools/smoke/pty.h"

#define OUTPUT_MAX	((size_t)1 << 20)
/* How often a condition is looked at, in milliseconds: often at first, for most wait shortly. */
enum { TICK_MIN = 1, TICK_MAX = 20, KILL_WAIT = 5000, DYING = 20 };

static atomic_uint run_count;

/* --- starting ------------------------------------------------------------------------ */

struct pipes {
	int out[2], err[2];
};

static void pipes_close(struct pipes *pipes)
{
	fd_close(&pipes->out[0]);
	fd_close(&pipes->out[1]);
	fd_close(&pipes->err[0]);
	fd_close(&pipes->err[1]);
}

static int pipes_open(struct pipes *pipes, bool terminal, struct error *err)
{
	*pipes = (struct pipes){ { -EBADF, -EBADF }, { -EBADF, -EBADF } };
	if (terminal)
		return pty_open(&pipes->out[0], &pipes->out[1], err);
	if (pipe2(pipes->out, O_CLOEXEC) == 0 && pipe2(pipes->err, O_CLOEXEC) == 0)
		return 0;
	error_errno(err, "make a pipe");
	pipes_close(pipes);
	return -1;
}

static int spawn_kist(struct run *run, const struct pipes *pipes, bool terminal, struct error *err)
{
	const char *cgroups = run->measured ? "--cgroup-manager=cgroupfs" :
					      "--cgroup-manager=disabled";
	const char *args[] = { "kist", "--root", run->smoke->state, cgroups,
		"--log", arena_printf(run->arena, "%s/log", run->dir), "--log-format=json", "run",
		"--bundle", run->smoke->subject.bundle,
		"--config", arena_printf(run->arena, "%s/config.json", run->dir),
		"--pid-file", arena_printf(run->arena, "%s/pid", run->dir),
		run->measured ? "--keep" : "--no-new-keyring", run->id, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int number;

	posix_spawn_file_actions_init(&actions);
	if (terminal)
		posix_spawn_file_actions_adddup2(&actions, pipes->out[1], STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, pipes->out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, terminal ? pipes->out[1] : pipes->err[1],
					 STDERR_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
	run->trace.began = time_now();
	number = posix_spawn(&run->pid, run->smoke->kist, &actions, &attributes,
			     (char *const *)args, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (number != 0)
		return error_number(err, number, "start %s", run->smoke->kist);
	return 0;
}

static int write_config(struct run *run, const struct container_config *config, struct error *err)
{
	const char *text = container_config_make(run->arena, run->smoke, config, err);
	const char *path = arena_printf(run->arena, "%s/config.json", run->dir);
	_cleanup_fd int fd = -EBADF;

	if (text == NULL)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		return error_errno(err, "write %s", path);
	return 0;
}

static void reap(struct run *run)
{
	struct rusage usage;
	int status;

	if (wait4(run->pid, &status, 0, &usage) != run->pid)
		return;
	run->ended = true;
	run->trace.ended = time_now();
	run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	run->trace.status = run->status;
	run->trace.memory = (uint64_t)usage.ru_maxrss * 1024;
	run->trace.memory_is_rss = true;
}

/* Its end would be waited for for ever; the box takes what it has begun. */
static int watch(struct run *run, struct error *err)
{
	run->pidfd = sys_pidfd_open(run->pid, 0);
	if (run->pidfd >= 0)
		return 0;
	error_errno(err, "watch %s", run->smoke->kist);
	kill(run->pid, SIGKILL);
	reap(run);
	return -1;
}

int run_start(struct run *run, struct arena *arena, const struct smoke *smoke, const char *name,
	      struct container_config *config, struct error *err)
{
	const unsigned int number = atomic_fetch_add(&run_count, 1);
	struct pipes pipes;
	int result;

	*run = (struct run)RUN_NONE;
	run->smoke = smoke;
	run->arena = run->out.arena = run->err.arena = arena;
	run->trace.name = name;
	run->measured = config->cgroup != NULL;
	run->id = arena_printf(arena, "%s-%u", smoke->run_name, number);
	run->dir = arena_printf(arena, "%s/run-%u", smoke->work, number);
	if (run->measured)
		config->cgroup = arena_printf(arena, "/%s", run->id);
	if (mkdir(run->dir, 0700) < 0)
		return error_errno(err, "make directory %s", run->dir);
	if (write_config(run, config, err) < 0 || pipes_open(&pipes, config->terminal, err) < 0)
		return -1;
	result = spawn_kist(run, &pipes, config->terminal, err);
	if (result == 0)
		result = watch(run, err);
	if (result == 0) {
		run->out_fd = fd_take(&pipes.out[0]);
		run->err_fd = fd_take(&pipes.err[0]);
	}
	pipes_close(&pipes);
	return result;
}

/* --- while it runs ---------------------------------------------------------------------- */

/* What there is to read; at its end the fd is closed. */
static void drain(int *fd, struct text *text)
{
	char buffer[16384];
	ssize_t size = read(*fd, buffer, sizeof(buffer));

	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (size <= 0) {
		fd_close(fd);
		return;
	}
	if (text->size + (size_t)size > OUTPUT_MAX)
		size = (ssize_t)(OUTPUT_MAX - text->size);
	text_add_bytes(text, buffer, (size_t)size);
}

void run_read(struct run *run)
{
	for (; run != NULL; run = run->beside) {
		/* What a pipe holds: who never stops talking is not to be listened to alone. */
		for (int i = 0; i < 4; i++) {
			struct pollfd fds[] = { { .fd = run->out_fd, .events = POLLIN },
						{ .fd = run->err_fd, .events = POLLIN } };

			if (poll(fds, ARRAY_SIZE(fds), 0) <= 0)
				break;
			if (fds[0].revents != 0)
				drain(&run->out_fd, &run->out);
			if (fds[1].revents != 0)
				drain(&run->err_fd, &run->err);
		}
	}
}

bool run_is_created(struct run *run, void *context _unused)
{
	struct error ignored;
	char *text;
	uint64_t pid;

	if (run->inside != 0)
		return true;
	if (file_read(AT_FDCWD, arena_printf(run->arena, "%s/pid", run->dir), 32, run->arena, &text,
		      NULL, &ignored) < 0 || !text_to_u64(text, INT32_MAX, &pid))
		return false;
	run->inside = (pid_t)pid;
	run->trace.created = time_now();
	return true;
}

/* One look at what happened; false once it has ended and all it said was read. */
static bool step(struct run *run, int tick)
{
	struct pollfd fds[] = {
		{ .fd = run->out_fd, .events = POLLIN }, { .fd = run->err_fd, .events = POLLIN },
		{ .fd = run->pidfd, .events = POLLIN },
	};

	if (poll(fds, ARRAY_SIZE(fds), tick) < 0 && errno != EINTR)
		return false;
	if (fds[0].revents != 0)
		drain(&run->out_fd, &run->out);
	if (fds[1].revents != 0)
		drain(&run->err_fd, &run->err);
	if (fds[2].revents == 0 || fds[0].revents != 0 || fds[1].revents != 0)
		return true;
	/* kist has ended, and with it the container: what it said is in the pipes, or nowhere. */
	fd_close(&run->pidfd);
	reap(run);
	return false;
}

enum run_wait run_wait(struct run *run, uint64_t until, run_condition *condition, void *context)
{
	int tick = TICK_MIN;

	while (!run->ended) {
		uint64_t now = time_now();
		int wait = condition != NULL ? tick : run->beside != NULL ? TICK_MAX : 1000;

		if (now >= until)
			return RUN_LATE;
		if ((until - now) / 1000000 < (uint64_t)wait)
			wait = (int)((until - now) / 1000000) + 1;
		if (!step(run, wait))
			break;
		run_read(run->beside);
		if (condition != NULL && condition(run, context))
			return RUN_MET;
		tick = tick * 2 > TICK_MAX ? TICK_MAX : tick * 2;
	}
	return RUN_ENDED;
}

/* On a loaded machine kist may be late to say so. */
bool run_ended_itself(struct run *run)
{
	if (run_wait(run, time_now() + ms_to_ns(DYING), NULL, NULL) == RUN_ENDED)
		return true;
	return run->inside != 0 && process_lives(run->inside) == 0 &&
	       run_wait(run, time_now() + ms_to_ns(KILL_WAIT), NULL, NULL) == RUN_ENDED;
}

/* kist forwards what it can catch; it would end by the others, and leave the container alone. */
void run_signal(struct run *run, int signal)
{
	run->trace.stopped = time_now();
	if (run->ended || run->pidfd < 0)
		return;
	if ((signal == SIGKILL || signal == SIGSTOP) && run->inside != 0)
		kill(run->inside, signal);
	else
		sys_pidfd_send_signal(run->pidfd, signal);
}

/* --- the end -------------------------------------------------------------------------------- */

static void kill_all(struct run *run)
{
	run->killed = true;
	if (run->trace.stopped == 0)
		run->trace.stopped = time_now();
	run_wait(run, time_now() + ms_to_ns(KILL_WAIT), run_is_created, NULL);
	if (run->inside != 0 && !run->ended)
		kill(run->inside, SIGKILL);
	if (run_wait(run, time_now() + ms_to_ns(KILL_WAIT), NULL, NULL) == RUN_ENDED)
		return;
	sys_pidfd_send_signal(run->pidfd, SIGKILL);
	run_wait(run, time_now() + ms_to_ns(KILL_WAIT), NULL, NULL);
}

/* kist's log holds what it has to say itself; the program's output is something else. */
static void read_refusal(struct run *run)
{
	struct json_source source = { .name = "log" };
	const struct json *line, *message;
	struct error ignored;
	const char *id;
	char *text;

	if (run->status == 0 ||
	    file_read(AT_FDCWD, arena_printf(run->arena, "%s/log", run->dir), 1 << 20, run->arena,
		      &text, NULL, &ignored) < 0)
		return;
	/* The last line; warnings may stand before it. */
	source.text = text;
	source.size = strcspn(text, "\n");
	line = json_parse(run->arena, &source, &ignored);
	while (line != NULL && (message = json_member(line, "msg")) != NULL) {
		if (strcmp(json_text(line, "level"), "error") == 0) {
			id = strstr(message->text, run->id);
			run->refused = id != NULL && id[strlen(run->id)] == ':' ?
				       id + strlen(run->id) + 2 : message->text;
			return;
		}
		source.text += source.size + (source.text[source.size] == '\n');
		source.size = strcspn(source.text, "\n");
		line = json_parse(run->arena, &source, &ignored);
	}
}

void run_end(struct run *run)
{
	if (run->pid > 0 && !run->ended)
		kill_all(run);
	if (run->ended) {
		read_refusal(run);
		if (run->measured)
			measure_memory(run);
	}
	fd_close(&run->out_fd);
	fd_close(&run->err_fd);
	fd_close(&run->pidfd);
}

/* In the order of their beginnings, for those beside a service are closed before it. */
static void trace_add(struct findings *findings, struct check *check, const struct trace *trace)
{
	struct trace *last = LIST_NEW(findings->arena, &check->traces);

	while (last > check->traces.items && last[-1].began > trace->began) {
		*last = last[-1];
		last--;
	}
	*last = *trace;
}

void run_close(struct run *run, struct findings *findings, struct check *check)
{
	struct error ignored;

	run_end(run);
	if (run->dir != NULL)
		tree_remove(AT_FDCWD, run->dir, &ignored);
	if (check != NULL && run->pid > 0)
		trace_add(findings, check, &run->trace);
}
