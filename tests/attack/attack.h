/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tests/attack/engine.h"
#include "tests/e2e/harness.h"

/*
 * A hostile bundle, and what it is after: a tree of the host's beside it, the
 * sentinel, which nothing may change.  "Safe" means that kist refuses, with a
 * non-zero status and a reason, before the program runs, or that the program
 * runs; and in both cases that the host is as it was (tests/attack/guard.h).
 */
struct attack {
	struct bundle *bundle;
	const char *sentinel; /* holds "secret", "directory/file" and the file "null" */
	const char *volume; /* an empty directory of the host, for the container to have */
	const char *before; /* the host, when attack_begin() was called */
};
struct attack attack_new(void);
/* The same around a bundle that is there. */
struct attack attack_of(struct bundle *bundle);
/* A path on the host, made from a name inside the root. */
const char *attack_path(const struct attack *attack, const char *inside);
/* Puts a link, or a directory, in the root; what was there goes. */
void attack_link(const struct attack *attack, const char *inside, const char *target);
void attack_dir(const struct attack *attack, const char *inside);
/* "/mounts/-": a bind of source. */
void attack_bind(const struct attack *attack, const char *source, const char *destination);
/* "/mounts": this list, and none of the default ones. */
void attack_mounts(const struct attack *attack, const char *list);

/* The host as it is, from here on. */
void attack_begin(struct attack *attack);
/* What of it has changed since, as text; NULL: nothing. */
const char *attack_changed(const struct attack *attack);
/* The same as a failure of the test. */
void attack_check(const struct attack *attack, const char *what);

/*
 * Runs the bundle and holds it against the above.  True: the program ran, and
 * told *ret; false: it was refused, for the reason in *ret_output.
 */
bool attack_run(struct attack *attack, const char *what, struct output *ret_output,
		struct probe *ret);

/*
 * The same with a process of our own making: prepare() runs in it right before kist does, with
 * /dev/null as stdin, stdout and stderr in a pipe, and all of the test's fds open.  The output
 * is in both texts.
 */
void attack_run_prepared(struct attack *attack, void (*prepare)(void *), void *context,
			 struct output *ret);
/* A prepare: all that the caller may do can be inherited, too. */
void attack_raise_inheritable(void *context);

/*
 * The same run under the engine (engine.h): "run --bundle PATH ID" of this bundle.  A run
 * that takes longer than a few seconds is a failure of the test.
 */
void attack_engine(const struct attack *attack, enum engine_scope scope, engine_decide *decide,
		   void *context, struct engine_result *ret);
/* The same of another command: RUNTIME --root STATE words... NULL, of the bundle as it is now. */
void attack_engine_call(const struct attack *attack, const char *const words[],
			enum engine_scope scope, engine_decide *decide, void *context,
			struct engine_result *ret);
/* After it: no process, mount, cgroup, state left; what is left, or NULL, and it is gone. */
const char *attack_left(const struct attack *attack);
/* "delete --force" works, and that is null behind it. */
void attack_clean_up(const struct attack *attack, const char *what);
/*
 * Every how many-th of count stops is taken so that runs are few, and in a guest, whose forks are
 * emulated, a quarter of that; 1 with KIST_ATTACK_ALL=1.
 */
unsigned int attack_stride(unsigned int count, unsigned int runs);
/* The same for a table of attacks: each, or in a guest every fifth. */
unsigned int attack_step(void);
bool attack_all(void);

/* An attack on the bundle's runtime: whether it succeeded.  How it went is in *said. */
typedef bool attack_try(struct attack *attack, const char **said);
/*
 * A guard is what holds: the attack does nothing to kist as it is, and succeeds where that guard
 * alone is taken out (tests/attack/unguarded/unguarded.h).  safe: the guards that are not enough
 * to take out, "" for none; fatal: those that are.
 */
void attack_guard(const char *safe, const char *fatal, attack_try *attack_on);

/* E2E() with the time that the engine's runs take. */
#define ATTACK(suite, fact)                                                      \
	static void suite##_##fact(void);                                        \
	Test(suite, fact, .init = e2e_begin, .fini = e2e_clean, .timeout = 3600) \
	{                                                                        \
		e2e_need_root();                                                 \
		e2e_need_kist();                                                 \
		suite##_##fact();                                                \
		e2e_check();                                                     \
	}                                                                        \
	static void suite##_##fact(void)
