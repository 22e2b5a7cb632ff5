/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "init/step.h"
#include "runtime/clone.h"
#include "runtime/spawn.h"

/*
 * Everything of the host that the container's process needs, opened and
 * checked before that process exists (security.md I4), and the flags of its clone.
 */
struct prepared {
	struct init init;		/* owned fds */
	struct clone_request clone;	/* borrows from here */
	int small_fd;			/* owned: the mount namespace it is born from, or -EBADF */
	int join_fds[NAMESPACE_COUNT];	/* owned */
};
#define PREPARED_NONE ((struct prepared){			\
	.init = INIT_NONE, .clone = CLONE_REQUEST_INIT,		\
	.small_fd = -EBADF,					\
	.join_fds = { [0 ... NAMESPACE_COUNT - 1] = -EBADF } })

int prepare(const struct spawn_request *request, struct prepared *ret, struct error *err);
/* All namespaces that a running container does not share with us, at once, by pidfd. */
void prepare_join(const struct plan *plan, int pidfd, struct clone_request *ret);
void prepare_close(struct prepared *prepared);
