/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sys.h"
#include "runtime/cgroup/internal.h"
#include "runtime/cgroup/unit.h"

#define SYSTEMD		"org.freedesktop.systemd1", "/org/freedesktop/systemd1", \
			"org.freedesktop.systemd1.Manager"

/* --- jobs -------------------------------------------------------------------------- */

/* Of the own user's manager, unless the host's cgroups are ours to change. */
static bool is_user(const struct cgroup *cgroup)
{
	return !cgroup_privileged(cgroup->host);
}

/*
 * JobRemoved comes to those who asked for signals, and only while somebody did.  Returns the serial
 * of a call that systemd answers before it takes the next.
 */
static uint32_t jobs_watch(struct dbus *bus)
{
	static const struct dbus_call add_match = {
		"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
		"AddMatch", "s",
	};
	static const struct dbus_call subscribe = { SYSTEMD, "Subscribe", NULL };
	struct text body = { .arena = bus->arena };

	dbus_add_string(&body, "type='signal',sender='org.freedesktop.systemd1',"
			       "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'");
	dbus_send(bus, &add_match, &body);
	return dbus_send(bus, &subscribe, NULL);
}

/* "done", "failed", ... of the job, when the message is the signal of its end; else NULL. */
static const char *job_result(const struct dbus_message *message, const char *manager,
			      const char *unit, const char **ret_job)
{
	struct dbus_reader body = message->body;
	const char *name, *result;

	if (message->type != DBUS_SIGNAL || strcmp(message->member, "JobRemoved") != 0 ||
	    strcmp(message->signature, "uoss") != 0 || manager == NULL ||
	    strcmp(message->sender, manager) != 0)
		return NULL;
	dbus_get_u32(&body);
	*ret_job = dbus_get_string(&body);
	name = dbus_get_string(&body);
	result = dbus_get_string(&body);
	return !body.bad && strcmp(name, unit) == 0 ? result : NULL;
}

/* A call that answers with a job, until that job is done. */
static int job_run(struct dbus *bus, const struct dbus_call *call, const struct text *body,
		   const char *unit, struct error *err)
{
	const char *job = NULL, *ended = NULL, *result = NULL, *manager = NULL;
	uint32_t first = jobs_watch(bus), serial;
	struct error ignored;

	serial = dbus_send(bus, call, body);
	/* The signal may overtake the reply. */
	while (job == NULL || ended == NULL || strcmp(job, ended) != 0) {
		struct dbus_message message;
		const char *of = NULL, *how;

		if (dbus_receive(bus, &message, err) < 0)
			return error_wrap(err, "wait for systemd's job for %s", unit);
		/* Any user may send a signal that looks like the manager's; an answer, nobody. */
		if (dbus_is_reply(&message, first, &ignored) != 0)
			manager = message.sender;
		how = job_result(&message, manager, unit, &of);
		if (how != NULL) {
			ended = of;
			result = how;
		}
		switch (dbus_is_reply(&message, serial, err)) {
		case -1:
			return -1;
		case 1:
			job = dbus_get_string(&message.body);
		}
	}
	if (strcmp(result, "done") == 0)
		return 0;
	error_set(err, "systemd's job for %s: %s", unit, result);
	return error_hint(err, "\"systemctl status %s\" and the journal may tell why", unit);
}

/* --- start, update, stop -------------------------------------------------------------- */

/* systemd has one property for what are two files of v1, as it is one file of v2. */
static void limits_add(struct text *body, const struct cgroup *cgroup,
		       const struct resources_plan *resources, bool newer)
{
	if (cgroup->host == CGROUP_UNIFIED) {
		unit_add_limits(body, &resources->v2, newer);
		return;
	}
	unit_add_limits(body, &resources->v1, newer);
	LIST_EACH(write, resources->v2)
		if (strcmp(write->file, "cpu.max") == 0)
			unit_add_limits(body, &(cgroup_write_list){ write, 1 }, newer);
}

