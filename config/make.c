/* SPDX-License-Identifier: Apache-2.0 */
#include "config/make.h"

#include <string.h>

#include "config/init_option.h"
#include "config/make_linux.h"
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

/* The host's own, with the rights that its user has there. */
static int write_device_mounts(struct json_writer *w, const struct make_options *options,
			       struct error *err)
{
	static const char *const bind[] = { "bind", "nosuid", "noexec" };

	LIST_EACH(text, options->devices) {
		struct made_mount mount = { .type = "bind" };
		struct made_device device;

		if (device_parse(w->text.arena, *text, &device, err) < 0)
			return -1;
		mount.source = device.source;
		mount.destination = device.path;
		mount.options.items = (const char **)(uintptr_t)bind;
		mount.options.count = ARRAY_SIZE(bind);
		write_made_mount(w, &mount);
	}
	return 0;
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

		if (options->rootless && !make_has_network(options) &&
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
	if (options->rootless && write_device_mounts(w, options, err) < 0)
		return -1;
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
	if (write_pairs(w, "annotation", &options->annotations, err) < 0)
		return -1;
	json_write_end(w);
	return 0;
}

const char *config_make(struct arena *arena, const struct make_options *options,
			struct error *err)
{
	struct json_writer w = { .text = { .arena = arena }, .indent = "\t" };

	json_write_object(&w, NULL);
	json_write_string(&w, "ociVersion", SPEC_VERSION);
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
