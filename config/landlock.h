/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/finding.h"
#include "config/names.h"

/*
 * What a program may do below which paths, for Landlock: annotation
 * "org.kist.landlock", whose value is the JSON object proposed for the spec:
 *
 *	{ "ruleset": { "handledAccessFS": [ "write_file", ... ] },
 *	  "rules": { "pathBeneath": [ { "allowedAccess": [ ... ], "paths": [ "/tmp" ] } ] },
 *	  "disableBestEffort": false }
 *
 * The rights that are handled are denied but for where a rule allows them.
 */
#define LANDLOCK_ANNOTATION	"org.kist.landlock"

extern const struct name landlock_access_names[];	/* LANDLOCK_ACCESS_FS_* */

/* From the annotations of the plan. */
int landlock_plan_make(struct decoder *d, struct plan *plan);
