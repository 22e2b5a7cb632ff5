/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "tests/e2e/counter.h"

/* The flags of checkpoint and restore, each with a program that needs it. */

/*
 * Called from the root of the hierarchies, CRIU saves all cgroups of the host, and a restore would
 * miss those that others have removed since.
 */
#define NO_CGROUPS	"--manage-cgroups-mode=ignore"

/* A criu beside kist: a page server, or what fetches pages; in the background. */
static pid_t criu_begin(const char *log, const char *const *args)
{
	const char *argv[16] = { "criu" };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (size_t i = 0; args[i] != NULL && i < 14; i++)
		argv[i + 1] = args[i];
	dup2(open(log, O_WRONLY | O_CREAT, 0600), 1);
	dup2(1, 2);
	execv(arena_printf(&e2e_arena, "%s/criu", counter_criu()), (char **)(uintptr_t)argv);
	_exit(127);
}

/* Its log is unbuffered: until it waits. */
static void criu_await(struct bundle *b, const char *name, const char *text)
{
	for (int i = 0; i < 6000; i++, usleep(10000)) {
		FILE *file = fopen(counter_path(b, name), "r");
		char line[512];

		while (file != NULL && fgets(line, sizeof(line), file) != NULL)
			if (strstr(line, text) != NULL) {
				fclose(file);
				return;
			}
		if (file != NULL)
			fclose(file);
	}
	cr_assert_fail("%s never said %s", name, text);
}

/* Whether a socket of that table listens there. */
static bool listens(const char *table, const char *port)
{
	const char *local = arena_printf(&e2e_arena, ":%04lX ", strtoul(port, NULL, 10));
	FILE *file = fopen(table, "r");
	bool found = false;
	char line[512];

	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
		found = strstr(line, local) != NULL && strstr(line, ":0000 0A ") != NULL;
	if (file != NULL)
		fclose(file);
	return found;
}

/* Ports of this test's own: others may check the same meanwhile. */
static void network_make(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	_cleanup_fd int fd = -EBADF;

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
}

/* A connection to ask would be the one that it waits for. */
static void port_await(const char *port)
{
	for (int i = 0; i < 6000; i++, usleep(10000))
		if (listens("/proc/thread-self/net/tcp", port) ||
		    listens("/proc/thread-self/net/tcp6", port))
			return;
	cr_assert_fail("nobody listens on port %s", port);
}

static void criu_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Runs, is saved with these flags and restored with those, and goes on; left running. */
static void goes_over(struct bundle *b, const char *dump_a, const char *dump_b,
		      const char *restore_a)
{
	const char *image = counter_option(b, "image-path", "image");
	uint64_t before;

	counter_call(b, "run", NULL, NULL, NULL);
	counter_await(b, 3);
	counter_call(b, "checkpoint", image, dump_a, dump_b != NULL ? dump_b : NO_CGROUPS);
	before = counter_value(b);
	counter_call(b, "restore", image, NO_CGROUPS, restore_a);
	counter_expect_status(b, "running");
	counter_await(b, before + 2);
}

/* What CRIU refuses is told in its words, and goes on as it was. */
static void is_refused(struct bundle *b, const char *says)
{
	struct output got;

	counter_call(b, "run", NULL, NULL, NULL);
	counter_await(b, 3);
	bundle_call(b, &got, "checkpoint", counter_option(b, "image-path", "refused"), b->id,
		    NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, says), "%s", got.err);
	counter_await(b, counter_value(b) + 2);
	counter_call(b, "delete", "--force", NULL, NULL);
	unlink(counter_path(b, "bundle/rootfs/count"));
}

static void delete(struct bundle *b)
{
	counter_call(b, "delete", "--force", NULL, NULL);
}

/* A connection over lo, between two processes of the container. */
static struct bundle *connected_new(void)
{
	struct bundle *b = counter_new("always");

	bundle_copy(b, "/bin/busybox", "/bin/nc");
	bundle_copy(b, "/bin/busybox", "/bin/grep");
	/*
	 * It counts once they are connected.  The sleep of busybox 1.37's own shell ends when it is
	 * restored.
	 */
	counter_script(b,
		       "(while :; do sleep 1000; done) | nc -l -p 99 >/got & "
		       "until grep -qs ':0063 .* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 0.01; "
		       "done; (while :; do echo more; sleep 0.1; done) | nc 127.0.0.1 99 & "
		       "until grep -q ':0063 01 ' /proc/net/tcp; do sleep 0.01; done");
	return b;
}

static off_t got_size(struct bundle *b)
{
	struct stat st = { 0 };

	stat(counter_path(b, "bundle/rootfs/got"), &st);
	return st.st_size;
}

E2E(checkpoint_flags, tcp_established_keeps_a_connection)
{
	static const char *const locks[] = { "skip", "nftables", "iptables" };
	struct bundle *b = connected_new();

	is_refused(b, "--tcp-established");
	for (size_t i = 0; i < ARRAY_SIZE(locks); i++) {
		off_t before;

		goes_over(b, "--tcp-established",
			  arena_printf(&e2e_arena, "--network-lock=%s", locks[i]),
			  "--tcp-established");
		before = got_size(b);
		for (int wait = 0; wait < 3000 && got_size(b) <= before; wait++)
			usleep(10000);
		cr_expect_gt(got_size(b), before, "%s: nothing comes over it", locks[i]);
		delete(b);
		unlink(counter_path(b, "bundle/rootfs/count"));
	}
}

