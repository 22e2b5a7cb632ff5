/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/sys.h"
#include "init/procfs.h"
#include "init/step.h"

int step_names(const struct plan *plan, struct init *in, struct error *err)
{
	(void)in;
	if (plan->hostname != NULL && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
		return error_errno(err, "set host name %s", plan->hostname);
	if (plan->domainname != NULL &&
	    setdomainname(plan->domainname, strlen(plan->domainname)) < 0)
		return error_errno(err, "set domain name %s", plan->domainname);
	return 0;
}

/* "net.ipv4.conf.eth0/1.mtu" is the name of a file below "eth0.1". */
static int sysctl_path(const char *name, char path[PATH_MAX], struct error *err)
{
	size_t at = 4;
	const char *c;

	if (strlen(name) + 5 > PATH_MAX)
		return error_number(err, ENAMETOOLONG, "%.64s", name);
	memcpy(path, "sys/", 4);
	for (c = name; *c != '\0'; c++)
		path[at++] = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	path[at] = '\0';
	/* config/check.c knows such names, too: here one more would be the host's core_pattern. */
	if (strstr(path, "/../") != NULL || strcmp(path + at - 3, "/..") == 0)
		return error_number(err, EINVAL, "%.64s", name);
	return 0;
}

int step_sysctls(const struct plan *plan, struct init *in, struct error *err)
{
	_cleanup_fd int proc_fd = -EBADF;
	char path[PATH_MAX];

	(void)in;
	if (plan->sysctls.count == 0)
		return 0;
	proc_fd = procfs_open(err);
	if (proc_fd < 0)
		return -1;
	LIST_EACH(sysctl, plan->sysctls) {
		if (sysctl_path(sysctl->name, path, err) == 0 &&
		    procfs_write(proc_fd, path, sysctl->value, err) == 0)
			continue;
		error_wrap(err, "%s", sysctl->name);
		return err->code == ENOENT ? error_hint(err, "this kernel has none of that name in "
							"the container's namespaces") : -1;
	}
	return 0;
}