static int scope_properties(struct text *body, const struct cgroup *cgroup, const struct plan *plan,
			    bool newer, struct error *err)
{
	bool slice = cgroup->keeper <= 0;
	size_t mark = dbus_array_begin(body, 8);

	unit_add_string(body, "Description", arena_printf(body->arena, "kist container %s",
							  cgroup->scope));
	if (slice) {
		unit_add_strings(body, "Wants", cgroup->slice);
	} else {
		unit_add_string(body, "Slice", cgroup->slice);
		unit_add_bool(body, "Delegate", true);
		unit_add_pid(body, "PIDs", (uint32_t)cgroup->keeper);
		/* One that ran out of memory leaves a failed unit: forgotten with the rest. */
		if (newer)
			unit_add_string(body, "CollectMode", "inactive-or-failed");
	}
	unit_add_bool(body, "DefaultDependencies", false);
	unit_add_bool(body, "MemoryAccounting", true);
	unit_add_bool(body, "CPUAccounting", true);
	unit_add_bool(body, "TasksAccounting", true);
	unit_add_bool(body, cgroup->host == CGROUP_UNIFIED ? "IOAccounting" : "BlockIOAccounting",
		      true);
	limits_add(body, cgroup, &plan->resources, newer);
	if (unit_add_annotations(body, plan, err) < 0)
		return -1;
	dbus_array_end(body, mark, 8);
	return 0;
}

static int scope_start(struct dbus *bus, const struct cgroup *cgroup, const struct plan *plan,
		       bool newer, struct error *err)
{
	static const struct dbus_call call = { SYSTEMD, "StartTransientUnit", "ssa(sv)a(sa(sv))" };
	struct text body = { .arena = bus->arena };
	size_t mark;

	dbus_add_string(&body, cgroup->scope);
	dbus_add_string(&body, "fail");
	if (scope_properties(&body, cgroup, plan, newer, err) < 0)
		return -1;
	mark = dbus_array_begin(&body, 8);
	dbus_array_end(&body, mark, 8);
	return job_run(bus, &call, &body, cgroup->scope, err);
}

static int unit_call(struct dbus *bus, const char *member, const char *unit, struct error *err)
{
	struct dbus_call call = { SYSTEMD, member, "s" };
	struct text body = { .arena = bus->arena };
	struct dbus_message reply;

	dbus_add_string(&body, unit);
	return dbus_call(bus, &call, &body, &reply, err);
}

/* Once more where there is a reason to: a failed unit of that name, or an old systemd. */
static int scope_start_twice(struct dbus *bus, const struct cgroup *cgroup,
			     const struct plan *plan, struct error *err)
{
	struct error ignored;
	bool newer = true;

	for (int tries = 0; scope_start(bus, cgroup, plan, newer, err) < 0; tries++) {
		if (err->code == EINVAL && newer)
			newer = false;
		else if (err->code != EEXIST || tries > 1 ||
			 unit_call(bus, "ResetFailedUnit", cgroup->scope, &ignored) < 0)
			return error_wrap(err, "start %s", cgroup->scope);
	}
	return 0;
}

/* Where systemd put the keeper: for a user's manager that is not at the root. */
static int keeper_path(struct cgroup *cgroup, struct arena *arena, struct error *err)
{
	const char *file = arena_printf(arena, "/proc/%d/cgroup", (int)cgroup->keeper);
	const char *key = cgroup->host == CGROUP_LEGACY ? ":name=systemd:" : "0::";
	char *text, *line, *end, *path;

	if (file_read(AT_FDCWD, file, 1 << 20, arena, &text, NULL, err) < 0)
		return -1;
	for (line = text; *line != '\0'; line = end + (*end == '\n')) {
		const char *at;

		end = line + strcspn(line, "\n");
		at = key[0] == ':' ? strchr(line, ':') : line;
		if (at == NULL || strncmp(at, key, strlen(key)) != 0)
			continue;
		at += strlen(key);
		path = arena_strndup(arena, at, (size_t)(end - at));
		if (strstr(path, cgroup->scope) == NULL)
			continue;
		cgroup->path = path;
		return 0;
	}
	return error_set(err, "systemd did not put a process into the cgroup of %s", cgroup->scope);
}

