/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "config/plan.h"

/*
 * Runs one hook and waits for it: the state on its stdin, its time limit kept,
 * the end of what it prints shown in the error when it fails.  A hook without
 * env gets the caller's environ; directory, where that can be entered, is its
 * working directory, or the caller's with NULL.  Used on both sides of the clone.
 */
int hook_run(const struct hook_plan *hook, const char *directory, const char *state_json,
	     struct error *err);
/*
 * All of one moment, in order; the error names the moment and the index.  What is executed
 * outside of the root works in the bundle, as with runc and crun.
 */
int hooks_run(const struct plan *plan, enum hook_moment moment, const char *state_json,
	      struct error *err);
