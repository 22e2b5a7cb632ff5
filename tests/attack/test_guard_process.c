/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/attack/attack.h"

/* Each guard is what holds (attack_guard): those around the process. */

static void thief_begin(struct attack *a, struct call *call, const char *caps)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	bundle_copy(a->bundle, THIEF_BUILT, "/thief");
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		bundle_set(a->bundle, arena_printf(&e2e_arena, "/process/capabilities/%s", sets[i]),
			   caps);
	bundle_args(a->bundle, "/thief", "watch", "3600000", NULL);
	bundle_set(a->bundle, "/root/readonly", "false");
	attack_begin(a);
	bundle_begin(a->bundle, call, "run", "--bundle", a->bundle->path, a->bundle->id, NULL);
	bundle_await(call, "ready=1");
}

/*
 * What the thief tells when enough came in: that it saw one, or, without the guard, that it did
 * what leaves that file.
 */
static const char *thief_tells(struct attack *a, const char *caps, const char *file,
			       struct probe *seen)
{
	const char *awaited =
		attack_path(a, getenv("KIST_WITHOUT_GUARD") != NULL ? file : "/seen");
	struct output output;
	struct call call;

	thief_begin(a, &call, caps);
	for (int n = 0; n < 10 || (n < 500 && access(awaited, F_OK) < 0); n++)
		bundle_call(a->bundle, &output, "exec", a->bundle->id, "/probe", "say", "in", NULL);
	bundle_file(a->bundle, "/stop", 0644, "");
	bundle_finish(&call, &output);
	probe_parse(seen, &e2e_arena, output.out);
	return arena_printf(&e2e_arena, "%s%s", output.out, output.err);
}

/* CVE-2016-9962: with no more than the rights that who comes in has, too. */
static bool enter(struct attack *a, const char **said)
{
	struct probe seen;

	*said = thief_tells(a, "['CAP_KILL']", "/entered", &seen);
	return !probe_has(&seen, "entered_count=0");
}

ATTACK(guard, undumpable_processes_are_not_entered)
{
	attack_guard("", "dumpable", enter);
}

/* CVE-2019-5736: on a copy, for it is done. */
static bool overwrite(struct attack *a, const char **said)
{
	struct probe seen;
	const char *copy = arena_printf(&e2e_arena, "%s/kist", a->bundle->dir);
	char *bytes;
	size_t size;
	struct error err;
	_cleanup_fd int fd = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	cr_assert(fd >= 0 &&
		  file_read(AT_FDCWD, UNGUARDED_BUILT, (size_t)256 << 20, &e2e_arena, &bytes, &size,
			    &err) == 0 &&
		  fd_write_all(fd, bytes, size) == 0);
	fd_close(&fd);
	a->bundle->runtime = copy;
	*said = thief_tells(a,
			    "['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE',"
			    " 'CAP_DAC_READ_SEARCH', 'CAP_FOWNER']",
			    "/kept", &seen);
	return strstr(*said, "=done") != NULL;
}

ATTACK(guard, own_file_is_out_of_reach)
{
	attack_guard("", "binary", overwrite);
}

static void leak(void *context _unused)
{
	int host = open("/", O_RDONLY | O_DIRECTORY);

	dup2(host, 9);
}

static const char *run_leaking(struct attack *a, struct probe *seen)
{
	struct output output;

	attack_begin(a);
	attack_run_prepared(a, leak, NULL, &output);
	probe_parse(seen, &e2e_arena, output.out);
	return output.out;
}

/* CVE-2024-21626: the fd itself, */
static bool leaked_fd(struct attack *a, const char **said)
{
	struct probe seen;

	*said = run_leaking(a, &seen);
	return probe_find(&seen, "fd.9") != NULL;
}

ATTACK(guard, closing_of_fds_leaves_three)
{
	attack_guard("", "fds", leaked_fd);
}

/* ... and as the working directory: two guards, one behind the other. */
static bool leaked_directory(struct attack *a, const char **said)
{
	struct probe seen;

	bundle_set(a->bundle, "/process/cwd", "'/proc/self/fd/9'");
	bundle_probe_args(a->bundle, "list", ".", NULL);
	*said = run_leaking(a, &seen);
	return probe_has(&seen, "list:.=etc");
}

ATTACK(guard, working_directory_is_inside)
{
	attack_guard("", "resolver,cwd", leaked_directory);
	attack_guard("resolver", "resolver,cwd", leaked_directory);
	attack_guard("cwd", "resolver,cwd", leaked_directory);
}

/*
 * The kernel says "done", and nothing was.  The capset before the ids is for pid 1, which could
 * not take its own without.
 */
static enum engine_verdict skip_credentials(void *context, const struct engine_stop *stop,
					    int *ret_errno)
{
	bool *begun = context;

	*ret_errno = 0;
	if (stop->call == __NR_capset)
		return *begun ? ENGINE_FAIL : ENGINE_CONTINUE;
	if (stop->call != __NR_setresuid && stop->call != __NR_setresgid)
		return ENGINE_CONTINUE;
	/* The real id alone is changed before, to look at the program as its user. */
	*begun = *begun || (int)stop->args[1] != -1;
	return ENGINE_FAIL;
}

static bool nothing_set(struct attack *a, const char **said)
{
	struct engine_result *result = ARENA_NEW(&e2e_arena, struct engine_result);
	bool begun = false;
	struct probe seen;

	bundle_set(a->bundle, "/process/user", "{'uid': 1000, 'gid': 1000}");
	attack_begin(a);
	attack_engine(a, ENGINE_ALL, skip_credentials, &begun, result);
	probe_parse(&seen, &e2e_arena, result->output);
	*said = result->output;
	return probe_has(&seen, "uid=0");
}

ATTACK(guard, reading_back_finds_what_was_not_set)
{
	attack_guard("", "readback", nothing_set);
}

/* CVE-2022-29162 f. */
static bool inherited(struct attack *a, const char **said)
{
	struct output output;
	struct probe seen;

	attack_begin(a);
	attack_run_prepared(a, attack_raise_inheritable, NULL, &output);
	probe_parse(&seen, &e2e_arena, output.out);
	*said = output.out;
	return seen.cap_inheritable != 0;
}

ATTACK(guard, capabilities_to_inherit_are_cleared)
{
	attack_guard("", "inheritable", inherited);
}

/* CVE-2017-5226: TIOCGPGRP answers for the controlling terminal alone, as TIOCSTI does. */
static void take_terminal(void *context)
{
	int fd;

	setsid();
	fd = open(context, O_RDWR);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0 || dup2(fd, 0) < 0)
		_exit(95);
}

static bool terminal(struct attack *a, const char **said)
{
	_cleanup_fd int master_fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct output output;
	char name[64];

	cr_assert(master_fd >= 0 && grantpt(master_fd) == 0 && unlockpt(master_fd) == 0 &&
		  ptsname_r(master_fd, name, sizeof(name)) == 0);
	/* Without the init of kist's, which begins a session for its program. */
	bundle_set(a->bundle, "/annotations", "{'org.kist.init': 'never'}");
	bundle_probe_args(a->bundle, "ioctl", "0", "0x540f", "", NULL);
	attack_begin(a);
	attack_run_prepared(a, take_terminal, name, &output);
	*said = output.out;
	return strstr(output.out, "ioctl:0=0") != NULL;
}

ATTACK(guard, session_has_not_the_callers_terminal)
{
	attack_guard("", "session", terminal);
}
