/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/blob/digest.h"
#include "rootfs-tools/confine/confine.h"
#include "tests/attack/unguarded/unguarded.h"

typeof(digest_equal) REAL(digest_equal), WRAPPED(digest_equal);
bool WRAPPED(digest_equal)(const struct digest *a, const struct digest *b)
{
	return without("digest") || REAL(digest_equal)(a, b);
}

typeof(confine_file_system) REAL(confine_file_system), WRAPPED(confine_file_system);
int WRAPPED(confine_file_system)(int *root_fd, struct error *err)
{
	return without("confine") ? 0 : REAL(confine_file_system)(root_fd, err);
}
