/* SPDX-License-Identifier: Apache-2.0 */
#include "config/make.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "config/init_option.h"
#include "config/make_process.h"
#include "config/make_value.h"

/* --- mounts ---------------------------------------------------------------------- */

struct default_mount {
	const char *destination, *type, *source;
	const char *options[7];
	const char *root_option;	/* one more where all ids are there */
};

static const struct default_mount default_mounts[] = {
	{ "/proc", "proc", "proc", { NULL }, NULL },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" }, NULL },
	{ "/dev/pts", "devpts", "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" }, "gid=5" },
	{ "/dev/shm", "tmpfs", "shm",
	  { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" }, NULL },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" }, NULL },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" }, NULL },
	{ "/sys/fs/cgroup", "cgroup", "cgroup",
	  { "nosuid", "noexec", "nodev", "relatime", "ro" }, NULL },
};

/* The kernel lets a user namespace mount sysfs only together with a network namespace. */
static const struct default_mount bound_sys = {
	"/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" }, NULL
};

static bool has_network(const struct make_options *options)
{
	if (options->net == MAKE_NET_DEFAULT)
		return !options->rootless;
	return options->net != MAKE_NET_HOST;
}

static void write_default_mount(struct json_writer *w, const struct default_mount *mount,
				bool rootless)
{
	const char *list[ARRAY_SIZE(mount->options) + 1];
	size_t count = 0;

	while (count < ARRAY_SIZE(mount->options) && mount->options[count] != NULL) {
		list[count] = mount->options[count];
		count++;
	}
	if (mount->root_option != NULL && !rootless)
		list[count++] = mount->root_option;
	json_write_object(w, NULL);
	json_write_string(w, "destination", mount->destination);
	json_write_string(w, "type", mount->type);
	json_write_string(w, "source", mount->source);
	json_write_strings(w, "options", list, count);
	json_write_end(w);
}

static void write_made_mount(struct json_writer *w, const struct made_mount *mount)
{
	json_write_object(w, NULL);
	json_write_string(w, "destination", mount->destination);
	json_write_string(w, "type", mount->type);
	if (mount->source != NULL)
		json_write_string(w, "source", mount->source);
	json_write_strings(w, "options", mount->options.items, mount->options.count);
	json_write_end(w);
}

static int write_mounts(struct json_writer *w, const struct make_options *options,
			struct error *err)
{
	struct arena *arena = w->text.arena;
	struct made_mount mount;

	json_write_array(w, "mounts");
	if (options->root_type != NULL)
		write_made_mount(w, &(struct made_mount){ "/", options->root_type,
				 options->root_source, options->root_options });
	for (size_t i = 0; i < ARRAY_SIZE(default_mounts); i++) {
		const struct default_mount *row = &default_mounts[i];

		if (options->rootless && !has_network(options) &&
		    strcmp(row->destination, bound_sys.destination) == 0)
			row = &bound_sys;
		write_default_mount(w, row, options->rootless);
	}
	LIST_EACH(text, options->tmpfs) {
		if (tmpfs_parse(arena, *text, &mount, err) < 0)
			return -1;
		write_made_mount(w, &mount);
	}
	LIST_EACH(text, options->mounts) {
		if (mount_parse(arena, *text, &mount, err) < 0)
			return -1;
		write_made_mount(w, &mount);
	}
	json_write_end(w);
	return 0;
}

/* --- linux ----------------------------------------------------------------------- */

static const char *const masked_paths[] = {
	"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
};

static const char *const read_only_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static void write_maps(struct json_writer *w, const char *key, const id_map_list *maps,
		       uint32_t own)
{
	struct id_map self = { 0, own, 1 };
	id_map_list all = *maps;

	if (all.count == 0)
		all = (id_map_list){ &self, 1 };
	json_write_array(w, key);
	LIST_EACH(map, all) {
		json_write_object(w, NULL);
		json_write_u64(w, "containerID", map->container);
		json_write_u64(w, "hostID", map->host);
		json_write_u64(w, "size", map->size);
		json_write_end(w);
	}
	json_write_end(w);
}

static int write_limits(struct json_writer *w, const struct make_options *options,
			struct error *err)
{
	int64_t memory, pids;
	uint64_t quota;

