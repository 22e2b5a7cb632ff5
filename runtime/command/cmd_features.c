/* SPDX-License-Identifier: Apache-2.0 */
#include <seccomp.h>
#include <string.h>

#include "base/list.h"
#include "config/json_write.h"
#include "config/landlock.h"
#include "config/mount_option.h"
#include "config/names.h"
#include "config/seccomp_profile.h"
#include "runtime/command/command.h"

/*
 * runtime-spec's features.md, from the tables that the loader uses.  Some
 * callers read stdout and stderr mixed, so nothing may be said here.
 */

/* Sorted by name, as Go's encoders and people have it; each name once. */
static void write_sorted(struct json_writer *w, const char *key, const word_list *names)
{
	words_sort(names->items, names->count);
	json_write_strings(w, key, names->items, names->count);
}

static void write_names(struct json_writer *w, const char *key, const struct name *table)
{
	word_list names = { 0 };

	for (const struct name *row = table; row->name != NULL; row++)
		LIST_ADD(w->text.arena, &names, row->name);
	write_sorted(w, key, &names);
}

static void write_mount_options(struct json_writer *w)
{
	word_list names = { 0 };

	for (const struct mount_option *option = mount_options; option->name != NULL; option++)
		LIST_ADD(w->text.arena, &names, option->name);
	write_sorted(w, "mountOptions", &names);
}

static void write_enabled(struct json_writer *w, const char *key)
{
	json_write_object(w, key);
	json_write_bool(w, "enabled", true);
	json_write_end(w);
}

static void write_cgroup(struct json_writer *w)
{
	static const char *const yes[] = { "v1", "v2", "systemd", "systemdUser", "rdma" };

	json_write_object(w, "cgroup");
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		json_write_bool(w, yes[i], true);
	json_write_end(w);
}

static void write_seccomp(struct json_writer *w)
{
	json_write_object(w, "seccomp");
	json_write_bool(w, "enabled", true);
	write_names(w, "actions", seccomp_action_names);
	write_names(w, "operators", seccomp_operator_names);
	write_names(w, "archs", architecture_names);
	write_names(w, "knownFlags", seccomp_flag_names);
	write_names(w, "supportedFlags", seccomp_flag_names);
	json_write_end(w);
}

static void write_linux(struct json_writer *w)
{
	json_write_object(w, "linux");
	write_names(w, "namespaces", namespace_names);
	write_names(w, "capabilities", capability_names);
	write_cgroup(w);
	write_seccomp(w);
	write_enabled(w, "apparmor");
	write_enabled(w, "selinux");
	json_write_object(w, "intelRdt");
	json_write_bool(w, "enabled", true);
	json_write_bool(w, "schemata", true);
	json_write_bool(w, "monitoring", true);
	json_write_end(w);
	json_write_object(w, "memoryPolicy");
	write_names(w, "modes", memory_policy_names);
	write_names(w, "flags", memory_policy_flag_names);
	json_write_end(w);
	json_write_object(w, "mountExtensions");
	write_enabled(w, "idmap");
	json_write_end(w);
	write_enabled(w, "netDevices");
	json_write_end(w);
}

static void write_annotations(struct json_writer *w)
{
	json_write_object(w, "annotations");
	json_write_string(w, "org.kist.version", KIST_VERSION);
	/* The spec's own example; crun says it by runc's name, too. */
	json_write_string(w, "org.opencontainers.runc.checkpoint.enabled", "true");
	json_write_string(w, LANDLOCK_ANNOTATION, "process.landlock as in runtime-spec#1241");
	json_write_string(w, "io.github.seccomp.libseccomp.version",
			  arena_printf(w->text.arena, "%d.%d.%d", SCMP_VER_MAJOR, SCMP_VER_MINOR,
				       SCMP_VER_MICRO));
	json_write_end(w);
}

/* What a caller who passes on annotations of others should think about; "." at the end: all. */
static void write_unsafe(struct json_writer *w)
{
	static const char *names[] = {
		"org.criu.config", "org.kist.", "org.systemd.property.",
		"run.oci.keep_original_groups",
	};

	json_write_strings(w, "potentiallyUnsafeConfigAnnotations", names, ARRAY_SIZE(names));
}

static int run(struct cli *cli, const void *values _unused, struct error *err _unused)
{
	struct json_writer w = { .text = { .arena = cli->arena }, .indent = "    " };

	json_write_object(&w, NULL);
	json_write_string(&w, "ociVersionMin", "1.0.0");
	json_write_string(&w, "ociVersionMax", SPEC_VERSION);
	write_names(&w, "hooks", hook_names);
	write_mount_options(&w);
	write_linux(&w);
	write_annotations(&w);
	write_unsafe(&w);
	json_write_end(&w);
	text_add(&cli->out, w.text.data);
	if (w.text.data[w.text.size - 1] != '\n')
		text_add(&cli->out, "\n");
	return 0;
}

const struct command command_features = {
	.name = "features", .arguments = "", .summary = "show what kist supports, as JSON",
	.min = 0, .max = 0, .stop_after = -1, .run = run,
};
