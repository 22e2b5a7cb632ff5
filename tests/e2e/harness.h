/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <criterion/criterion.h>
#include <sys/types.h>

#include "base/arena.h"
#include "tests/e2e/edit.h"
#include "tests/e2e/leak.h"
#include "tests/e2e/seen.h"

/*
 * Bundles for end-to-end tests.
 *
 *	E2E(rlimits, reach_the_program)
 *	{
 *		struct bundle *b = bundle_new();
 *		struct probe seen;
 *
 *		bundle_set(b, "/process/rlimits",
 *			   "[{'type': 'RLIMIT_NOFILE', 'soft': 100, 'hard': 200}]");
 *		bundle_run_probe(b, &seen);
 *		cr_expect_eq(seen.nofile_soft, 100);
 *	}
 *
 * A new bundle is what "runc spec" makes, with no terminal, and a root that
 * holds the probe (tests/e2e/probe.c) as /probe and nothing else.  Every
 * bundle lies in a fresh directory with its own --root.  RUNTIME=path names the
 * runtime under test; without it, it is the kist that was just built.
 *
 * After the body of an E2E() test nothing may be left: no process, mount,
 * cgroup or state directory.  What is left is taken away, and the test fails.
 * The check is part of the test, for Criterion 2.4 overlooks what fails in
 * .fini, which cleans up alone.
 */
#define E2E(suite, fact)						\
	static void suite##_##fact(void);				\
	Test(suite, fact, .init = e2e_begin, .fini = e2e_clean, .timeout = 120) \
	{								\
		suite##_##fact();					\
		e2e_check();						\
	}								\
	static void suite##_##fact(void)
void e2e_begin(void);
void e2e_check(void);
void e2e_clean(void);

/* The whole test's memory; freed with its process. */
extern struct arena e2e_arena;

/*
 * A test that needs what this host has not is skipped, with the reason.  Criterion 2.4
 * does not call .fini then.
 */
#define e2e_skip(...) (e2e_clear(), cr_skip_test(__VA_ARGS__))
void e2e_clear(void);
void e2e_need_root(void);
void e2e_need_cgroup2(void);	/* cgroup2 alone on /sys/fs/cgroup */
void e2e_need_program(const char *path);
void e2e_need_kist(void);	/* what other runtimes do not do */
bool e2e_is_kist(void);
const char *e2e_runtime(void);	/* absolute path */
const char *e2e_file_text(const char *path);	/* of the host */

struct bundle {
	const char *id;		/* unlike any other */
	const char *dir;	/* holds all below */
	const char *path;	/* the bundle: config.json and rootfs/ */
	const char *rootfs;
	const char *state;	/* --root */
	char *config;		/* the text of config.json, written when the runtime is called */
	bool no_config;		/* ... or not at all */
	uid_t uid;		/* who calls the runtime: 0, or bundle_as_user() */
	const char *runtime;	/* e2e_runtime(), or a copy that the user can reach */
	const char *env[16];	/* the runtime's environment, beside PATH */
	const char *cwd;	/* where the runtime is called; NULL: in dir */
	int stdin_fd;		/* borrowed; -EBADF: /dev/null */
	int stdout_fd;		/* borrowed; -EBADF: what bundle_finish() returns */
	int timeout;		/* seconds that a call may take */
};

struct bundle *bundle_new(void);
/* Changes the configuration by JSON pointer; ' in value is read as ". */
void bundle_set(struct bundle *bundle, const char *pointer, const char *value);
void bundle_unset(struct bundle *bundle, const char *pointer);
/* "/process/args" = [ "/probe", first, ... NULL ], any bytes. */
void bundle_probe_args(struct bundle *bundle, const char *first, ...)
	__attribute__((sentinel));
/* The same for another program. */
void bundle_args(struct bundle *bundle, const char *first, ...) __attribute__((sentinel));
/* A file below the root, its parent directories too. */
void bundle_file(struct bundle *bundle, const char *path, mode_t mode, const char *text);
void bundle_bytes(struct bundle *bundle, const char *path, mode_t mode, const char *bytes,
		  size_t size);
/* A program of the host, to a path below the root whose directory exists. */
void bundle_copy(struct bundle *bundle, const char *from, const char *to);
/*
 * The runtime is called as this user, whose id alone is mapped, to 0 in a new
 * user namespace; the configuration is what "runc spec --rootless" makes.
 */
void bundle_as_user(struct bundle *bundle, uid_t uid);
/* Adds NAME=value to what the runtime is called with. */
void bundle_env(struct bundle *bundle, const char *assignment);

/* What a call came to: exit status, 128+N for a signal; both texts NUL-terminated. */
struct output {
	int status;
	const char *out, *err;
};

/* RUNTIME --root STATE first ... NULL */
void bundle_call(struct bundle *bundle, struct output *ret, const char *first, ...)
	__attribute__((sentinel));
/* RUNTIME first ... NULL: no global option added. */
void bundle_call_plain(struct bundle *bundle, struct output *ret, const char *first, ...)
	__attribute__((sentinel));
/* run --bundle PATH ID */
void bundle_run(struct bundle *bundle, struct output *ret);
/* The same with the probe's report read; any status but 0 fails the test. */
void bundle_run_probe(struct bundle *bundle, struct probe *ret);
/* "run --detach" of a probe that sleeps. */
void bundle_run_sleeper(struct bundle *bundle);
/* The number of its first process, as "state" tells it. */
const char *bundle_pid(struct bundle *bundle);
/* "delete --force", which must succeed. */
void bundle_destroy(struct bundle *bundle);

/* A call in the background: its pid; bundle_finish() waits for it. */
struct call {
	pid_t pid;
	int pidfd, out_fd, err_fd;
	int timeout;
};
void bundle_begin(struct bundle *bundle, struct call *ret, const char *first, ...)
	__attribute__((sentinel));
void bundle_finish(struct call *call, struct output *ret);
/* Until that text is in the output so far; the test fails after the timeout. */
void bundle_await(struct call *call, const char *text);
