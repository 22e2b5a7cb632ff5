/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"
#include "tests/e2e/harness.h"

/*
 * Calls of the runtime.  Output goes to memory files, not to pipes: what
 * "create" leaves running holds them open, and waiting for the end of a pipe
 * would take for ever.
 */
enum { ARGS_MAX = 64, OUTPUT_MAX = 16 << 20 };

static void config_write(const struct bundle *bundle)
{
	const char *path = arena_printf(&e2e_arena, "%s/config.json", bundle->path);
	_cleanup_fd int fd = -EBADF;

	if (bundle->no_config)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	cr_assert(fd >= 0, "make %s: %s", path, strerror(errno));
	cr_assert_eq(fd_write_all(fd, bundle->config, strlen(bundle->config)), 0);
}

static const char **environment(const struct bundle *bundle)
{
	static const char *const kept[] = { "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS" };
	const char **env = ARENA_NEWS(&e2e_arena, ARRAY_SIZE(bundle->env) + 8, const char *);
	size_t count = 0;

	/* The first of two with one name counts. */
	for (size_t i = 0; bundle->env[i]; i++)
		env[count++] = bundle->env[i];
	env[count++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (getenv(kept[i]))
			env[count++] = arena_printf(&e2e_arena, "%s=%s", kept[i], getenv(kept[i]));
	return env;
}

/* In the child: nothing of the test's but 0, 1 and 2 goes along. */
_noreturn static void call_exec(const struct bundle *bundle, int runtime_fd, const char **args,
				const char **env, const struct call *call)
{
	int in = bundle->stdin_fd >= 0 ? dup(bundle->stdin_fd) : open("/dev/null", O_RDONLY);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(in, 0);
	dup2(bundle->stdout_fd >= 0 ? bundle->stdout_fd : call->out_fd, 1);
	dup2(call->err_fd, 2);
	if (runtime_fd != 3) {
		dup2(runtime_fd, 3);
		runtime_fd = 3;
	}
	sys_close_range(4, ~0U, 0);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	if (chdir(bundle->cwd ? bundle->cwd : bundle->dir) < 0)
		_exit(98);
	if (bundle->uid != 0 && (setgroups(0, NULL) < 0 ||
				 setresgid(bundle->uid, bundle->uid, bundle->uid) < 0 ||
				 setresuid(bundle->uid, bundle->uid, bundle->uid) < 0))
		_exit(97);
	/* By fd: another runtime's directory need not be open to that user. */
	sys_execveat(runtime_fd, "", (char *const *)args, (char *const *)env, AT_EMPTY_PATH);
	_exit(96);
}

static void call_start(struct bundle *bundle, struct call *ret, bool with_root, const char *first,
		       va_list ap)
{
	const char **args = ARENA_NEWS(&e2e_arena, ARGS_MAX + 1, const char *);
	const char **env = environment(bundle);
	_cleanup_fd int runtime_fd = open(bundle->runtime, O_PATH | O_CLOEXEC);
	size_t count = 0;

	cr_assert(runtime_fd >= 0, "open the runtime %s: %s", bundle->runtime, strerror(errno));
	config_write(bundle);
	args[count++] = bundle->runtime;
	if (with_root) {
		args[count++] = "--root";
		args[count++] = bundle->state;
	}
	for (const char *arg = first; arg; arg = va_arg(ap, const char *)) {
		cr_assert_lt(count, ARGS_MAX);
		args[count++] = arg;
	}
	ret->out_fd = memfd_create("stdout", MFD_CLOEXEC);
	ret->err_fd = memfd_create("stderr", MFD_CLOEXEC);
	ret->timeout = bundle->timeout;
	ret->pid = fork();
	cr_assert_geq(ret->pid, 0);
	if (ret->pid == 0)
		call_exec(bundle, runtime_fd, args, env, ret);
	ret->pidfd = sys_pidfd_open(ret->pid, 0);
}

/*
 * ASan says so, once, of the processes that the runtime starts on a stack of
 * their own: three lines that no test is about.
 */
static void drop_asan_warning(char *text)
{
	static const char first[] = "==WARNING: ASan is ignoring requested __asan_handle_no_return";
	static const char last[] = "sanitizers/issues/189\n";
	char *middle = strstr(text, first);
	char *end = middle ? strstr(middle, last) : NULL;

	if (!end)
		return;
	while (middle > text && middle[-1] != '\n')
		middle--;
	end += sizeof(last) - 1;
	memmove(middle, end, strlen(end) + 1);
}

static const char *captured(int fd)
{
	struct stat st;
	char *text;
	ssize_t size;

	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_leq(st.st_size, OUTPUT_MAX);
	text = arena_alloc(&e2e_arena, (size_t)st.st_size + 1);
	/* The offset is the writers', of whom some may be left: a detached container. */
	size = pread(fd, text, (size_t)st.st_size, 0);
	cr_assert_geq(size, 0);
	text[size] = '\0';
	drop_asan_warning(text);
	return text;
}

void bundle_finish(struct call *call, struct output *ret)
{
	struct pollfd ended = { .fd = call->pidfd, .events = POLLIN };
	bool late = poll(&ended, 1, call->timeout * 1000) == 0;
	int status;

	if (late)
		kill(call->pid, SIGKILL);
	cr_assert_eq(waitpid(call->pid, &status, 0), call->pid);
	ret->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	ret->out = captured(call->out_fd);
	ret->err = captured(call->err_fd);
	fd_close(&call->out_fd);
	fd_close(&call->err_fd);
	fd_close(&call->pidfd);
	cr_assert(!late, "still running after %d s; stdout: %s\nstderr: %s", call->timeout,
		  ret->out, ret->err);
}

/* What was written to it so far, in static memory. */
static const char *so_far(int fd)
{
	static char text[65536];
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

void bundle_await(struct call *call, const char *text)
{
	struct pollfd ended = { .fd = call->pidfd, .events = POLLIN };
	bool over = false;

	for (int tries = 0; tries < call->timeout * 100 && !over; tries++) {
		over = poll(&ended, 1, 10) > 0;
		if (strstr(so_far(call->out_fd), text))
			return;
	}
	cr_assert_fail("\"%s\" did not come %s: %s", text, over ? "before the end" : "in time",
		       so_far(call->err_fd));
}

void bundle_begin(struct bundle *bundle, struct call *ret, const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	call_start(bundle, ret, true, first, ap);
	va_end(ap);
}

void bundle_call(struct bundle *bundle, struct output *ret, const char *first, ...)
{
	struct call call;
	va_list ap;

	va_start(ap, first);
	call_start(bundle, &call, true, first, ap);
	va_end(ap);
	bundle_finish(&call, ret);
}

void bundle_call_plain(struct bundle *bundle, struct output *ret, const char *first, ...)
{
	struct call call;
	va_list ap;

	va_start(ap, first);
	call_start(bundle, &call, false, first, ap);
	va_end(ap);
	bundle_finish(&call, ret);
}

void bundle_run(struct bundle *bundle, struct output *ret)
{
	bundle_call(bundle, ret, "run", "--bundle", bundle->path, bundle->id, NULL);
}

void bundle_run_probe(struct bundle *bundle, struct probe *ret)
{
	struct output output;

	bundle_run(bundle, &output);
	cr_assert_eq(output.status, 0, "%s run: status %d: %s", bundle->runtime, output.status,
		     output.err);
	probe_parse(ret, &e2e_arena, output.out);
}

void bundle_run_sleeper(struct bundle *bundle)
{
	struct output got;

	bundle_probe_args(bundle, "sleep", "100000", NULL);
	bundle_call(bundle, &got, "run", "--detach", "--bundle", bundle->path, bundle->id, NULL);
	cr_assert_eq(got.status, 0, "%s run: status %d: %s", bundle->runtime, got.status, got.err);
}

void bundle_destroy(struct bundle *bundle)
{
	struct output got;

	bundle_call(bundle, &got, "delete", "--force", bundle->id, NULL);
	cr_expect_eq(got.status, 0, "%s delete --force: %s", bundle->runtime, got.err);
}

const char *bundle_pid(struct bundle *bundle)
{
	struct output got;
	const char *at;

	bundle_call(bundle, &got, "state", bundle->id, NULL);
	at = strstr(got.out, "\"pid\": ");
	cr_assert_not_null(at, "%s%s", got.out, got.err);
	return arena_strndup(&e2e_arena, at + 7, strspn(at + 7, "0123456789"));
}
