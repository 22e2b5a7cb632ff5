/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

Test(error, tells_the_chain_from_the_outside_in)
{
	struct error err;

	errno = ENOENT;
	cr_assert_eq(error_errno(&err, "open tree %s", "/srv/data"), -1);
	cr_assert_eq(error_wrap(&err, "mount: /mounts/%d", 3), -1);
	cr_expect_str_eq(err.text, "mount: /mounts/3: open tree /srv/data: No such file or directory");
	cr_expect_eq(err.code, ENOENT);
}