E2E(checkpoint_flags, tcp_close_ends_it)
{
	struct bundle *b = connected_new();

	goes_over(b, "--tcp-established", "--tcp-skip-in-flight", "--tcp-close");
	delete(b);
}

E2E(checkpoint_flags, link_remap_keeps_a_deleted_file)
{
	struct bundle *b = counter_new("always");

	counter_script(b, "echo here >/f; ln -f /f /g; exec 9</f; rm /f");
	bundle_copy(b, "/bin/busybox", "/bin/ln");
	bundle_copy(b, "/bin/busybox", "/bin/rm");
	is_refused(b, "link-remap");
	goes_over(b, "--link-remap", NULL, NULL);
	delete(b);
}

E2E(checkpoint_flags, that_change_nothing_here_are_taken)
{
	static const char *const flags[] = { NO_CGROUPS, "--empty-ns=network",
					     "--auto-dedup", "--file-locks", "--ext-unix-sk",
					     "--shell-job" };
	struct bundle *b = counter_new("always");

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		goes_over(b, flags[i], NULL, flags[i]);
		delete(b);
		unlink(counter_path(b, "bundle/rootfs/count"));
	}
}

E2E(checkpoint_flags, page_server_takes_the_memory)
{
	struct bundle *b = counter_new("always");
	static const char port[] = "20000";
	const char *image = counter_path(b, "image");
	const char *const args[] = { "page-server", "--images-dir", image, "--port", port, "-vv",
				     NULL };
	struct output got;
	uint64_t before;
	pid_t pid;

	network_make();
	counter_call(b, "run", NULL, NULL, NULL);
	counter_await(b, 3);
	/* Nobody is there yet: the container goes on. */
	bundle_call(b, &got, "checkpoint", counter_option(b, "image-path", "none"),
		    arena_printf(&e2e_arena, "--page-server=127.0.0.1:%s", port), b->id, NULL);
	cr_expect_eq(got.status, 1);
	counter_expect_status(b, "running");
	cr_assert_eq(mkdir(image, 0700), 0);
	pid = criu_begin(counter_path(b, "server.log"), args);
	port_await(port);
	counter_call(b, "checkpoint", counter_option(b, "image-path", "image"),
		     arena_printf(&e2e_arena, "--page-server=127.0.0.1:%s", port), NO_CGROUPS);
	cr_expect_eq(waitpid(pid, NULL, 0), pid);
	before = counter_value(b);
	counter_call(b, "restore", counter_option(b, "image-path", "image"), NO_CGROUPS, NULL);
	counter_await(b, before + 2);
	delete(b);
}

E2E(checkpoint_flags, lazy_pages_are_fetched_when_they_are_used)
{
	struct bundle *b = counter_new("always");
	const char *image = counter_path(b, "image");
	const char *const args[] = { "lazy-pages", "-D", image, "-W", image, "-vv", NULL };
	struct output got;
	uint64_t before;
	pid_t pid;

	counter_call(b, "run", NULL, NULL, NULL);
	counter_await(b, 3);
	counter_call(b, "checkpoint", counter_option(b, "image-path", "image"), NO_CGROUPS, NULL);
	before = counter_value(b);
	/* Nobody has the memory. */
	bundle_call(b, &got, "restore", "--detach", "--bundle", b->path, "--lazy-pages",
		    "--image-path", image, b->id, NULL);
	cr_expect_eq(got.status, 1);
	cr_expect_not_null(strstr(got.err, "lazy-pages.socket"), "%s", got.err);
	pid = criu_begin(counter_path(b, "lazy.log"), args);
	criu_await(b, "lazy.log", "Waiting for incoming connections");
	counter_call(b, "restore", counter_option(b, "image-path", "image"), "--lazy-pages",
		     NO_CGROUPS);
	counter_await(b, before + 2);
	delete(b);
	criu_end(pid);
}

static const struct {
	const char *flag, *says;
} wrong[] = {
	{ "--empty-ns=pid", "--empty-ns: namespace \"pid\" is not supported" },
	{ "--manage-cgroups-mode=hard", "invalid --manage-cgroups-mode value \"hard\"" },
	{ "--network-lock=none", "invalid --network-lock value \"none\"" },
	{ "--page-server=127.0.0.1", "Use --page-server ADDRESS:PORT to specify page server" },
	{ "--page-server=127.0.0.1:0", "Use --page-server ADDRESS:PORT to specify page server" },
	{ "--parent-path=/absolute", "--parent-path must be relative" },
	{ "--parent-path=../nosuch", "invalid --parent-path: stat " },
	{ "--status-fd=x", "invalid value \"x\" for flag --status-fd" },
	{ "--status-fd=999", "invalid --status-fd argument 999" },
	{ "--status-fd=3", "invalid --status-fd argument 3: bad file descriptor" },
	{ "--status-fd=6", "invalid --status-fd argument 6: bad file descriptor" },
};

E2E(checkpoint_flags, that_make_no_sense_are_refused)
{
	struct bundle *b = counter_new("always");

	counter_call(b, "run", NULL, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct output got;

		bundle_call(b, &got, "checkpoint", counter_option(b, "image-path", "image"),
			    wrong[i].flag, b->id, NULL);
		cr_expect_eq(got.status, 1, "%s", wrong[i].flag);
		cr_expect_not_null(strstr(got.err, wrong[i].says), "%s: %s", wrong[i].flag,
				   got.err);
		/* One line: CRIU was not asked, and has nothing to say. */
		cr_expect_eq(strcspn(got.err, "\n"), strlen(got.err) - 1, "%s", got.err);
	}
	counter_expect_status(b, "running");
	delete(b);
}
