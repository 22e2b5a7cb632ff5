/* SPDX-License-Identifier: Apache-2.0 */
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/annotation.h"
#include "config/init_option.h"
#include "config/landlock.h"
#include "config/resource.h"
#include "config/section.h"

/* The top level of config.json, and loading.  Source: OCI runtime spec 1.3, config.md. */

/* --- version ------------------------------------------------------------------- */

/* "1.3.0", "1.0.0-rc5+dev": *ret_major and *ret_minor. */
static bool version_parse(const char *text, uint64_t *ret_major, uint64_t *ret_minor)
{
	uint64_t *const parts[] = { ret_major, ret_minor, &(uint64_t){ 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!text_take_u64(&text, UINT32_MAX, parts[i]) || (i < 2 && *text++ != '.'))
			return false;
	}
	return *text == '\0' || ((*text == '-' || *text == '+') && text[1] != '\0');
}

static int decode_version(struct decoder *d, const struct json *v, void *out)
{
	uint64_t major, minor;

	if (decode_string(d, v, out) < 0)
		return -1;
	if (!version_parse(v->text, &major, &minor))
		return bad_value(d, v, "must be a version as \"" SPEC_VERSION "\", not \"%s\"",
				 v->text);
	if (major != 1)
		return bad_value(d, v,
				 "is version %s of the OCI runtime spec, but kist follows 1.x "
				 "(up to " SPEC_VERSION ")",
				 v->text);
	if (minor > 3)
		note_value(d, SEVERITY_NOTE, v,
			   "is newer than " SPEC_VERSION ", which kist follows: what is "
			   "new in %s is ignored",
			   v->text);
	return 0;
}

/* --- tables --------------------------------------------------------------------- */

static int decode_root_path(struct decoder *d, const struct json *v, void *out)
{
	if (decode_string(d, v, out) < 0)
		return -1;
	if (*v->text == '\0')
		return bad_value(d, v, "must be a directory, but is empty");
	if (*v->text != '/')
		*(const char **)out = arena_printf(d->arena, "%s/%s", d->bundle, v->text);
	return 0;
}

static const struct field root_fields[] = {
	FIELD("path", decode_root_path, struct plan, root_path, FIELD_REQUIRED),
	FIELD_BOOL("readonly", struct plan, root_read_only),
	{ NULL },
};

/* utsname(2): 64 bytes each. */
static int decode_host_name(struct decoder *d, const struct json *v, void *out)
{
	if (decode_text(d, v, out) < 0)
		return -1;
	if (strlen(v->text) > 64)
		return bad_value(d, v, "must have 64 bytes at most, not %zu", strlen(v->text));
	return 0;
}

static int decode_the_process(struct decoder *d, const struct json *v, void *out)
{
	struct plan *plan = out;

	plan->has_process = true;
	return decode_process(d, v, &plan->process);
}

static const struct field top_fields[] = {
	FIELD("ociVersion", decode_version, struct plan, oci_version, FIELD_REQUIRED),
	FIELD_OBJECT("root", root_fields, FIELD_REQUIRED),
	{ "process", decode_the_process, 0 },
	FIELD("hostname", decode_host_name, struct plan, hostname),
	FIELD("domainname", decode_host_name, struct plan, domainname),
	FIELD_LIST("mounts", decode_mount, struct plan, mounts),
	FIELD("hooks", decode_hooks, struct plan, hooks),
	FIELD("annotations", decode_string_map, struct plan, annotations),
	{ "linux", decode_linux, 0 }, /* into the whole plan */
	FIELD_IGNORE("freebsd"),
	FIELD_IGNORE("solaris"),
	FIELD_IGNORE("vm"),
	FIELD_IGNORE("windows"),
	FIELD_IGNORE("zos"),
	{ NULL },
};

/* --- loading -------------------------------------------------------------------------------- */

/* A bind there is none: what it shows can be said with root.path. */
static const struct mount_plan *root_mount(const struct plan *plan)
{
	const struct mount_plan *first = plan->mounts.items;

	if (plan->mounts.count == 0 ||
	    first->destination[strspn(first->destination, "/")] != '\0' ||
	    (first->flags & (MOUNT_BIND | MOUNT_REMOUNT)))
		return NULL;
	return first;
}

