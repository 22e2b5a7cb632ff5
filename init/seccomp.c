/* SPDX-License-Identifier: Apache-2.0 */
#include "init/seccomp.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"

/* The "container process state" of the OCI spec, which goes with the listener's fd. */
static struct text listener_state(const struct plan *plan, const struct init *in)
{
	struct text text = { .arena = in->arena };

	/* As the state in it: what this complies with, not what config.json does. */
	text_add(&text, "{\"ociVersion\":\"" SPEC_VERSION "\"");
	text_printf(&text, ",\"fds\":[\"seccompFd\"],\"pid\":%u,\"metadata\":", in->host_pid);
	text_add_json(&text, plan->seccomp->listener_metadata != NULL ?
		      plan->seccomp->listener_metadata : "");
	if (in->start_state[0] != NULL)
		text_printf(&text, ",\"state\":%s%u%s", in->start_state[0], in->host_pid,
			    in->start_state[1]);
	text_add(&text, "}");
	return text;
}

int seccomp_install(const struct plan *plan, struct init *in, struct error *err)
{
	const struct seccomp_plan *seccomp = plan->seccomp;
	struct sock_fprog program = {
		.len = (unsigned short)seccomp->filter.count,
		.filter = seccomp->filter.items,
	};
	unsigned int flags = seccomp->flags;
	_cleanup_fd int listener_fd = -EBADF;
	struct text state = { 0 };
	int rc;

	if (seccomp->filter.count == 0)
		return 0;
	if (seccomp->listener_path != NULL)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	/* Before: nobody answers yet for a call that asks for memory behind the filter. */
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
		if (in->seccomp_listener < 0)
			return error_set(err, "seccomp listener: no socket");
		state = listener_state(plan, in);
	}
	rc = sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &program);
	if (rc < 0)
		return error_errno(err, "load the seccomp filter");
	if (!(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return 0;
	listener_fd = rc;
	if (fd_send(in->seccomp_listener, &listener_fd, 1, state.data, state.size, err) < 0)
		return error_wrap(err, "seccomp listener");
	return 0;
}
