/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/finding.h"
#include "config/plan.h"

/* From a config.json to its plan: read, decoded, checked across fields, compiled. */

/* A bundle's configuration as it was read. */
struct config_text {
	const char *bundle;	/* absolute */
	const char *name;	/* as messages call the file */
	char *text;
	size_t size;
};

/* file NULL: config.json in the bundle. */
int config_text_read(struct arena *arena, const char *bundle, const char *file,
		     struct config_text *ret, struct error *err);
/*
 * Decodes, checks and compiles it.  NULL and *err with file (as name says), line,
 * column, JSON pointer, what was found and what is expected.  bundle: absolute.
 * Source: OCI runtime spec 1.3.
 */
const struct plan *plan_parse(struct arena *arena, const char *bundle, const char *name,
			      const char *json, size_t size, struct error *err);
/* A process object alone, as "exec --process FILE" takes it; the plan is the container's. */
const struct process_plan *process_load(struct arena *arena, const char *file, struct error *err);

/*
 * All that is wrong with a config.json, not only the first thing: errors,
 * warnings, unknown properties.  *ret_plan is NULL when there is an error in
 * it.  -1 and *err only when the file cannot be read or is not JSON at all.
 */
int plan_diagnose(struct arena *arena, const char *bundle, const char *file, struct diagnosis *ret,
		  const struct plan **ret_plan, struct error *err);
