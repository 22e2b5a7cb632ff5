/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/list.h"
#include "base/sys.h"
#include "config/section.h"

/* The object "linux".  Source: OCI runtime spec 1.3, config-linux.md. */

/* --- small objects of linux ---------------------------------------------------------- */

static int decode_propagation(struct decoder *d, const struct json *v, void *out)
{
	uint64_t flags;

	/* Go programs send "" for "none". */
	if (v->type == JSON_STRING && *v->text == '\0')
		return 0;
	if (decode_name(d, v, propagation_names,
			"\"private\", \"slave\", \"shared\" or \"unbindable\"", &flags) < 0)
		return -1;
	*(unsigned long *)out = (unsigned long)flags;
	return 0;
}

static int decode_domain(struct decoder *d, const struct json *v, void *out)
{
	struct opt_u64 *personality = out;

	personality->set = true;
	return decode_name(d, v, personality_names, "\"LINUX\" or \"LINUX32\"",
			   &personality->value);
}

static int decode_no_flags(struct decoder *d, const struct json *v, void *out _unused)
{
	if (want_type(d, v, JSON_ARRAY) < 0)
		return -1;
	return v->count == 0 ? 0 : bad_value(d, v, "must be empty: the spec has no such flags");
}

static const struct field personality_fields[] = {
	FIELD("domain", decode_domain, struct plan, personality, FIELD_REQUIRED),
	{ "flags", decode_no_flags, 0 },
	{ NULL },
};

static int decode_policy_mode(struct decoder *d, const struct json *v, void *out)
{
	struct memory_policy_plan *policy = out;
	uint64_t mode;

	if (decode_name(d, v, memory_policy_names, "a memory policy", &mode) < 0)
		return -1;
	policy->mode |= (int)mode;
	return 0;
}

static int decode_policy_flags(struct decoder *d, const struct json *v, void *out)
{
	struct memory_policy_plan *policy = out;
	uint64_t flag;

	if (want_type(d, v, JSON_ARRAY) < 0)
		return -1;
	JSON_EACH(item, v) {
		if (decode_name(d, item, memory_policy_flag_names, "a flag of a memory policy",
				&flag) < 0)
			return -1;
		policy->mode |= (int)flag;
	}
	return 0;
}

static const struct field memory_policy_fields[] = {
	{ "mode", decode_policy_mode, 0, FIELD_REQUIRED },
	{ "flags", decode_policy_flags, 0 },
	FIELD("nodes", decode_number_list, struct memory_policy_plan, nodes),
	{ NULL },
};

static int decode_memory_policy(struct decoder *d, const struct json *v, void *out)
{
	((struct memory_policy_plan *)out)->set = true;
	return decode_object(d, v, memory_policy_fields, out);
}

/* --- intelRdt -------------------------------------------------------------------------- */

struct rdt {
	struct intel_rdt_plan plan;
	const char *l3, *bandwidth;
	word_list schemata;
};

static int decode_line(struct decoder *d, const struct json *v, void *out)
{
	if (decode_string(d, v, out) < 0)
		return -1;
	return strchr(v->text, '\n') == NULL ? 0 : bad_value(d, v, "must be one line");
}

static int decode_bandwidth(struct decoder *d, const struct json *v, void *out)
{
	if (decode_line(d, v, out) < 0)
		return -1;
	if (strncmp(v->text, "MB:", 3) != 0)
		return bad_value(d, v, "must begin with \"MB:\", not \"%s\"", v->text);
	return 0;
}

static int decode_clos_id(struct decoder *d, const struct json *v, void *out)
{
	if (decode_text(d, v, out) < 0)
		return -1;
	if (strcmp(v->text, "/") != 0 && (strchr(v->text, '/') != NULL ||
					  strcmp(v->text, ".") == 0 || strcmp(v->text, "..") == 0))
		return bad_value(d, v, "must be the name of a directory or \"/\", not \"%s\"",
				 v->text);
	return 0;
}

