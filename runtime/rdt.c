/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rdt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "runtime/journal.h"

#ifndef RDTGROUP_SUPER_MAGIC
#define RDTGROUP_SUPER_MAGIC	0x7655821	/* in linux/magic.h since 4.13, not in musl's */
#endif
#define RDT_MOUNT	"/sys/fs/resctrl"
#define SCHEMATA_MAX	((size_t)1 << 20)
#define MOUNTS_MAX	((size_t)64 << 20)

/* Machines with the hardware are rare, and the tests bring a file system of their own. */
static const char *test_mount(void)
{
	return secure_getenv("KIST_TEST_RESCTRL");
}

/* An O_PATH fd; -1 and errno, ENODEV where the directory is in no resctrl. */
static int group_open(const char *path)
{
	_cleanup_fd int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -1;
	if (fs.f_type != RDTGROUP_SUPER_MAGIC && test_mount() == NULL) {
		errno = ENODEV;
		return -1;
	}
	return fd_take(&fd);
}

/* The mount point in a line of mountinfo; paths with blanks come escaped, and nobody has those. */
static const char *mount_point(struct arena *arena, const char *line)
{
	for (int field = 1; field < 5; field++)
		line += strcspn(line, " ") + 1;
	return arena_strndup(arena, line, strcspn(line, " "));
}

const char *rdt_root(struct arena *arena, struct error *err)
{
	const char *path = test_mount() != NULL ? test_mount() : RDT_MOUNT;
	_cleanup_fd int fd = group_open(path);
	char *mounts, *found, *line;

	if (fd >= 0)
		return path;
	if (file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX, arena, &mounts, NULL,
		      err) < 0)
		return NULL;
	found = strstr(mounts, " - resctrl ");
	if (found == NULL) {
		error_number(err, ENODEV, "intelRdt: find a resctrl file system");
		error_hint(err, "mount -t resctrl resctrl %s, on hardware that has it", RDT_MOUNT);
		return NULL;
	}
	for (line = found; line > mounts && line[-1] != '\n'; line--)
		;
	return mount_point(arena, line);
}

/* Adds what resctrl itself says of the last thing that failed. */
static int add_status(const char *group, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	struct error ignored;
	const char *root = rdt_root(&arena, &ignored);
	_cleanup_fd int dir_fd = root != NULL ? group_open(root) : -EBADF;
	char *status;

	error_wrap(err, "intelRdt: group %s", group);
	if (dir_fd < 0 || file_read(dir_fd, "info/last_cmd_status", SCHEMATA_MAX, &arena, &status,
				    NULL, &ignored) < 0)
		return -1;
	status[strcspn(status, "\n")] = '\0';
	if (*status != '\0' && strcmp(status, "ok") != 0)
		error_hint(err, "%s", text_printable(&arena, status));
	return -1;
}

/* --- schemata ------------------------------------------------------------------------- */

/* The value of one domain in "0=f;1=f", up to ";" or the line's end; NULL where it has none. */
static const char *domain_find(const char *domains, long id)
{
	for (const char *at = domains; *at != '\0' && *at != '\n';) {
		char *end;
		long number = strtol(at, &end, 10);

		if (end != at && *end == '=' && number == id)
			return end + 1;
		at = end + strcspn(end, ";\n");
		at += *at == ';';
	}
	return NULL;
}

/* "00f" is "F", and resctrl pads with blanks. */
static bool same_value(const char *a, const char *b)
{
	size_t i = 0;

	a += strspn(a, " 0");
	b += strspn(b, " 0");
	for (; isalnum((unsigned char)a[i]) || isalnum((unsigned char)b[i]); i++)
		if (tolower((unsigned char)a[i]) != tolower((unsigned char)b[i]))
			return false;
	return true;
}

