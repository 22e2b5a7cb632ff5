/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "config/plan.h"
#include "rootfs-tools/smoke/pattern.h"

/*
 * A suite: what a file says is to be checked.  The schema is version 2.0.0 of
 * container-structure-test, in YAML or JSON; what kist adds to it is marked "+" here.  Everything
 * is checked while it is read: a property that does not exist, a pattern that is none, a wrong
 * type, each with file, line and column, all of them at once.
 *
 * Absent strings are NULL, absent numbers have set == false.
 */
typedef LIST(word_list) suite_commands;
typedef LIST(struct pattern) suite_patterns;

struct suite_pair {
	const char *key, *value;
	bool is_regex;
	struct pattern pattern;		/* of is_regex */
};
typedef LIST(struct suite_pair) suite_pairs;

/* What one container is, and what is expected of it. */
struct suite_container {
	const char *name;
	const char *command;		/* NULL: the image's own program */
	word_list args;
	suite_pairs env;
	const char *user, *workdir;	/* + */
	bool read_only;			/* + */
	suite_patterns expected_out, excluded_out, expected_err, excluded_err;
	struct opt_u64 exit_code;
	int exit_signal;		/* + 0: none */
	struct opt_u64 timeout;		/* + milliseconds until it is killed, and has failed */
	struct opt_u64 max_time;	/* + milliseconds */
	struct opt_u64 max_memory;	/* + bytes that it may have used in the end */
	struct opt_u64 memory_limit;	/* + bytes that the kernel lets it have */
	struct opt_u64 pids_limit;	/* + */

	/* + Of services and their sidecars: */
	LIST(struct opt_u64) wait_ports;
	suite_patterns wait_log;	/* standard output or error, in any order */
	struct opt_u64 max_start;	/* milliseconds until it is ready */
	int stop_signal;		/* 0: the image's, or TERM */
	struct opt_u64 grace;		/* milliseconds from the signal to the end */
};

struct suite_command {
	struct suite_container container;
	suite_commands setup, teardown;
};

/* + A request over TCP inside the service's network namespace. */
struct suite_http {
	uint32_t port;
	const char *path, *method, *host, *body;
	suite_pairs headers;
	struct opt_u64 status;		/* unset: 200 to 399 */
	suite_patterns expected_body, excluded_body, expected_headers;
	struct opt_u64 timeout;		/* milliseconds, tries included */
};

/* + A program that goes on until it is stopped, and what is beside it in its network. */
struct suite_service {
	struct suite_container container;
	LIST(struct suite_http) http;
	LIST(struct suite_container) sidecars;
};

struct suite_existence {
	const char *name, *path, *permissions, *executable_by;
	bool should_exist;
	struct opt_u64 uid, gid;
};

struct suite_content {
	const char *name, *path;
	suite_patterns expected, excluded;
};

struct suite_metadata {
	bool set;			/* is it there at all? */
	suite_pairs env, unbound_env, labels;
	word_list exposed, unexposed, volumes, unmounted;
	bool has_entrypoint, has_cmd;
	word_list entrypoint, cmd;
	const char *workdir, *user;
	const char *stop_signal;	/* + */
};

struct suite_license {
	bool debian;
	word_list files;
};

struct suite_run_options {
	const char *user, *env_file;
	bool privileged, terminal;
	word_list env, capabilities, binds;
};

struct suite {
	const char *name;		/* of the file */
	const char *schema;
	suite_pairs env;
	LIST(struct suite_command) commands;
	LIST(struct suite_existence) existence;
	LIST(struct suite_content) contents;
	LIST(struct suite_license) licenses;
	LIST(struct suite_service) services;
	struct suite_metadata metadata;
	struct suite_run_options run;
};

/* What is wrong with a suite, a line each. */
typedef LIST(const char *) suite_faults;

/* A ".json" is JSON, anything else YAML.  -1, and *err, and all that is wrong in *ret_faults. */
int suite_load(struct arena *arena, const char *path, struct suite *ret,
	       suite_faults *ret_faults, struct error *err);
int suite_parse(struct arena *arena, const char *name, const char *text, size_t size,
		struct suite *ret, suite_faults *ret_faults, struct error *err);
