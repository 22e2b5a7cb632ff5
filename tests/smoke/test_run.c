/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/sys.h"
#include "rootfs-tools/publish.h"
#include "rootfs-tools/smoke/run.h"

static struct arena arena;
static struct error err;

/* So many fds may be opened from now on. */
static void leave_fds(unsigned int count)
{
	struct rlimit limit = { 64, 64 };
	int fd, last = -1;

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		last = fd;
	for (; count > 0; count--)
		close(last--);
}

Test(run, without_a_pidfd_the_program_is_ended, .timeout = 60)
{
	char work[] = "/tmp/kist-test-XXXXXX";
	struct json_source source = { "config.json", "{}", 2 };
	struct smoke smoke = { .arena = &arena, .kist = "/bin/cat", .state = "/", .work = work,
			       .run_name = "kist-smoke-test" };
	struct container_config config = { .root = "/" };
	struct error ignored;
	struct run run;

	cr_assert_not_null(mkdtemp(work));
	smoke.subject.config = json_parse(&arena, &source, &err);
	smoke.subject.bundle = work;
	/* Two pipes, which also serve for what is opened before; and no pidfd. */
	leave_fds(4);
	cr_expect_eq(run_start(&run, &arena, &smoke, "one", &config, &err), -1);
	cr_expect_str_eq(err.text, "watch /bin/cat: too many open files");
	cr_expect(run.ended && kill(run.pid, 0) < 0);
	run_close(&run, NULL, NULL);
	tree_remove(AT_FDCWD, work, &ignored);
	cr_expect(access(work, F_OK) < 0);
	arena_free(&arena);
}

/* A child that ends after so many milliseconds. */
static pid_t child(unsigned int ms)
{
	pid_t pid = fork();

	if (pid == 0) {
		usleep(ms * 1000);
		_exit(7);
	}
	return pid;
}

/* On a loaded machine kist takes its time to say that the container has ended. */
Test(run, what_has_ended_is_waited_for_though_kist_is_late, .timeout = 60)
{
	struct run late = RUN_NONE, lives = RUN_NONE;

	late.pid = child(500);
	late.pidfd = sys_pidfd_open(late.pid, 0);
	late.inside = child(0);
	cr_assert_eq(waitid(P_PID, (id_t)late.inside, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	cr_expect(run_ended_itself(&late));
	cr_expect_eq(late.status, 7);
	lives.pid = child(30000);
	lives.pidfd = sys_pidfd_open(lives.pid, 0);
	lives.inside = lives.pid;
	cr_expect_not(run_ended_itself(&lives));
	kill(lives.pid, SIGKILL);
	waitpid(lives.pid, NULL, 0);
	waitpid(late.inside, NULL, 0);
	close(lives.pidfd);
}