/* What stands behind "L3:" in the line of that name. */
static const char *schema_find(const char *schemata, const char *name, size_t length)
{
	for (const char *line = schemata; *line != '\0';) {
		line += strspn(line, " ");
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return NULL;
}

bool rdt_line_holds(const char *schemata, const char *line)
{
	const char *wanted = line + strspn(line, " "), *has;
	size_t length = strcspn(wanted, ":");

	if (wanted[length] != ':')
		return false;
	has = schema_find(schemata, wanted, length);
	if (has == NULL)
		return false;
	for (const char *at = wanted + length + 1; *at != '\0';) {
		char *end;
		long id = strtol(at, &end, 10);
		const char *value = end != at && *end == '=' ? domain_find(has, id) : NULL;

		if (value == NULL || !same_value(end + 1, value))
			return false;
		at = end + strcspn(end, ";");
		at += *at == ';';
	}
	return true;
}

/* The spec: a group that is there must have what is asked for; others are in it. */
static int schemata_compare(int dir_fd, struct arena *arena, const struct intel_rdt_plan *plan,
			    struct error *err)
{
	char *schemata;

	if (plan->fixed_schemata == 0)
		return 0;
	if (file_read(dir_fd, "schemata", SCHEMATA_MAX, arena, &schemata, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->fixed_schemata; i++)
		if (!rdt_line_holds(schemata, plan->schemata.items[i]))
			return error_set(err, "exists already, and its schemata are not \"%s\"",
					 text_printable(arena, plan->schemata.items[i]));
	return 0;
}

static int schemata_write(int dir_fd, struct arena *arena, const struct intel_rdt_plan *plan,
			  struct error *err)
{
	struct text text = { .arena = arena };

	LIST_EACH(line, plan->schemata) {
		text_add(&text, *line);
		text_add(&text, "\n");
	}
	return text.size > 0 ? file_write(dir_fd, "schemata", text.data, err) : 0;
}

/* --- groups ------------------------------------------------------------------------------ */

/* 1 made, 0 it was there, -1.  key: of the journal's line; NULL: it is to stay. */
static int group_make(const char *path, const char *key, struct arena *arena, int journal_fd,
		      struct error *err)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : error_set(err, "is no directory");
	if (key != NULL && journal_add_text(journal_fd, arena, key, path, err) < 0)
		return -1;
	if (mkdir(path, 0755) == 0)
		return 1;
	error_errno(err, "make it");
	/* Somebody else's, then, and not to be removed. */
	if (key != NULL && err->code == EEXIST) {
		struct error ignored;

		journal_add_text(journal_fd, arena, key, "", &ignored);
	}
	return -1;
}

static int group_fill(struct rdt *rdt, struct arena *arena, const struct intel_rdt_plan *plan,
		      bool is_new, struct error *err)
{
	_cleanup_fd int dir_fd = group_open(rdt->group);

	if (dir_fd < 0)
		return error_errno(err, "open it");
	if (!is_new && plan->clos_id != NULL && schemata_compare(dir_fd, arena, plan, err) < 0)
		return -1;
	return schemata_write(dir_fd, arena, plan, err);
}

static int monitor_make(struct rdt *rdt, struct arena *arena, const char *id, int journal_fd,
			struct error *err)
{
	const char *path = arena_printf(arena, "%s/mon_groups/%s", rdt->group, id);
	int made = group_make(path, "rdt-monitor", arena, journal_fd, err);

	if (made == 0)
		return error_number(err, EEXIST, "make mon_groups/%s", id);
	if (made < 0)
		return error_wrap(err, "mon_groups/%s", id);
	rdt->monitor = path;
	return 0;
}

static const char *group_path(struct arena *arena, const char *root,
			      const struct intel_rdt_plan *plan, const char *id)
{
	if (plan->clos_id == NULL)
		return arena_printf(arena, "%s/%s", root, id);
	if (strcmp(plan->clos_id, "/") == 0)
		return root;
	return arena_printf(arena, "%s/%s", root, plan->clos_id);
}

int rdt_create(struct rdt *ret, struct arena *arena, const struct intel_rdt_plan *plan,
	       const char *id, int journal_fd, struct error *err)
{
	const char *root = rdt_root(arena, err);
	struct rdt rdt = { 0 };
	struct stat st;
	int made;

	if (root == NULL)
		return -1;
	rdt.group = group_path(arena, root, plan, id);
	if (plan->clos_id != NULL && !plan->has_schema && lstat(rdt.group, &st) < 0) {
		error_errno(err, "intelRdt: group %s", rdt.group);
		return error_hint(err, "without schemata closID must name one that exists");
	}
	made = group_make(rdt.group, plan->clos_id == NULL ? "rdt-group" : NULL, arena, journal_fd,
			  err);
	if (made < 0)
		return add_status(rdt.group, err);
	rdt.own = made == 1 && plan->clos_id == NULL;
	if (group_fill(&rdt, arena, plan, made == 1, err) == 0 &&
	    (!plan->enable_monitoring || monitor_make(&rdt, arena, id, journal_fd, err) == 0)) {
		*ret = rdt;
		return 0;
	}
	add_status(rdt.group, err);
	if (made == 1)
		rmdir(rdt.group);
	return -1;
}

static int task_add(const char *group, const char *pid, struct error *err)
{
	_cleanup_fd int dir_fd = group_open(group);

	if (dir_fd < 0)
		error_errno(err, "open it");
	if (dir_fd < 0 || file_write(dir_fd, "tasks", pid, err) < 0)
		return add_status(group, err);
	return 0;
}

int rdt_join(const struct rdt *rdt, pid_t pid, struct error *err)
{
	char digits[16];

	if (rdt == NULL || rdt->group == NULL)
		return 0;
	snprintf(digits, sizeof(digits), "%d", (int)pid);
	if (task_add(rdt->group, digits, err) < 0)
		return -1;
	return rdt->monitor != NULL ? task_add(rdt->monitor, digits, err) : 0;
}

int rdt_update(const struct rdt *rdt, const char *l3, const char *bandwidth, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	const char *lines[2];
	struct intel_rdt_plan plan = { .schemata = { lines, 0 } };
	_cleanup_fd int dir_fd = -EBADF;

	if (rdt->group == NULL)
		return error_set(err, "it has no intelRdt in its configuration");
	if (l3 != NULL)
		lines[plan.schemata.count++] = l3;
	if (bandwidth != NULL)
		lines[plan.schemata.count++] = bandwidth;
	dir_fd = group_open(rdt->group);
	if (dir_fd < 0)
		error_errno(err, "open it");
	if (dir_fd < 0 || schemata_write(dir_fd, &arena, &plan, err) < 0)
		return add_status(rdt->group, err);
	return 0;
}

static int group_remove(const char *path, struct error *err)
{
	_cleanup_fd int fd = group_open(path);

	/* ENODEV: resctrl was unmounted, and all groups went with it. */
	if ((fd < 0 && errno == ENODEV) || rmdir(path) == 0 || errno == ENOENT)
		return 0;
	return error_errno(err, "intelRdt: remove group %s", path);
}

int rdt_remove(const struct rdt *rdt, struct error *err)
{
	if (rdt->monitor != NULL && group_remove(rdt->monitor, err) < 0)
		return -1;
	return rdt->group != NULL && rdt->own ? group_remove(rdt->group, err) : 0;
}
