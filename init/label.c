/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/keyctl.h>
#include <string.h>

#include "base/sys.h"
#include "base/text.h"
#include "init/procfs.h"
#include "init/step.h"

static int label_write(struct init *in, const char *file, const char *text, const char *label,
		       struct error *err)
{
	int proc_fd = procfs(in, err);
	char got[512];
	size_t length;

	if (proc_fd < 0 || procfs_write(proc_fd, file, text, err) < 0 ||
	    procfs_read(proc_fd, file, got, sizeof(got), err) < 0)
		return -1;
	/* AppArmor adds the mode, as "name (enforce)". */
	length = strlen(label);
	if (strncmp(got, label, length) != 0 ||
	    (got[length] != '\0' && got[length] != '\n' && got[length] != ' '))
		return error_set(err, "label in /proc/%s differs from %s", file, label);
	return 0;
}

/* Podman knows a failed label by "/proc/.../attr" in the text. */
static int apparmor_failed(struct init *in, const char *profile, struct error *err)
{
	struct error ignored;
	char text[512];
	const bool off = procfs_read(in->proc_fd, "self/attr/apparmor/current", text, sizeof(text),
				     &ignored) < 0;

	if (off)
		return error_set(err, "AppArmor profile %s: open /proc/self/attr/apparmor/exec: "
				 "this kernel runs without AppArmor", profile);
	error_wrap(err, "AppArmor profile %s", profile);
	return err->code == ENOENT ? error_hint(err, "load it with apparmor_parser") : -1;
}

static int selinux_failed(const char *label, struct error *err)
{
	error_wrap(err, "SELinux label %s", label);
	if (err->code != EINVAL && err->code != ENOENT)
		return -1;
	return error_hint(err, "this kernel runs without SELinux, or its policy has no such label");
}

/*
 * include/linux/key.h: what a new session keyring allows, all to who has it and view, read and
 * link to its owner; and search to the owner, by which "exec" finds it under its name.
 */
#define KEYRING_RIGHTS (0x3f000000UL | 0x00130000 | 0x00080000)

/* It has a name of runc's. */
static int keyring_join(const struct init *in, struct error *err)
{
	struct text name = { .arena = in->arena };
	long keyring;

	text_add(&name, "_ses.");
	text_add(&name, in->id);
	keyring = sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long)(uintptr_t)name.data, 0,
			     0);
	if (keyring < 0 && errno == ENOSYS)
		return 0;
	if (keyring < 0) {
		error_errno(err, "join a session keyring");
		return err->code == EDQUOT ?
			       error_hint(err, "the user's quota of keys is used up: raise "
					       "kernel.keys.maxkeys or use --no-new-keyring") :
			       -1;
	}
	if (sys_keyctl(KEYCTL_SETPERM, (unsigned long)keyring, KEYRING_RIGHTS, 0) < 0)
		return error_errno(err, "set the rights of the session keyring");
	return 0;
}

static bool has_selinux_label(const struct process_plan *process)
{
	return process->selinux_label != NULL && *process->selinux_label != '\0';
}

/*
 * Keys that the caller's session holds are not the container's.  Below SELinux the new keyring
 * is labelled as the program will be, or that could not use it.
 */
int step_keyring(const struct plan *plan, struct init *in, struct error *err)
{
	static const char file[] = "self/attr/keycreate";
	const char *label = in->process->selinux_label;

	(void)plan;
	if (!in->new_keyring)
		return 0;
	if (!has_selinux_label(in->process))
		return keyring_join(in, err);
	if (label_write(in, file, label, label, err) < 0)
		return selinux_failed(label, err);
	if (keyring_join(in, err) < 0)
		return -1;
	return procfs_write(in->proc_fd, file, "\n", err);
}

/* The labels that execve gives the program.  Written through our own procfs, and read back. */
int step_label(const struct plan *plan, struct init *in, struct error *err)
{
	const struct process_plan *process = in->process;

	(void)plan;
	if (process->apparmor_profile != NULL && *process->apparmor_profile != '\0') {
		const char *text = arena_printf(in->arena, "exec %s", process->apparmor_profile);

		if (label_write(in, "self/attr/apparmor/exec", text, process->apparmor_profile,
				err) < 0)
			return apparmor_failed(in, process->apparmor_profile, err);
	}
	if (has_selinux_label(process) && label_write(in, "self/attr/exec", process->selinux_label,
						      process->selinux_label, err) < 0)
		return selinux_failed(process->selinux_label, err);
	return 0;
}
