/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/fd.h"
#include "init/step.h"

/*
 * "0" is the caller.  This must stay the first step: the process has one thread, so moving the
 * thread moves it whole, and nothing that it uses later is charged to the runtime's cgroup.
 */
int step_cgroup(const struct plan *plan _unused, struct init *in, struct error *err)
{
	for (size_t i = 0; i < in->task_file_count; i++) {
		if (write(in->task_files[i], "0", 1) < 0)
			return error_errno(err, "join the cgroup");
		fd_close(&in->task_files[i]);
	}
	in->task_file_count = 0;
	return 0;
}
