/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "rootfs-tools/smoke/job.h"
#include "rootfs-tools/smoke/run.h"

/* The jobs: what is checked of an image without a suite, and of one with. */

/* In which order, and with what.  -1 and *err: a flag means nothing. */
int checks_plan(struct smoke *smoke, job_list *ret, struct error *err);

typedef void check_job(const struct smoke *smoke, const struct job *job,
		       struct findings *findings);

/* Without a suite. */
check_job check_image;		/* its configuration; what it runs */
check_job check_tree;		/* setuid, world-writable, broken links, secrets; sizes */
check_job check_start;		/* starts, reaps, stops; what = struct start */
check_job check_need;		/* does it work with less?  what = struct need */

/* With one; what = the part of the suite. */
check_job check_command;
check_job check_service;
check_job check_existence;
check_job check_content;
check_job check_license;
check_job check_metadata;

/* How the image behaves when nothing is taken from it: what the needs are measured against. */
struct start {
	pthread_mutex_t lock;
	pthread_cond_t known;
	bool done, works, runs;		/* runs: until it is stopped */
	int status;			/* where it ended by itself */
	bool needs_network;
	bool late; /* runs, and no port of it listens */
};

enum need_kind { NEED_WRITABLE, NEED_ROOT, NEED_CAPABILITIES, NEED_INIT, NEED_NETWORK };
struct need {
	enum need_kind kind;
	const char *name;		/* "read-only root" */
	const char *flag;		/* of --require */
	bool required;
	struct start *start;
};
extern const struct need check_needs[];	/* name NULL behind the last */

/* --- what several of them use ------------------------------------------------------------- */

/* Until the ports of the image listen, or it ran for a while.  *ret: in time? */
struct readiness {
	uint32_t ports[32];
	size_t port_count;
	uint64_t settle;		/* nanoseconds after the start, where there are no ports */
};
void readiness_of_image(const struct smoke *smoke, struct readiness *ret);
run_condition readiness_met;
/* When that was: where there are no ports, when it started. */
void readiness_note(const struct readiness *readiness, struct run *run);

/* Any bytes as a string: NULs, which would end it, become U+FFFD. */
const char *bytes_text(struct arena *arena, const char *bytes, size_t size);
/* The last lines of what it said, for a message: "" where it said nothing. */
const char *output_tail(struct arena *arena, const struct text *text);
/* "SIGTERM"; "signal 37". */
const char *signal_text(struct arena *arena, int signal);
/* "ended with status 3"; "ended with status 139, as for SIGSEGV". */
const char *status_text(struct arena *arena, int status);
/* The output of a run into a check that failed. */
void check_show_output(struct findings *findings, struct check *check, const struct run *run);

/* setuid and the like as Go's FileMode has it: "-rwsr-xr-x" is "urwxr-xr-x". */
void mode_text(uint32_t mode, char ret[16]);
