/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/finding.h"
#include "config/names.h"

/*
 * How the init inside is asked for: annotation "org.kist.init" (auto, always,
 * never) and "org.kist.init.NAME", or the flags --init and --init-NAME of
 * "kist run".  Each becomes an option of the init program (init/pid1), so one
 * table serves all three.
 */
#define INIT_ANNOTATION	"org.kist.init"

struct init_option {
	const char *name;	/* "grace": the annotation's end, the program's option */
	const char *argument;	/* "SECONDS" in the help; NULL: "true" or "false" */
	bool many;		/* in an annotation a list, separated by commas */
	bool (*valid)(const char *value);
	const char *expected;	/* what such a value is, for errors */
	const char *help;
};

/* Ends with a row whose name is NULL. */
extern const struct init_option init_options[];
const struct init_option *init_option_find(const char *name);
/* "auto", "always", "never": enum init_mode. */
extern const struct name init_modes[];

/* Adds one option with one value (a switch: "true") behind those there are, which it overrides. */
int init_option_add(struct arena *arena, struct init_plan *init, const struct init_option *option,
		    const char *value, struct error *err);
/* Whether pid 1 is to be kist's init, from the mode, the pid namespace and the program. */
bool init_plan_used(const struct plan *plan, enum init_mode mode);

/* From the annotations of the plan, which is complete but for this. */
int init_plan_make(struct decoder *d, struct plan *plan);
