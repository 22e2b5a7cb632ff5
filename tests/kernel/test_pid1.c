/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/compiler.h"
#include "tests/kernel/child.h"
#include "tests/kernel/pid1_run.h"

/*
 * What tini, dumb-init and catatonit do is asked of these where they are
 * installed, so that the tables say what they do, not what we think they do.
 */
/* --- exit codes --- */

static const struct { const char *args[8]; int code; } exits[] = {
	{ { "--", PROBE, "exit", "0" }, 0 },
	{ { PROBE, "exit", "7" }, 7 },
	{ { PROBE, "exit", "255" }, 255 },
	{ { PROBE, "die", "9" }, 137 },
	{ { PROBE, "die", "6" }, 134 },
	{ { PROBE, "die", "11" }, 139 },
	{ { PROBE, "die", "64" }, 192 },
	{ { "/no/such/program" }, 127 },
	{ { "no-such-program" }, 127 },
	{ { "" }, 127 },
	{ { "/etc/passwd" }, 126 },
	{ { "/tmp" }, 126 },
	{ { "-e", "7", PROBE, "exit", "7" }, 0 },
	{ { "-e143", "-e", "137", PROBE, "die", "9" }, 0 },
	{ { "--remap=137:3", PROBE, "die", "9" }, 3 },
	{ { "--remap", "7:200", PROBE, "exit", "8" }, 8 },
	{ { "-z" }, 1 },
	{ { "--nonsense", "true" }, 1 },
	{ { "-e" }, 1 },
	{ { "-e", "256", "true" }, 1 },
	{ { "--remap=1:-1", "true" }, 1 },
	{ { "--rewrite=TERM", "true" }, 1 },
	{ { "--rewrite=0:TERM", "true" }, 1 },
	{ { "--rewrite=TERMX:HUP", "true" }, 1 },
	{ { "--rewrite=65:HUP", "true" }, 1 },
	{ { "--rewrite=RTMIN+31:HUP", "true" }, 1 },
	{ { "--rewrite=sigrtmin+30:0", PROBE, "exit", "4" }, 4 },
	{ { "--grace=", "true" }, 1 },
	{ { "--grace=1.", "true" }, 1 },
	{ { "--grace=-1", "true" }, 1 },
	{ { "--grace=0.25", PROBE, "exit", "4" }, 4 },
	{ { "--group=yes", "true" }, 1 },
	{ { "--child=1", "--" }, 1 },
	{ { "--adopt=2", "--" }, 1 },
	{ { "--adopt=2", "--", "program", "0:0" }, 1 },
	{ { "--adopt=2", "--", "program", "0:0:1:x" }, 1 },
	{ { "--adopt=2", "--", "program", "0:4294967295:1" }, 1 },
	{ { "--report=/no/such/dir/file", "true" }, 1 },
	{ { "--report=77", "true" }, 1 },
	{ { NULL }, 1 },
	{ { "--version" }, 0 },
	{ { "-l" }, 0 },
	{ { "-h" }, 0 },
};

Test(pid1, exits_as_its_program_did)
{
	child_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
		const char *args[10] = { "kist-init" };
		struct run run;

		memcpy(args + 1, exits[i].args, sizeof(exits[i].args));
		for (int inside = 0; inside < 2; inside++) {
			int code = run_all(&run, &(struct start){ .args = args,
								   .pid_namespace = inside });

			cr_expect_eq(code, exits[i].code, "%s %s: %d, not %d: %s", args[1],
				     args[2], code, exits[i].code, run.text);
		}
	}
}

/* --- side by side with the inits that there are --- */

#define SHOW_TERM \
	"trap 'echo got TERM; exit 4' TERM; kill -TERM $PPID; while :; do sleep 0.01; done"
#define LEAVE_ONE                                                               \
	"trap 'exit 5' HUP; "                                                   \
	"(trap 'echo left USR1; exit' USR1; trap 'echo left TERM; exit' TERM; " \
	"kill -HUP $$; while :; do sleep 0.01; done) & "                        \
	"while :; do sleep 0.01; done"
