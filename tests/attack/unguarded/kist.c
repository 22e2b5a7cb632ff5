/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/prctl.h>
#include <stdarg.h>
#include <sys/vfs.h>

#include "base/sys.h"
#include "init/device.h"
#include "init/hide.h"
#include "runtime/cgroup/internal.h"
#include "runtime/protect.h"
#include "tests/attack/unguarded/unguarded.h"

/* --- functions of libc's ------------------------------------------------ */

int REAL(prctl)(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int WRAPPED(prctl)(int option, ...);
int WRAPPED(prctl)(int option, ...)
{
	unsigned long arg[4];
	va_list list;

	va_start(list, option);
	for (int i = 0; i < 4; i++)
		arg[i] = va_arg(list, unsigned long);
	va_end(list);
	if (option == PR_SET_DUMPABLE && without("dumpable"))
		return 0;
	if (option == PR_GET_DUMPABLE && without("dumpable")) {
		usleep(50000); /* so that who watches is sure to see it */
		return 0;
	}
	if (option == PR_CAP_AMBIENT && arg[0] == PR_CAP_AMBIENT_CLEAR_ALL &&
	    without("inheritable"))
		return 0;
	if (option == PR_GET_NO_NEW_PRIVS && without("readback"))
		return 1;
	if (option == PR_CAPBSET_READ && without("readback") && arg[0] <= CAP_LAST_CAP)
		return 0;
	return REAL(prctl)(option, arg[0], arg[1], arg[2], arg[3]);
}

static uid_t uid_set;
static gid_t gid_set;

int REAL(setresuid)(uid_t real, uid_t effective, uid_t saved);
int WRAPPED(setresuid)(uid_t real, uid_t effective, uid_t saved);
int WRAPPED(setresuid)(uid_t real, uid_t effective, uid_t saved)
{
	uid_set = real;
	return REAL(setresuid)(real, effective, saved);
}

int REAL(setresgid)(gid_t real, gid_t effective, gid_t saved);
int WRAPPED(setresgid)(gid_t real, gid_t effective, gid_t saved);
int WRAPPED(setresgid)(gid_t real, gid_t effective, gid_t saved)
{
	gid_set = real;
	return REAL(setresgid)(real, effective, saved);
}

int REAL(getresuid)(uid_t *real, uid_t *effective, uid_t *saved);
int WRAPPED(getresuid)(uid_t *real, uid_t *effective, uid_t *saved);
int WRAPPED(getresuid)(uid_t *real, uid_t *effective, uid_t *saved)
{
	if (!without("readback"))
		return REAL(getresuid)(real, effective, saved);
	*real = *effective = *saved = uid_set;
	return 0;
}

int REAL(getresgid)(gid_t *real, gid_t *effective, gid_t *saved);
int WRAPPED(getresgid)(gid_t *real, gid_t *effective, gid_t *saved);
int WRAPPED(getresgid)(gid_t *real, gid_t *effective, gid_t *saved)
{
	if (!without("readback"))
		return REAL(getresgid)(real, effective, saved);
	*real = *effective = *saved = gid_set;
	return 0;
}

pid_t REAL(setsid)(void);
pid_t WRAPPED(setsid)(void);
pid_t WRAPPED(setsid)(void)
{
	return without("session") ? getpid() : REAL(setsid)();
}

/*
 * Whatever it is, it is a procfs, but for cgroups.  fstatfs64 is fstatfs with 64-bit offsets, in
 * glibc.
 */
int REAL(fstatfs64)(int fd, struct statfs *ret);
int WRAPPED(fstatfs64)(int fd, struct statfs *ret);
int WRAPPED(fstatfs64)(int fd, struct statfs *ret)
{
	int result = REAL(fstatfs64)(fd, ret);

	if (without("procfs") && ret->f_type != CGROUP2_SUPER_MAGIC)
		ret->f_type = PROC_SUPER_MAGIC;
	return result;
}

/* --- functions of kist's ------------------------------------------------ */

typeof(device_check) REAL(device_check), WRAPPED(device_check);
int WRAPPED(device_check)(int fd, mode_t type, unsigned int major, unsigned int minor,
			  const char *what, struct error *err)
{
	return without("device") ? 0 : REAL(device_check)(fd, type, major, minor, what, err);
}

typeof(hide_in_mount) REAL(hide_in_mount), WRAPPED(hide_in_mount);
bool WRAPPED(hide_in_mount)(const struct plan *plan, size_t i)
{
	return !without("held") && REAL(hide_in_mount)(plan, i);
}

typeof(protect_self) REAL(protect_self), WRAPPED(protect_self);
int WRAPPED(protect_self)(char *const *argv, struct error *err)
{
	return without("binary") ? 0 : REAL(protect_self)(argv, err);
}

typeof(cgroup_device_attach) REAL(cgroup_device_attach), WRAPPED(cgroup_device_attach);
int WRAPPED(cgroup_device_attach)(int dir_fd, const struct resources_plan *resources, bool replace,
				  struct error *err)
{
	return without("devices") ? 0 : REAL(cgroup_device_attach)(dir_fd, resources, replace, err);
}

typeof(cgroup_v1_write) REAL(cgroup_v1_write), WRAPPED(cgroup_v1_write);
int WRAPPED(cgroup_v1_write)(const struct cgroup_v1 *v1, const char *path, int v2_fd, bool devices,
			     const cgroup_write_list *writes, struct error *err)
{
	return REAL(cgroup_v1_write)(v1, path, v2_fd, devices && !without("devices"), writes, err);
}