	if (options->memory != NULL) {
		if (!size_parse(options->memory, &memory))
			return error_set(err, "--memory %s: must be a size as 512M or 2G",
					 options->memory);
		json_write_object(w, "memory");
		json_write_i64(w, "limit", memory);
		json_write_end(w);
	}
	if (options->cpus != NULL) {
		if (!cpus_parse(options->cpus, CPU_PERIOD, &quota))
			return error_set(err,
					 "--cpus %s: must be a number as 2 or 1.5, from 0.01 on",
					 options->cpus);
		json_write_object(w, "cpu");
		json_write_u64(w, "quota", quota);
		json_write_u64(w, "period", CPU_PERIOD);
		json_write_end(w);
	}
	if (options->pids != NULL) {
		if (!text_to_i64(options->pids, -1, INT64_MAX, &pids))
			return error_set(err, "--pids %s: must be a number, or -1 for no limit",
					 options->pids);
		json_write_object(w, "pids");
		json_write_i64(w, "limit", pids);
		json_write_end(w);
	}
	return 0;
}

static int write_resources(struct json_writer *w, const struct make_options *options,
			   struct error *err)
{
	bool limited = options->memory != NULL || options->cpus != NULL || options->pids != NULL;

	if (options->rootless && !limited)
		return 0;
	json_write_object(w, "resources");
	if (!options->rootless) {
		json_write_array(w, "devices");
		json_write_object(w, NULL);
		json_write_bool(w, "allow", false);
		json_write_string(w, "access", "rwm");
		json_write_end(w);
		json_write_end(w);
	}
	if (write_limits(w, options, err) < 0)
		return -1;
	json_write_end(w);
	return 0;
}

static void write_namespace(struct json_writer *w, const char *type)
{
	json_write_object(w, NULL);
	json_write_string(w, "type", type);
	json_write_end(w);
}

static int write_linux(struct json_writer *w, const struct make_options *options,
		       struct error *err)
{
	json_write_object(w, "linux");
	if (options->rootless) {
		write_maps(w, "uidMappings", &options->uid_maps, geteuid());
		write_maps(w, "gidMappings", &options->gid_maps, getegid());
	}
	if (write_resources(w, options, err) < 0)
		return -1;
	json_write_array(w, "namespaces");
	write_namespace(w, "pid");
	if (has_network(options))
		write_namespace(w, "network");
	write_namespace(w, "ipc");
	write_namespace(w, "uts");
	write_namespace(w, "mount");
	if (options->cgroup_namespace)
		write_namespace(w, "cgroup");
	if (options->rootless)
		write_namespace(w, "user");
	json_write_end(w);
	json_write_strings(w, "maskedPaths", masked_paths, ARRAY_SIZE(masked_paths));
	json_write_strings(w, "readonlyPaths", read_only_paths, ARRAY_SIZE(read_only_paths));
	json_write_end(w);
	return 0;
}

static void write_hooks(struct json_writer *w, const struct make_options *options)
{
	if (options->poststop.count == 0)
		return;
	json_write_object(w, "hooks");
	json_write_array(w, "poststop");
	json_write_object(w, NULL);
	json_write_string(w, "path", options->poststop.items[0]);
	json_write_strings(w, "args", options->poststop.items, options->poststop.count);
	json_write_strings(w, "env", options->poststop_env.items, options->poststop_env.count);
	json_write_end(w);
	json_write_end(w);
	json_write_end(w);
}

/* --- the whole ------------------------------------------------------------------- */

static int write_annotations(struct json_writer *w, const struct make_options *options,
			     struct error *err)
{
	if (options->init == NULL && options->annotations.count == 0)
		return 0;
	json_write_object(w, "annotations");
	if (options->init != NULL)
		json_write_string(w, INIT_ANNOTATION, options->init);
	LIST_EACH(pair, options->annotations) {
		size_t length = strcspn(*pair, "=");

		if (length == 0 || (*pair)[length] == '\0')
			return error_set(err, "--annotation %s: must be KEY=VALUE", *pair);
		json_write_string(w, arena_strndup(w->text.arena, *pair, length),
				  *pair + length + 1);
	}
	json_write_end(w);
	return 0;
}

const char *config_make(struct arena *arena, const struct make_options *options,
			struct error *err)
{
	struct json_writer w = { .text = { .arena = arena }, .indent = "\t" };

	json_write_object(&w, NULL);
	json_write_string(&w, "ociVersion", "1.3.0");
	if (write_process(&w, options, err) < 0)
		return NULL;
	json_write_object(&w, "root");
	json_write_string(&w, "path", options->rootfs != NULL ? options->rootfs : "rootfs");
	json_write_bool(&w, "readonly", options->read_only);
	json_write_end(&w);
	json_write_string(&w, "hostname", options->hostname != NULL ? options->hostname : "kist");
	if (options->domainname != NULL)
		json_write_string(&w, "domainname", options->domainname);
	write_hooks(&w, options);
	if (write_mounts(&w, options, err) < 0 || write_annotations(&w, options, err) < 0 ||
	    write_linux(&w, options, err) < 0)
		return NULL;
	json_write_end(&w);
	return w.text.data;
}