static const struct {
	const char *name;	/* argv[0], and the file below /usr/bin */
	const char *args[8], *env;
	int code;
	const char *says;	/* a part of the output; NULL: anything */
} peers[] = {
	{ "tini", { "-s", PROBE, "exit", "3" }, NULL, 3, NULL },
	{ "tini", { "-s", "--", "no-such-program" }, NULL, 127, "No such file or directory" },
	{ "tini", { "-s", "--", "/etc/passwd" }, NULL, 126, "Permission denied" },
	{ "tini", { "-sg", "--", PROBE, "die", "15" }, NULL, 143, NULL },
	{ "tini", { "-s", "-e3", "-e", "4", "--", PROBE, "exit", "4" }, NULL, 0, NULL },
	{ "tini", { "-p", "SIGTERM", "-s", "-vvv", "-w", "--", "true" }, NULL, 0, NULL },
	{ "tini", { "-e", "256", "true" }, NULL, 1, NULL },
	{ "tini", { "-z", "true" }, NULL, 1, NULL },
	{ "tini", { "true" }, "TINI_SUBREAPER=1", 0, "" },
	{ "tini", { "true" }, "TINI_VERBOSITY=0", 0, "" },
	{ "tini", { "true" }, NULL, 0, "subreaper" },
	{ "tini", { "--version" }, NULL, 0, "tini version " },
	{ "tini", { "-l" }, NULL, 0, NULL },
	{ "tini", { "-h" }, NULL, 0, "-p" },
	{ "tini", { "-s", "--", "sh", "-c", SHOW_TERM }, NULL, 4, "got TERM" },
	{ "tini", { NULL }, NULL, 1, NULL },
	{ "catatonit", { "--", PROBE, "exit", "3" }, NULL, 3, NULL },
	{ "catatonit", { "-g", "--", PROBE, "die", "9" }, NULL, 137, NULL },
	{ "catatonit", { "--", "no-such-program" }, NULL, 1, "No such file or directory" },
	{ "catatonit", { "true" }, "CATATONIT_DEBUG=1", 0, NULL },
	{ "catatonit", { "--version" }, NULL, 0, "tini version " },
	{ "catatonit", { "-V" }, NULL, 0, "tini version " },
	{ "catatonit", { "-L" }, NULL, 0, NULL },
	{ "catatonit", { "-h" }, NULL, 0, "-P" },
	{ "catatonit", { "--", "sh", "-c", SHOW_TERM }, NULL, 4, "got TERM" },
	{ "catatonit", { NULL }, NULL, 1, NULL },
	{ "dumb-init", { PROBE, "exit", "3" }, NULL, 3, NULL },
	{ "dumb-init", { "-c", "--", PROBE, "die", "9" }, NULL, 137, NULL },
	{ "dumb-init", { "no-such-program" }, NULL, 2, "No such file or directory" },
	{ "dumb-init", { "-V" }, NULL, 0, "dumb-init v" },
	{ "dumb-init", { "--version" }, NULL, 0, "dumb-init v" },
	{ "dumb-init", { "--help" }, NULL, 0, "--rewrite" },
	{ "dumb-init", { "-v", "--", "true" }, NULL, 0, NULL },
	{ "dumb-init", { "true" }, "DUMB_INIT_DEBUG=1", 0, NULL },
	{ "dumb-init", { "sh", "-c", SHOW_TERM }, NULL, 4, "got TERM" },
	{ "dumb-init", { "sh", "-c", SHOW_TERM }, "DUMB_INIT_SETSID=0", 4, "got TERM" },
	{ "dumb-init", { "--single-child", "sh", "-c", SHOW_TERM }, NULL, 4, "got TERM" },
	{ "dumb-init",
	  { "-r", "10:15", "sh", "-c",
	    "trap 'exit 6' TERM; kill -USR1 $PPID; while :; do sleep 0.01; done" },
	  NULL,
	  6,
	  NULL },
	{ "dumb-init",
	  { "--rewrite", "15:0", "sh", "-c", "kill -TERM $PPID; sleep 0.2; exit 8" },
	  NULL,
	  8,
	  NULL },
	/* By default the whole session hears it; with -c the program alone. */
	{ "dumb-init",
	  { "sh", "-c",
	    "trap : USR1; trap 'kill -USR1 $PPID' USR2; "
	    "(trap 'echo inner; exit' USR1; kill -USR2 $$; while :; do sleep 0.01; done) & "
	    "while kill -0 $! 2>/dev/null; do wait; done; exit 0" },
	  NULL,
	  0,
	  "inner" },
	/* What is left of the session when the program has ended. */
	{ "dumb-init", { "sh", "-c", LEAVE_ONE }, NULL, 5, "left TERM" },
	{ "dumb-init", { "-r", "15:10", "sh", "-c", LEAVE_ONE }, NULL, 5, "left USR1" },
	{ "dumb-init", { NULL }, NULL, 1, NULL },
};

