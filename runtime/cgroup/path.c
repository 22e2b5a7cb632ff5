/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "runtime/cgroup/internal.h"

#define DEPTH_MAX	256

/* Below the mount point: absolute, no "..", no empty or over-long component. */
static int cgroup_path_check(const char *path, struct error *err)
{
	const char *at = path;
	int depth = 0;

	if (strlen(path) >= PATH_MAX - 64)
		return error_set(err, "cgroup path: longer than %d bytes", PATH_MAX - 64);
	while (*(at += strspn(at, "/")) != '\0') {
		size_t length = strcspn(at, "/");

		if (length > NAME_MAX)
			return error_set(err, "cgroup path: a name is longer than %d bytes",
					 NAME_MAX);
		if (at[0] == '.' && (length == 1 || (length == 2 && at[1] == '.')))
			return error_set(err, "cgroup path %s: must not have \".\" or \"..\" in it",
					 path);
		/* The kernel refuses it too, but its answer says nothing. */
		if (memchr(at, '\n', length) != NULL)
			return error_set(err, "cgroup path: must not have a newline in it");
		/* Each takes the kernel longer than the last, with all hierarchies minutes. */
		if (++depth > DEPTH_MAX)
			return error_set(err, "cgroup path: deeper than %d cgroups", DEPTH_MAX);
		/* Would be one of the kernel's files. */
		if (length > 7 && memcmp(at, "cgroup.", 7) == 0)
			return error_set(err, "cgroup path %s: a name must not begin with "
					 "\"cgroup.\"", path);
		at += length;
	}
	if (path[strspn(path, "/")] == '\0')
		return error_set(err, "cgroup path \"%s\": must not be the root", path);
	return 0;
}

/* Without double and final slashes, and with one in front. */
static const char *path_clean(struct arena *arena, const char *base, const char *path)
{
	struct text clean = { .arena = arena };
	const char *parts[] = { base, path };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *at = parts[i];

		while (*(at += strspn(at, "/")) != '\0') {
			size_t length = strcspn(at, "/");

			text_add(&clean, "/");
			text_add_bytes(&clean, at, length);
			at += length;
		}
	}
	return clean.size > 0 ? clean.data : "/";
}

bool cgroup_is_slice(const char *unit)
{
	size_t length = strlen(unit);

	return length > 6 && strcmp(unit + length - 6, ".slice") == 0;
}

int cgroup_slice_path(struct arena *arena, const char *slice, const char **ret_path,
		      struct error *err)
{
	struct text path = { .arena = arena };
	size_t length = strlen(slice), end;

	if (strcmp(slice, "-.slice") == 0) {
		*ret_path = "";
		return 0;
	}
	if (!cgroup_is_slice(slice) || slice[0] == '-' || slice[length - 7] == '-' ||
	    strstr(slice, "--") != NULL || strchr(slice, '/') != NULL || slice[0] == '.')
		return error_set(err, "cgroup path: \"%s\" is not the name of a slice", slice);
	/* Each prefix that ends before a '-' is a slice above. */
	for (end = strcspn(slice, "-"); end < length - 6;
	     end += 1 + strcspn(slice + end + 1, "-")) {
		if (slice[end] != '-')
			break;
		text_printf(&path, "/%.*s.slice", (int)end, slice);
	}
	text_printf(&path, "/%s", slice);
	*ret_path = path.data;
	return 0;
}

int cgroup_path_of(struct arena *arena, const char *file, const char **ret_path,
		   struct error *err)
{
	char *text, *line, *end;

	if (file_read(AT_FDCWD, file, 1 << 20, arena, &text, NULL, err) < 0)
		return -1;
	for (line = text; *line != '\0'; line = end + strspn(end, "\n")) {
		end = line + strcspn(line, "\n");
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		*ret_path = arena_strndup(arena, line + 3, (size_t)(end - line) - 3);
		/* Of a cgroup namespace that is not ours: nothing below the mount is it. */
		if (strncmp(*ret_path, "/..", 3) == 0)
			return error_set(err, "cgroup %s is outside of the cgroup namespace",
					 *ret_path);
		return 0;
	}
	return error_set(err, "%s names no cgroup v2", file);
}

bool cgroup_privileged(enum cgroup_host host)
{
	if (host == CGROUP_LEGACY)
		return geteuid() == 0;
	return faccessat(AT_FDCWD,
			 host == CGROUP_HYBRID ? CGROUP_MOUNT "/unified/cgroup.procs" :
						 CGROUP_MOUNT "/cgroup.procs",
			 W_OK, AT_EACCESS) == 0;
}

/*
 * The kernel wants the right to write cgroup.procs of the nearest cgroup that is above both the
 * caller's own and the new process'.
 */
bool cgroup_may_be_born(int root_fd, const char *path)
{
	_cleanup_arena struct arena arena = { 0 };
	_cleanup_fd int fd = -EBADF;
	size_t common = 0;
	struct error ignored;
	const char *own;

	if (faccessat(root_fd, "cgroup.procs", W_OK, AT_EACCESS) == 0)
		return true;
	if (cgroup_path_of(&arena, "/proc/self/cgroup", &own, &ignored) < 0)
		return false;
	for (size_t i = 0; ; i++) {
		bool own_end = own[i] == '/' || own[i] == '\0';
		bool path_end = path[i] == '/' || path[i] == '\0';

		if (own_end && path_end)
			common = i;
		if (own[i] != path[i] || own[i] == '\0')
			break;
	}
	fd = cgroup_dir_open(root_fd, arena_strndup(&arena, path, common), &ignored);
	return fd >= 0 && faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) == 0;
}

