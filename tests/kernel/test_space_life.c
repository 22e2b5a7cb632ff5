/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "tests/kernel/child.h"
#include "tests/kernel/space.h"

static struct kist_error err;

/* sh -c text; the program's options. */
#define SHELL(text)	((const char *const[]){ "sh", "-c", text, NULL })

static int for_ever(void *context)
{
	for (;;)
		pause();
	return context != NULL;
}

static int give(void *context)
{
	return *(int *)context;
}

Test(space_life, gives_the_status_again_and_again)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	int seven = 7, status = 0;
	struct kist_space *space;

	options.function = give;
	options.context = &seven;
	space = space_begin(&options);
	cr_expect_gt(kist_space_pid(space), 0);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(kist_space_wait(space, -1, &status, &err), 1);
		cr_expect_eq(status, 7);
	}
	cr_expect_eq(kist_space_is_alive(space), 0);
	cr_expect_eq(kist_space_kill(space, &err), -1);
	cr_expect_eq(err.code, ESRCH);
	kist_space_free(space);
	kist_space_free(NULL);
	cr_expect_eq(waitpid(-1, NULL, __WALL), -1, "it was reaped");
}

Test(space_life, ends_by_signals)
{
	const int signals[] = { SIGTERM, SIGKILL, SIGUSR1 };

	for (int i = 0; i < 3; i++) {
		struct kist_options options = KIST_OPTIONS_INIT;
		struct kist_space *space;
		int status = 0;

		options.function = for_ever;
		space = space_begin(&options);
		cr_expect_eq(kist_space_is_alive(space), 1);
		cr_expect_eq(kist_space_wait(space, 20, &status, &err), 0);
		if (i == 2)
			cr_expect_eq(kist_space_signal(space, signals[i], &err), 0);
		else
			cr_expect_eq((i ? kist_space_kill : kist_space_terminate)(space, &err), 0);
		cr_expect_eq(kist_space_wait(space, 60000, &status, &err), 1);
		cr_expect_eq(status, -signals[i]);
		kist_space_free(space);
	}
}

static volatile sig_atomic_t got;
static void count(int signal)
{
	got = signal;
}

Test(space_life, sends_the_exit_signal_asked_for)
{
	const int rows[][2] = { { 0, SIGCHLD }, { SIGUSR1, SIGUSR1 }, { -1, 0 } };
	int zero = 0;

	signal(SIGCHLD, count);
	signal(SIGUSR1, count);
	for (int i = 0; i < 3; i++) {
		struct kist_options options = KIST_OPTIONS_INIT;

		got = 0;
		options.exit_signal = rows[i][0];
		options.function = give;
		options.context = &zero;
		cr_expect_eq(space_end(space_begin(&options)), 0);
		cr_expect_eq(got, rows[i][1], "row %d", i);
	}
}

/* What a file holds. */
static const char *text_of(const char *path)
{
	static char text[512];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

Test(space_life, runs_programs_with_streams_directories_and_environment)
{
	char top[] = "/tmp/kist-space-XXXXXX", path[64];
	struct kist_options options = KIST_OPTIONS_INIT;
	int fd;

	cr_assert_not_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/out", top);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	options.args = SHELL("read -r line < /dev/stdin || line=none; echo \"$line $NAME $PWD\"; "
			     "echo loud >&2; exit 5");
	options.env = (const char *const[]){ "NAME=value", "PATH=/usr/bin:/bin", NULL };
	options.work_dir = "/proc";
	options.stdin_fd = KIST_FD_NULL;
	options.stdout_path = path;
	options.stderr_fd = fd;
	lseek(fd, 0, SEEK_END);
	cr_expect_eq(space_end(space_begin(&options)), 5);
	cr_expect(strstr(text_of(path), "value /proc") || strstr(text_of(path), "loud"), "%s",
		  text_of(path));
	close(fd);
	unlink(path);
	rmdir(top);
}

Test(space_life, enters_a_root_directory)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct stat st;

	child_need_root();
	if (stat("/bin/busybox", &st) < 0)
		cr_skip_test("needs busybox-static");
	options.root_dir = "/bin";
	options.args = (const char *const[]){ "/busybox", "test", "-e", "/busybox", NULL };
	cr_expect_eq(space_end(space_begin(&options)), 0);
	options.root_dir = "/nowhere";
	cr_expect_str_eq(space_refusal(&options),
			 "enter root directory /nowhere: no such file or directory");
	options.root_dir = NULL;
	options.work_dir = "/nowhere";
	cr_expect_str_eq(space_refusal(&options),
			 "enter working directory /nowhere: no such file or directory");
}

