/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/finding.h"

/*
 * The annotations that are kist's own begin with "org.kist.": "org.kist.init", one for each option
 * of the init (config/init_option.h), and "org.kist.landlock".  Those of others mean nothing here.
 */

/* For "kist check": what begins as kist's and is none. */
void annotations_check(struct decoder *d);
