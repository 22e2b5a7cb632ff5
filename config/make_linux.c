/* SPDX-License-Identifier: Apache-2.0 */
#include "config/make_linux.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/text.h"
#include "config/make_value.h"

int write_pairs(struct json_writer *w, const char *flag, const word_list *pairs, struct error *err)
{
	LIST_EACH(pair, *pairs) {
		size_t length = strcspn(*pair, "=");

		if (length == 0 || (*pair)[length] == '\0')
			return error_set(err, "--%s %s: must be KEY=VALUE", flag, *pair);
		json_write_string(w, arena_strndup(w->text.arena, *pair, length),
				  *pair + length + 1);
	}
	return 0;
}

bool make_has_network(const struct make_options *options)
{
	if (options->net == MAKE_NET_DEFAULT)
		return !options->rootless;
	return options->net != MAKE_NET_HOST;
}

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

/* --- devices ---------------------------------------------------- */

typedef LIST(struct made_device) made_device_list;

static int parse_devices(struct arena *arena, const struct make_options *options,
			 made_device_list *ret, struct error *err)
{
	LIST_EACH(text, options->devices) {
		struct made_device device;

		if (device_parse(arena, *text, &device, err) < 0)
			return -1;
		LIST_ADD(arena, ret, device);
	}
	return 0;
}

static void write_device_id(struct json_writer *w, const struct made_device *device)
{
	json_write_string(w, "type", S_ISBLK(device->mode) ? "b" : "c");
	json_write_u64(w, "major", device->major);
	json_write_u64(w, "minor", device->minor);
}

static void write_devices(struct json_writer *w, const made_device_list *devices)
{
	if (devices->count == 0)
		return;
	json_write_array(w, "devices");
	LIST_EACH(device, *devices) {
		json_write_object(w, NULL);
		json_write_string(w, "path", device->path);
		write_device_id(w, device);
		json_write_u64(w, "fileMode", device->mode & 0777);
		json_write_u64(w, "uid", device->uid);
		json_write_u64(w, "gid", device->gid);
		json_write_end(w);
	}
	json_write_end(w);
}

/* All are denied but those that were named, and what the runtime itself adds. */
static void write_rules(struct json_writer *w, const made_device_list *devices)
{
	json_write_array(w, "devices");
	json_write_object(w, NULL);
	json_write_bool(w, "allow", false);
	json_write_string(w, "access", "rwm");
	json_write_end(w);
	LIST_EACH(device, *devices) {
		json_write_object(w, NULL);
		json_write_bool(w, "allow", true);
		write_device_id(w, device);
		json_write_string(w, "access", device->access);
		json_write_end(w);
	}
	json_write_end(w);
}

static int write_resources(struct json_writer *w, const struct make_options *options,
			   const made_device_list *devices, struct error *err)
{
	bool limited = options->memory != NULL || options->cpus != NULL || options->pids != NULL;

	if (options->rootless && !limited)
		return 0;
	json_write_object(w, "resources");
	if (!options->rootless)
		write_rules(w, devices);
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

int write_linux(struct json_writer *w, const struct make_options *options, struct error *err)
{
	made_device_list devices = { 0 };

	/* Of an ordinary user they are mounts: nobody makes devices in a user namespace. */
	if (!options->rootless && parse_devices(w->text.arena, options, &devices, err) < 0)
		return -1;
	json_write_object(w, "linux");
	if (options->rootless) {
		write_maps(w, "uidMappings", &options->uid_maps, geteuid());
		write_maps(w, "gidMappings", &options->gid_maps, getegid());
	}
	write_devices(w, &devices);
	if (options->sysctls.count > 0) {
		json_write_object(w, "sysctl");
		if (write_pairs(w, "sysctl", &options->sysctls, err) < 0)
			return -1;
		json_write_end(w);
	}
	if (write_resources(w, options, &devices, err) < 0)
		return -1;
	json_write_array(w, "namespaces");
	write_namespace(w, "pid");
	if (make_has_network(options))
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