static const struct field rdt_fields[] = {
	FIELD("closID", decode_clos_id, struct rdt, plan.clos_id),
	FIELD("l3CacheSchema", decode_line, struct rdt, l3),
	FIELD("memBwSchema", decode_bandwidth, struct rdt, bandwidth),
	FIELD_LIST("schemata", decode_line, struct rdt, schemata),
	FIELD_BOOL("enableMonitoring", struct rdt, plan.enable_monitoring),
	FIELD_IGNORE("enableCMT"),	/* until 1.2, and by no runtime */
	FIELD_IGNORE("enableMBM"),
	{ NULL },
};

static void add_line(struct decoder *d, struct intel_rdt_plan *plan, const char *line)
{
	if (line != NULL && *line != '\0')
		LIST_ADD(d->arena, &plan->schemata, line);
}

static int decode_intel_rdt(struct decoder *d, const struct json *v, void *out)
{
	struct intel_rdt_plan *plan = out;
	struct rdt rdt = { 0 };

	if (decode_object(d, v, rdt_fields, &rdt) < 0)
		return -1;
	*plan = rdt.plan;
	plan->set = true;
	/* The spec's order: L3, bandwidth, the rest. */
	add_line(d, plan, rdt.l3);
	add_line(d, plan, rdt.bandwidth);
	plan->fixed_schemata = plan->schemata.count;
	LIST_EACH(line, rdt.schemata)
		add_line(d, plan, *line);
	plan->has_schema = plan->schemata.count > 0;
	return 0;
}

/* --- sysctl ------------------------------------------------------------------------------ */

/* sysctl(8): whichever of "." and "/" comes first separates; the other one stands for itself. */
static const char *sysctl_name(struct arena *arena, const char *name)
{
	char *dotted;

	if (name[strcspn(name, "./")] != '/')
		return name;
	dotted = arena_strdup(arena, name);
	for (char *at = dotted; *at != '\0'; at++)
		*at = *at == '/' ? '.' : *at == '.' ? '/' : *at;
	return dotted;
}

static int decode_sysctls(struct decoder *d, const struct json *v, void *out)
{
	LIST(struct sysctl_plan) *list = out;

	if (decode_string_map(d, v, out) < 0)
		return -1;
	LIST_EACH(sysctl, *list)
		sysctl->name = sysctl_name(d->arena, sysctl->name);
	return 0;
}

/* --- the table ------------------------------------------------------------------- */

static const struct field linux_fields[] = {
	FIELD("namespaces", decode_namespaces, struct plan, namespaces),
	FIELD("uidMappings", decode_id_maps, struct plan, uid_maps),
	FIELD("gidMappings", decode_id_maps, struct plan, gid_maps),
	{ "timeOffsets", decode_time_offsets, 0 },
	FIELD("devices", decode_devices, struct plan, devices),
	FIELD("netDevices", decode_net_devices, struct plan, net_devices),
	FIELD("cgroupsPath", decode_text, struct plan, cgroups_path),
	FIELD("resources", decode_resources, struct plan, resources),
	FIELD("sysctl", decode_sysctls, struct plan, sysctls),
	FIELD_LIST("maskedPaths", decode_path, struct plan, masked_paths),
	FIELD_LIST("readonlyPaths", decode_path, struct plan, read_only_paths),
	FIELD("mountLabel", decode_text, struct plan, mount_label),
	FIELD("rootfsPropagation", decode_propagation, struct plan, root_propagation),
	FIELD_OBJECT("personality", personality_fields),
	FIELD("seccomp", decode_seccomp, struct plan, seccomp),
	FIELD("memoryPolicy", decode_memory_policy, struct plan, memory_policy),
	FIELD("intelRdt", decode_intel_rdt, struct plan, intel_rdt),
	{ NULL },
};

int decode_linux(struct decoder *d, const struct json *v, void *out)
{
	return decode_object(d, v, linux_fields, out);
}
