/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/harness.h"

E2E(process, sees_the_rlimits_of_the_bundle)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_set(b, "/process/rlimits",
		   "[{'type': 'RLIMIT_NOFILE', 'soft': 100, 'hard': 200}]");
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.nofile_soft, 100);
	cr_expect_eq(seen.nofile_hard, 200);
}

E2E(process, passes_its_exit_status_on)
{
	struct bundle *b = bundle_new();
	struct output got;

	bundle_probe_args(b, "say", "it's me", "error", "oh", "exit", "42", NULL);
	bundle_run(b, &got);
	cr_expect_eq(got.status, 42);
	cr_expect_str_eq(got.out, "it's me\n");
	cr_expect_str_eq(got.err, "oh\n");
}

E2E(process, runs_for_an_ordinary_user)
{
	struct bundle *b = bundle_new();
	struct probe seen;

	bundle_as_user(b, 65534);
	bundle_run_probe(b, &seen);
	cr_expect_eq(seen.uid, 0);
	cr_expect(probe_has(&seen, "uid_map=         0      65534          1"));
}