Test(pid1, does_what_the_inits_do_whose_name_it_has)
{
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		const char *args[10] = { peers[i].name };
		const char *env[] = { "PATH=/usr/bin:/bin", peers[i].env, NULL };
		char file[64];

		snprintf(file, sizeof(file), "/usr/bin/%s", peers[i].name);
		memcpy(args + 1, peers[i].args, sizeof(peers[i].args));
		for (int theirs = 0; theirs < 2; theirs++) {
			const struct start start = {
				.file = theirs ? file : NULL, .args = args, .env = env,
			};
			const char *says = peers[i].says;
			struct run run;
			int code;

			if (theirs && access(file, X_OK) < 0)
				continue;
			code = run_all(&run, &start);
			cr_expect_eq(code, peers[i].code, "%s %s %s %s (%s): %d, not %d: %s",
				     args[0], args[1], args[2], args[3],
				     theirs ? "theirs" : "ours", code, peers[i].code, run.text);
			if (says == NULL)
				continue;
			cr_expect(*says != '\0' ? strstr(run.text, says) != NULL : run.size == 0,
				  "%s %s %s (%s): \"%s\" has no \"%s\"", args[0], args[1], args[2],
				  theirs ? "theirs" : "ours", run.text, says);
		}
	}
}

Test(pid1, prints_a_version_that_docker_understands)
{
	static const char *const names[] = { "tini", "docker-init", "/sbin/docker-init" };
	struct run run;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		run_all(&run, &(struct start){ .args = WORDS(names[i], "--version") });
		cr_expect_eq(strncmp(run.text, "tini version ", 13), 0, "%s", run.text);
		cr_expect_not_null(strstr(run.text, " - git."), "%s", run.text);
	}
}

/* --- terminals --- */

static int terminal_open(int *ret_master)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), number = 0, unlock = 0;
	char path[32];

	cr_assert(master >= 0 && ioctl(master, TIOCSPTLCK, &unlock) == 0 &&
		  ioctl(master, TIOCGPTN, &number) == 0);
	snprintf(path, sizeof(path), "/dev/pts/%d", number);
	*ret_master = master;
	return open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static const struct { const char *name, *option, *says; } terminals[] = {
	{ "tini", "-s", "foreground 1 group 1 session 0" },
	{ "catatonit", "--", "foreground 1 group 1 session 0" },
	{ "dumb-init", "--", "foreground 1 group 1 session 1" },
	{ "dumb-init", "-c", "foreground 1 group 0 session 0" },
	{ "kist-init", "--", "foreground 1 group 1 session 0" },
};

Test(pid1, gives_the_program_the_terminal)
{
	child_need_root();
	for (size_t i = 0; i < ARRAY_SIZE(terminals); i++) {
		const char *name = terminals[i].name;
		char file[64];

		snprintf(file, sizeof(file), "/usr/bin/%s", name);
		for (int theirs = 0; theirs < 2; theirs++) {
			int master, slave;
			struct run run;

			if (theirs && access(file, X_OK) < 0)
				continue;
			slave = terminal_open(&master);
			run_start(&run, &(struct start){ .file = theirs ? file : NULL,
				  .args = WORDS(name, terminals[i].option, PROBE, "terminal"),
				  .terminal = slave, .pid_namespace = true });
			cr_expect(run_expect(&run, "ready"), "%s", run.text);
			cr_expect_not_null(strstr(run.text, terminals[i].says), "%s %s (%s): %s",
					   name, terminals[i].option, theirs ? "theirs" : "ours",
					   run.text);
			/* Control-C reaches the program. */
			cr_expect_eq(write(master, "\3", 1), 1);
			cr_expect_eq(run_wait(&run), 128 + SIGINT, "%s (%s)", name,
				     theirs ? "theirs" : "ours");
			close(master);
			close(slave);
		}
	}
}

/* The init's state, and its program's, after TSTP and after CONT. */
static const struct { const char *name, *option; char init, program; } stops[] = {
	{ "tini", "--", 'S', 'T' },
	{ "dumb-init", "--", 'T', 'T' },
	{ "dumb-init", "-c", 'T', 'T' },
};