/* Property ControlGroup of a slice, which has no process to ask. */
static int slice_path(struct cgroup *cgroup, struct dbus *bus, struct error *err)
{
	struct text object = { .arena = bus->arena }, body = { .arena = bus->arena };
	struct dbus_call call = { "org.freedesktop.systemd1", NULL,
				  "org.freedesktop.DBus.Properties", "Get", "ss" };
	struct dbus_message reply;
	const char *path;

	text_add(&object, "/org/freedesktop/systemd1/unit/");
	for (const char *at = cgroup->scope; *at != '\0'; at++)
		if ((*at >= '0' && *at <= '9' && at > cgroup->scope) ||
		    (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z'))
			text_add_bytes(&object, at, 1);
		else
			text_printf(&object, "_%02x", (unsigned char)*at);
	call.path = object.data;
	dbus_add_string(&body, "org.freedesktop.systemd1.Slice");
	dbus_add_string(&body, "ControlGroup");
	if (dbus_call(bus, &call, &body, &reply, err) < 0)
		return error_wrap(err, "ask systemd for the cgroup of %s", cgroup->scope);
	dbus_get_signature(&reply.body);
	path = dbus_get_string(&reply.body);
	if (reply.body.bad || path[0] != '/')
		return error_set(err, "systemd names no cgroup of %s", cgroup->scope);
	cgroup->path = path;
	return 0;
}

int cgroup_systemd_start(struct cgroup *cgroup, struct arena *arena, const struct plan *plan,
			 struct error *err)
{
	_cleanup_dbus struct dbus bus = DBUS_NONE;
	bool slice = cgroup_is_slice(cgroup->scope);

	if (dbus_open(&bus, arena, is_user(cgroup), err) == 0 &&
	    (slice || cgroup_keeper_start(cgroup, err) == 0) &&
	    scope_start_twice(&bus, cgroup, plan, err) == 0) {
		if (slice)
			return slice_path(cgroup, &bus, err);
		if (keeper_path(cgroup, arena, err) == 0)
			return 0;
	}
	/*
	 * None was made, or one that goes with its keeper; one of that name is somebody else's, and
	 * not to be destroyed.
	 */
	cgroup_keeper_end(cgroup);
	fd_close(&cgroup->keeper_fd);
	cgroup->path = NULL;
	return -1;
}

static int properties_set(struct dbus *bus, const struct cgroup *cgroup,
			  const struct resources_plan *resources, bool newer, struct error *err)
{
	static const struct dbus_call call = { SYSTEMD, "SetUnitProperties", "sba(sv)" };
	struct text body = { .arena = bus->arena };
	struct dbus_message reply;
	size_t mark, empty;

	dbus_add_string(&body, cgroup->scope);
	dbus_add_bool(&body, true);
	mark = dbus_array_begin(&body, 8);
	empty = body.size;
	limits_add(&body, cgroup, resources, newer);
	dbus_array_end(&body, mark, 8);
	return body.size == empty ? 0 : dbus_call(bus, &call, &body, &reply, err);
}

int cgroup_systemd_update(const struct cgroup *cgroup, struct arena *arena,
			  const struct resources_plan *resources, struct error *err)
{
	_cleanup_dbus struct dbus bus = DBUS_NONE;

	if ((cgroup->host == CGROUP_UNIFIED ? &resources->v2 : &resources->v1)->count == 0)
		return 0;
	if (dbus_open(&bus, arena, is_user(cgroup), err) < 0)
		return -1;
	if (properties_set(&bus, cgroup, resources, true, err) == 0 ||
	    (err->code == EINVAL && properties_set(&bus, cgroup, resources, false, err) == 0))
		return 0;
	return error_wrap(err, "set limits of %s", cgroup->scope);
}

int cgroup_systemd_attach(const struct cgroup *cgroup, pid_t pid, struct error *err)
{
	static const struct dbus_call call = { SYSTEMD, "AttachProcessesToUnit", "ssau" };
	_cleanup_arena struct arena arena = { 0 };
	_cleanup_dbus struct dbus bus = DBUS_NONE;
	struct text body = { .arena = &arena };
	struct dbus_message reply;
	size_t mark;

	if (dbus_open(&bus, &arena, is_user(cgroup), err) < 0)
		return -1;
	dbus_add_string(&body, cgroup->scope);
	dbus_add_string(&body, "");
	mark = dbus_array_begin(&body, 4);
	dbus_add_u32(&body, (uint32_t)pid);
	dbus_array_end(&body, mark, 4);
	if (dbus_call(&bus, &call, &body, &reply, err) < 0)
		return error_wrap(err, "put process %d into %s", (int)pid, cgroup->scope);
	return 0;
}

int cgroup_systemd_stop(const struct cgroup *cgroup, struct error *err)
{
	static const struct dbus_call call = { SYSTEMD, "StopUnit", "ss" };
	_cleanup_arena struct arena arena = { 0 };
	_cleanup_dbus struct dbus bus = DBUS_NONE;
	struct text body = { .arena = &arena };

	if (cgroup->scope == NULL)
		return 0;
	if (dbus_open(&bus, &arena, is_user(cgroup), err) < 0)
		return -1;
	dbus_add_string(&body, cgroup->scope);
	dbus_add_string(&body, "replace");
	if (job_run(&bus, &call, &body, cgroup->scope, err) == 0 || err->code == ENOENT)
		return 0;
	return error_wrap(err, "stop %s", cgroup->scope);
}