Test(space_life, says_why_a_program_does_not_start)
{
	const uint64_t rows[] = { 0, CLONE_VM, CLONE_VM | CLONE_VFORK, CLONE_FILES, CLONE_VFORK,
				  CLONE_VM | CLONE_FILES | CLONE_FS };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kist_options options = KIST_OPTIONS_INIT;

		options.flags = rows[i];
		options.args = (const char *const[]){ "/nowhere/at/all", NULL };
		cr_expect_str_eq(space_refusal(&options),
				 "execute /nowhere/at/all: no such file or directory", "%zu", i);
		options.args = SHELL("exit 9");
		cr_expect_eq(space_end(space_begin(&options)), 9, "%zu", i);
	}
	cr_expect_eq(waitpid(-1, NULL, __WALL), -1, "all were reaped");
}

/* The order of moments, and what ends at which. */
struct moments {
	int count, end_at;
	enum kist_moment seen[16];
	char text[128];
};

static int hook(void *context, enum kist_moment moment, const struct kist_error *why)
{
	struct moments *m = context;

	m->seen[m->count++] = moment;
	if (why != NULL)
		snprintf(m->text, sizeof(m->text), "%s", why->text);
	return m->end_at == (int)moment ? 33 : 0;
}

static int do_nothing(void *context)
{
	((struct moments *)context)->seen[((struct moments *)context)->count++] = 99;
	return 0;
}

/* The moments as digits; the function is F. */
static const char *run_hooks(struct moments *m, struct kist_options *options, int *ret_status)
{
	static char said[32];
	struct kist_space *space;

	for (int i = 0; i < KIST_MOMENT_COUNT; i++)
		options->hooks[i] = hook;
	options->context = m;
	m->count = 0;
	*ret_status = kist_space_start(options, &space, &err) < 0 ? -1 : space_end(space);
	for (int i = 0; i < m->count; i++)
		said[i] = m->seen[i] == 99 ? 'F' : (char)('0' + m->seen[i]);
	said[m->count] = '\0';
	return said;
}

Test(space_life, calls_hooks_at_their_moments)
{
	struct moments *m = shared_memory(sizeof(*m));
	struct kist_options options = KIST_OPTIONS_INIT;
	int status;

	m->end_at = -1;
	options.function = do_nothing;
	cr_expect_str_eq(run_hooks(m, &options, &status), "023F5");
	cr_expect_eq(status, 0);
	options.work_dir = "/nowhere";
	cr_expect_str_eq(run_hooks(m, &options, &status), "012");
	cr_expect_eq(status, -1);
	cr_expect_str_eq(m->text, "enter working directory /nowhere: no such file or directory");
	options.work_dir = NULL;
	options.function = NULL;
	options.args = (const char *const[]){ "/nowhere", NULL };
	cr_expect_str_eq(run_hooks(m, &options, &status), "02345");
	cr_expect_str_eq(m->text, "execute /nowhere: no such file or directory");
	m->end_at = KIST_PRE_EXEC;
	cr_expect_str_eq(run_hooks(m, &options, &status), "023");
	cr_expect_eq(status, 33);
}

static int give_to_hook(void *context, enum kist_moment moment, const struct kist_error *why)
{
	(void)moment;
	(void)why;
	return *(int *)context;
}

Test(space_life, takes_what_is_no_status_of_a_hook_for_255)
{
	const int values[] = { -1, -256, 256, INT_MIN, INT_MAX };
	const enum kist_moment moments[] = { KIST_PRE_UP, KIST_POST_UP, KIST_PRE_EXEC };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (size_t j = 0; j < sizeof(moments) / sizeof(moments[0]); j++) {
			struct kist_options options = KIST_OPTIONS_INIT;
			int value = values[i];

			options.function = for_ever;
			options.hooks[moments[j]] = give_to_hook;
			options.context = &value;
			cr_expect_eq(space_end(space_begin(&options)), 255, "%d, %zu", value, j);
		}
}