Test(pid1, stops_and_goes_on_as_its_namesakes)
{
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		char file[64];

		snprintf(file, sizeof(file), "/usr/bin/%s", stops[i].name);
		for (int theirs = 0; theirs < 2; theirs++) {
			const char *whose = theirs ? "theirs" : "ours";
			struct run run;
			pid_t child = 0;

			if (theirs && access(file, X_OK) < 0)
				continue;
			run_start(&run,
				  &(struct start){ .file = theirs ? file : NULL,
						   .args = WORDS(stops[i].name, stops[i].option,
								 PROBE, "ignore-term") });
			cr_assert(run_expect(&run, "ready"), "%s", run.text);
			cr_assert_eq(children_of(run.pid, &child, 1), 1);
			kill(run.pid, SIGTSTP);
			cr_expect(state_becomes(child, stops[i].program), "%s (%s)", file, whose);
			cr_expect(state_becomes(run.pid, stops[i].init), "%s (%s)", file, whose);
			kill(run.pid, SIGCONT);
			cr_expect(state_becomes(child, 'S'), "%s (%s)", file, whose);
			cr_expect(state_becomes(run.pid, 'S'), "%s (%s)", file, whose);
			kill(child, SIGKILL);
			cr_expect_eq(run_wait(&run), 128 + SIGKILL);
		}
	}
}

Test(pid1, names_what_an_option_takes)
{
	struct run run;

	cr_expect_eq(run_all(&run, ALONE("-e", "256", "true")), 1);
	cr_expect_str_eq(run.text, "kist-init: -e 256: must be CODE[:TO]\n");
	cr_expect_eq(run_all(&run, ALONE("--grace=x", "true")), 1);
	cr_expect_str_eq(run.text, "kist-init: --grace=x: must be SECONDS\n");
}

/* It would stay root beside a program that is not. */
Test(pid1, is_nothing_without_the_credentials_of_its_program)
{
	static const int calls[] = { SYS_setgroups, SYS_setresgid, SYS_setresuid };

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct start start = { .args = WORDS("kist-init", "--adopt", "2", "--", "program",
						     "0:0:0"),
				       .denied = calls[i] };
		struct run run;

		child_need_root();
		cr_expect_eq(run_all(&run, &start), 1, "%zu: %s", i, run.text);
		cr_expect_str_eq(run.text, "kist-init: take the program's credentials: Resource "
					   "temporarily unavailable\n");
	}
}

Test(pid1, says_why_it_cannot_start_its_program)
{
	struct start start = { .args = WORDS("kist-init", "true"), .denied = SYS_clone };
	struct run run;

	cr_expect_eq(run_all(&run, &start), 1, "%s", run.text);
	cr_expect_str_eq(run.text, "kist-init: fork: Resource temporarily unavailable\n");
}

/* --- the program's surroundings --- */

Test(pid1, names_the_program_for_socket_activation)
{
	const char *env[] = { "PATH=/usr/bin:/bin", "LISTEN_FDS=1", "LISTEN_PID=1", NULL };
	struct run run;

	child_need_root();
	cr_expect_eq(run_all(&run, &(struct start){ .args = WORDS("kist-init", "sh", "-c",
			     "test $LISTEN_PID = $$"), .env = env, .pid_namespace = true }), 0);
}

Test(pid1, gives_a_script_without_an_interpreter_to_the_shell)
{
	char path[] = "/tmp/kist-test-script-XXXXXX";
	int fd = mkstemp(path);
	struct run run;

	cr_assert(fd >= 0 && write(fd, "exit $1\n", 8) == 8 && fchmod(fd, 0755) == 0);
	close(fd);
	cr_expect_eq(run_all(&run, ALONE(path, "6")), 6);
	unlink(path);
}

Test(pid1, leaves_the_program_its_signal_mask_and_fds)
{
	struct run run;

	cr_expect_eq(run_all(&run, &(struct start){ .args = WORDS("kist-init", "sh", "-c",
			     "grep -E '^Sig(Blk|Ign)|^NoNew|^Seccomp:' /proc/self/status; "
			     "ls /proc/self/fd | tr '\\n' ' '") }), 0);
	cr_expect_not_null(strstr(run.text, "SigBlk:\t0000000000000000"), "%s", run.text);
	cr_expect_not_null(strstr(run.text, "NoNewPrivs:\t0"), "%s", run.text);
	cr_expect_not_null(strstr(run.text, "0 1 2 3 \n") ?: strstr(run.text, "0 1 2 3 "), "%s",
			   run.text);
}