/* May we make path?  Asked of the nearest cgroup above it that exists (or of it). */
static bool may_make(int root_fd, const char *path)
{
	char at[PATH_MAX];
	struct error ignored;

	snprintf(at, sizeof(at), "%s", path);
	for (;;) {
		_cleanup_fd int fd = cgroup_dir_open(root_fd, at, &ignored);
		char *slash;

		if (fd >= 0)
			return faccessat(fd, ".", W_OK, AT_EACCESS) == 0 &&
			       faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) == 0;
		slash = strrchr(at, '/');
		if (ignored.code != ENOENT || slash == NULL)
			return false;
		*slash = '\0';
	}
}

static const char *parent_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? "" : arena_strndup(arena, path, (size_t)(slash - path));
}

/*
 * The first of these that the caller may make: as given, if absolute; below the root, with
 * privilege; beside the own cgroup, for there no process forbids handing controllers down; in it.
 */
static const char *path_choose(struct cgroup *cgroup, struct arena *arena, const char *wanted,
			       struct error *err)
{
	const char *path = path_clean(arena, "", wanted), *own;
	_cleanup_fd int root_fd = -EBADF;

	/* Who may do everything need not be asked about this one: making it tells. */
	if (cgroup_privileged(cgroup->host))
		return path;
	root_fd = cgroup_v2_root(cgroup->host, err);
	if (root_fd < 0)
		return NULL;
	if (may_make(root_fd, path))
		return path;
	if (wanted[0] == '/' || cgroup_path_of(arena, "/proc/self/cgroup", &own, err) < 0)
		return NULL;
	path = path_clean(arena, parent_of(arena, own), wanted);
	if (may_make(root_fd, path))
		return path;
	path = path_clean(arena, own, wanted);
	return may_make(root_fd, path) ? path : NULL;
}

static int cgroupfs_plan(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
			 const char *id, struct error *err)
{
	const char *wanted = plan->cgroups_path != NULL ? plan->cgroups_path : id;

	if (cgroup_path_check(wanted, err) < 0)
		return -1;
	if (cgroup->host == CGROUP_LEGACY && geteuid() == 0)
		cgroup->path = path_clean(arena, "", wanted);
	else if (cgroup->host != CGROUP_LEGACY)
		cgroup->path = path_choose(cgroup, arena, wanted, err);
	if (cgroup->path != NULL)
		return 0;
	cgroup->host = CGROUP_NONE;
	if (!plan->resources.listed)
		return 0;
	error_number(err, EACCES, "limit resources: may not make cgroup %s", wanted);
	return error_hint(err, "delegate one (systemd: Delegate=yes in user@.service, then "
			  "--systemd-cgroup), or leave linux.resources out");
}

/* What systemd takes in the name of a unit. */
static int unit_check(const char *name, struct error *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";

	if (strlen(name) > 255)
		return error_set(err, "cgroup path: unit name %.32s... is longer than 255 bytes",
				 name);
	if (name[strspn(name, allowed)] != '\0')
		return error_set(err, "cgroup path: \"%s\" is not the name of a unit", name);
	return 0;
}

static int systemd_plan(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
			const char *id, struct error *err)
{
	const char *slice = cgroup_privileged(cgroup->host) ? "system.slice" : "user.slice";
	const char *prefix = "kist", *name = id, *above;
	char *first, *second;

	if (plan->cgroups_path != NULL) {
		char *copy = arena_strdup(arena, plan->cgroups_path);

		first = strchr(copy, ':');
		second = first != NULL ? strchr(first + 1, ':') : NULL;
		if (second == NULL || strchr(second + 1, ':') != NULL || second[1] == '\0')
			return error_set(err, "cgroup path: expected slice:prefix:name for "
					 "systemd, not \"%s\"", plan->cgroups_path);
		*first = *second = '\0';
		if (*copy != '\0')
			slice = copy;
		prefix = first + 1;
		name = second + 1;
	}
	if (cgroup_is_slice(name))
		cgroup->scope = name;
	else if (*prefix == '\0')
		cgroup->scope = arena_printf(arena, "%s.scope", name);
	else
		cgroup->scope = arena_printf(arena, "%s-%s.scope", prefix, name);
	if (unit_check(cgroup->scope, err) < 0 || unit_check(slice, err) < 0 ||
	    cgroup_slice_path(arena, slice, &above, err) < 0)
		return -1;
	cgroup->slice = slice;
	cgroup->path = arena_printf(arena, "%s/%s", above, cgroup->scope);
	return 0;
}

int cgroup_path_plan(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
		     const char *id, struct error *err)
{
	if (cgroup->host == CGROUP_NONE || cgroup->manager == CGROUP_DISABLED)
		return 0;
	if (cgroup->manager == CGROUP_SYSTEMD)
		return systemd_plan(cgroup, arena, plan, id, err);
	return cgroupfs_plan(cgroup, arena, plan, id, err);
}