/* How a daemon ended, as far as can be known where its init is another process. */
static int status_of_daemon(struct kist_options *options, bool end_it)
{
	struct kist_space *space;
	int status = 0;

	if (kist_space_start(options, &space, NULL) < 0 ||
	    (end_it && kist_space_kill(space, NULL) < 0) ||
	    kist_space_wait(space, 60000, &status, NULL) != 1)
		return 0;
	kist_space_free(space);
	return status;
}

static int exit_7(void *context)
{
	(void)context;
	return 7;
}

Test(space_life, knows_the_end_of_a_daemon_since_linux_6_15)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	int *seen = shared_memory(2 * sizeof(*seen)), major = 0, minor = 0;
	struct utsname kernel;
	pid_t pid;
	bool known;

	uname(&kernel);
	sscanf(kernel.release, "%d.%d", &major, &minor);
	known = major > 6 || (major == 6 && minor >= 15);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0) {
		options.daemonize = 1;
		options.function = for_ever;
		seen[0] = status_of_daemon(&options, true);
		options.function = exit_7;
		seen[1] = status_of_daemon(&options, false);
		_exit(0);
	}
	/* We are the daemons' init. */
	while (waitpid(-1, NULL, __WALL) != pid)
		;
	cr_expect_eq(seen[0], known ? -SIGKILL : KIST_STATUS_UNKNOWN, "%d", seen[0]);
	cr_expect_eq(seen[1], known ? 7 : KIST_STATUS_UNKNOWN, "%d", seen[1]);
}

Test(space_life, leaves_a_daemon_to_init)
{
	struct kist_options options = KIST_OPTIONS_INIT;
	struct kist_space *space;
	int status;

	options.daemonize = 1;
	options.function = for_ever;
	space = space_begin(&options);
	cr_expect_eq(waitpid(-1, NULL, WNOHANG | __WALL), -1, "it is no child of ours");
	cr_expect_eq(getsid(kist_space_pid(space)) != getsid(0), 1);
	cr_expect_neq(proc_number(kist_space_pid(space), "PPid"), getpid());
	cr_expect_eq(kist_space_is_alive(space), 1);
	cr_expect_eq(kist_space_kill(space, &err), 0);
	cr_expect_eq(kist_space_wait(space, 60000, &status, &err), 1);
	cr_expect(status == KIST_STATUS_UNKNOWN || status == -SIGKILL, "%d", status);
	kist_space_free(space);
	options.function = NULL;
	options.args = SHELL("exit 0");
	space_end(space_begin(&options));
	options.args = (const char *const[]){ "/nowhere", NULL };
	cr_expect_str_eq(space_refusal(&options), "execute /nowhere: no such file or directory");
	options.flags = CLONE_NEWUSER | CLONE_NEWPID;
	options.args = SHELL("exit 6");
	cr_expect_eq(space_end(space_begin(&options)), 6, "pid 1 stays ours");
}

/* Of eight threads, each with processes of its own. */
static void *many(void *context)
{
	static const char *const program[] = { "true", NULL };

	for (int i = 0; i < 20; i++) {
		struct kist_options options = KIST_OPTIONS_INIT;
		struct kist_space *space;
		int status = -1, wanted = i;

		options.flags = i % 3 == 0 ? CLONE_NEWUSER : 0;
		options.map_zero = i % 3 == 0;
		if (i % 2 == 0) {
			options.function = give;
			options.context = &wanted;
		} else {
			options.args = program;
			wanted = 0;
		}
		if (kist_space_start(&options, &space, NULL) < 0)
			return context;
		kist_space_wait(space, -1, &status, NULL);
		kist_space_free(space);
		if (status != wanted)
			return context;
	}
	return NULL;
}

Test(space_life, is_safe_in_threads, .timeout = 120)
{
	pthread_t threads[8];
	void *failed;

	for (int i = 0; i < 8; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, many, &threads), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &failed);
		cr_expect_null(failed);
	}
}

Test(space_life, leaves_no_fd_behind)
{
	int before = dup(0), zero = 0, after;
	const uint64_t rows[] = { 0, CLONE_FILES, CLONE_VM, CLONE_VFORK };

	close(before);
	for (size_t i = 0; i < 4; i++)
		space_run(rows[i], give, &zero);
	for (size_t i = 0; i < 4; i++) {
		struct kist_options options = KIST_OPTIONS_INIT;

		options.flags = rows[i];
		options.args = (const char *const[]){ "/nowhere", NULL };
		space_refusal(&options);
	}
	after = dup(0);
	cr_expect_eq(before, after);
}