static void plan_finish(struct plan *plan)
{
	plan->root_mount = root_mount(plan);
	for (const struct name *row = namespace_names; row->name != NULL; row++) {
		const struct namespace_plan *ns = &plan->namespaces[row->value];

		if (ns->listed && ns->path == NULL)
			plan->clone_flags |= (uint64_t)namespaces[row->value].flag;
	}
}

static int plan_decode(struct decoder *d, struct plan *plan)
{
	d->root = json_parse(d->arena, &d->source, d->err);
	if (d->root == NULL)
		return -1;
	plan->bundle = d->bundle;
	plan->config_file = d->source.name;
	devices_add_default(d->arena, &plan->devices);
	if (decode_object(d, d->root, top_fields, plan) < 0 && !d->collect)
		return -1;
	annotations_check(d);
	id_maps_default(d->arena, plan);
	if (check_plan(d, plan) < 0 || d->failed)
		return -1;
	resources_default(d->arena, &plan->resources);
	plan_finish(plan);
	if (init_plan_make(d, plan) < 0 || landlock_plan_make(d, plan) < 0)
		return -1;
	plan->warnings = d->warnings;
	return 0;
}

const struct plan *plan_parse(struct arena *arena, const char *bundle, const char *name,
			      const char *json, size_t size, struct error *err)
{
	struct decoder d = {
		.arena = arena,
		.bundle = bundle,
		.source = { name, json, size },
		.err = err,
	};
	struct plan *plan = ARENA_NEW(arena, struct plan);

	return plan_decode(&d, plan) == 0 ? plan : NULL;
}

int config_text_read(struct arena *arena, const char *bundle, const char *file,
		     struct config_text *ret, struct error *err)
{
	_cleanup_fd int dir_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *name = file != NULL ? file : "config.json";
	/* A fifo in a bundle waits for nobody; who names a file may name the pipe of a "<(...)". */
	int base_fd = file != NULL ? AT_FDCWD : dir_fd, flags = file != NULL ? 0 : O_NONBLOCK;
	char absolute[PATH_MAX];

	if (dir_fd < 0 || realpath(bundle, absolute) == NULL) {
		error_errno(err, "open bundle %s", bundle);
		if (err->code == ENOTDIR)
			error_hint(err, "a bundle is a directory; --config names a file");
		return -1;
	}
	*ret = (struct config_text){ .bundle = arena_strdup(arena, absolute), .name = name };
	if (file_read_flags(base_fd, name, flags, JSON_MAX_SIZE, arena, &ret->text, &ret->size,
			    err) == 0)
		return 0;
	if (file != NULL)
		return -1;
	error_wrap(err, "bundle %s", bundle);
	if (err->code == ENOENT)
		error_hint(err, "make one with \"kist spec\", or name the bundle with --bundle");
	return -1;
}

int plan_diagnose(struct arena *arena, const char *bundle, const char *file, struct diagnosis *ret,
		  const struct plan **ret_plan, struct error *err)
{
	struct decoder d = { .arena = arena, .err = err, .collect = true };
	struct plan *plan = ARENA_NEW(arena, struct plan);
	struct config_text config;
	int result;

	if (config_text_read(arena, bundle, file, &config, err) < 0)
		return -1;
	d.bundle = config.bundle;
	d.source = (struct json_source){ config.name, config.text, config.size };
	result = plan_decode(&d, plan);
	if (d.root == NULL)
		return -1;
	*ret = d.diagnosis;
	ret->source = d.source;
	ret->root = d.root;
	*ret_plan = result == 0 ? plan : NULL;
	return 0;
}

const struct process_plan *process_load(struct arena *arena, const char *file, struct error *err)
{
	struct decoder d = { .arena = arena, .err = err, .bundle = "/" };
	struct process_plan *process = ARENA_NEW(arena, struct process_plan);
	char *text;

	if (file_read(AT_FDCWD, file, JSON_MAX_SIZE, arena, &text, &d.source.size, err) < 0)
		return NULL;
	d.source.name = file;
	d.source.text = text;
	d.root = json_parse(arena, &d.source, err);
	if (d.root == NULL)
		return NULL;
	if (decode_process(&d, d.root, process) < 0) {
		if (d.root->type == JSON_OBJECT && json_member(d.root, "process") != NULL)
			error_hint(err, "of a config.json it is what stands in /process");
		return NULL;
	}
	LIST_EACH(warning, d.warnings)
		warn("%s", *warning);
	return process;
}
