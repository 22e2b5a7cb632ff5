/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "config/json.h"
#include "tests/e2e/harness.h"

/* What "features" says is what the loader and the kernel take, and all of the spec is in it. */

static const struct json *features(struct bundle *b)
{
	struct json_source source = { .name = "features" };
	const struct json *object;
	struct output got;
	struct error err;

	e2e_need_kist();
	bundle_call(b, &got, "features", NULL);
	source.text = got.out;
	source.size = strlen(got.out);
	object = json_parse(&e2e_arena, &source, &err);
	cr_assert_not_null(object, "%s", err.text);
	return object;
}

static bool lists(const struct json *list, const char *word)
{
	for (const struct json *item = list->first; item != NULL; item = item->next)
		if (strcmp(item->text, word) == 0)
			return true;
	return false;
}

/* Every word of a list separated by blanks is in it. */
static void expect_words(const struct json *features, const char *pointer, const char *words)
{
	const struct json *list = json_find(features, pointer);
	char *copy = arena_strdup(&e2e_arena, words), *at = copy;

	cr_assert(list != NULL && list->type == JSON_ARRAY, "%s", pointer);
	for (char *word; (word = strsep(&at, " ")) != NULL;)
		cr_expect(lists(list, word), "%s: %s", pointer, word);
}

E2E(features, have_every_word_of_the_spec)
{
	static const struct { const char *pointer, *words; } rows[] = {
		{ "/hooks", "prestart createRuntime createContainer startContainer poststart "
		  "poststop" },
		{ "/mountOptions",
		  "async atime bind defaults dev diratime dirsync exec iversion lazytime loud "
		  "mand noatime nodev nodiratime noexec noiversion nolazytime nomand norelatime "
		  "nostrictatime nosuid nosymfollow private ratime rbind rdev rdiratime relatime "
		  "remount rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime "
		  "rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime "
		  "rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow "
		  "sync tmpcopyup unbindable idmap ridmap copy-symlink src-nofollow "
		  "dest-nofollow" },
		{ "/linux/namespaces", "cgroup ipc mount network pid time user uts" },
		{ "/linux/capabilities", "CAP_CHOWN CAP_SYS_ADMIN CAP_BPF CAP_CHECKPOINT_RESTORE" },
		{ "/linux/seccomp/actions",
		  "SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_KILL_THREAD SCMP_ACT_TRAP "
		  "SCMP_ACT_ERRNO SCMP_ACT_TRACE SCMP_ACT_ALLOW SCMP_ACT_LOG SCMP_ACT_NOTIFY" },
		{ "/linux/seccomp/operators",
		  "SCMP_CMP_NE SCMP_CMP_LT SCMP_CMP_LE SCMP_CMP_EQ SCMP_CMP_GE SCMP_CMP_GT "
		  "SCMP_CMP_MASKED_EQ" },
		{ "/linux/seccomp/archs",
		  "SCMP_ARCH_X86 SCMP_ARCH_X86_64 SCMP_ARCH_X32 SCMP_ARCH_ARM SCMP_ARCH_AARCH64 "
		  "SCMP_ARCH_MIPS SCMP_ARCH_MIPS64 SCMP_ARCH_MIPS64N32 SCMP_ARCH_MIPSEL "
		  "SCMP_ARCH_MIPSEL64 SCMP_ARCH_MIPSEL64N32 SCMP_ARCH_PPC SCMP_ARCH_PPC64 "
		  "SCMP_ARCH_PPC64LE SCMP_ARCH_S390 SCMP_ARCH_S390X SCMP_ARCH_PARISC "
		  "SCMP_ARCH_PARISC64 SCMP_ARCH_RISCV64" },
		{ "/linux/seccomp/knownFlags",
		  "SECCOMP_FILTER_FLAG_TSYNC SECCOMP_FILTER_FLAG_LOG "
		  "SECCOMP_FILTER_FLAG_SPEC_ALLOW SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" },
		{ "/linux/memoryPolicy/modes",
		  "MPOL_DEFAULT MPOL_BIND MPOL_INTERLEAVE MPOL_WEIGHTED_INTERLEAVE MPOL_PREFERRED "
		  "MPOL_PREFERRED_MANY MPOL_LOCAL" },
		{ "/linux/memoryPolicy/flags",
		  "MPOL_F_NUMA_BALANCING MPOL_F_RELATIVE_NODES MPOL_F_STATIC_NODES" },
	};
	struct bundle *b = bundle_new();
	const struct json *said = features(b);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect_words(said, rows[i].pointer, rows[i].words);
	cr_expect_str_eq(json_member(said, "ociVersionMax")->text, "1.3.0");
	cr_expect_not_null(json_find(said, "/linux/netDevices/enabled"));
	cr_expect_not_null(json_find(said, "/linux/mountExtensions/idmap/enabled"));
	cr_expect_not_null(json_find(said, "/linux/cgroup/rdma"));
	cr_expect_str_eq(json_find(said, "/annotations/org.opencontainers.runc.checkpoint.enabled")
				 ->text,
			 "true");
}

/* What a new tmpfs can have; the others are for binds and remounts. */
E2E(features, mount_options_are_taken_by_the_kernel)
{
	struct bundle *b = bundle_new();
	const struct json *list = json_find(features(b), "/mountOptions");
	struct output got;

	e2e_need_root();
	bundle_set(b, "/mounts/-", "{}");	/* the eighth */
	bundle_probe_args(b, "exit", "0", NULL);
	for (const struct json *item = list->first; item != NULL; item = item->next) {
		bool bind = strstr(item->text, "bind") != NULL && item->text[0] != 'u' &&
			    strncmp(item->text, "ru", 2) != 0;
		bool idmap = strstr(item->text, "idmap") != NULL;

		if (strcmp(item->text, "remount") == 0)
			continue;
		bundle_set(b, "/mounts/7",
			   arena_printf(&e2e_arena, "{'destination': '/tmp', 'type': '%s', "
					"'source': '%s', 'options': ['%s'%s]%s}",
					bind || idmap ? "none" : "tmpfs", bind || idmap ? b->dir :
					"tmpfs", item->text, idmap ? ", 'bind'" : "", idmap ?
					", 'uidMappings': [{'containerID': 0, 'hostID': 1, "
					"'size': 9}], 'gidMappings': [{'containerID': 0, "
					"'hostID': 1, 'size': 9}]" :
					""));
		bundle_run(b, &got);
		cr_expect_eq(got.status, 0, "%s: %s", item->text, got.err);
	}
}

/* Each alone in a plan; a word of a table that the decoder does not take would be an error. */
static void expect_planned(struct bundle *b, const struct json *said, const char *list,
			   const char *pointer, const char *format)
{
	struct output got;

	for (const struct json *item = json_find(said, list)->first; item; item = item->next) {
		char value[512];

		snprintf(value, sizeof(value), format, item->text);
		bundle_set(b, pointer, value);
		bundle_call(b, &got, "plan", b->path, NULL);
		cr_expect_eq(got.status, 0, "%s: %s", item->text, got.err);
		cr_expect(strstr(got.err, "warning") == NULL, "%s", got.err);
	}
	bundle_unset(b, pointer);
}

E2E(features, words_are_taken_by_the_loader)
{
	struct bundle *b = bundle_new();
	const struct json *said = features(b);

	expect_planned(b, said, "/linux/capabilities", "/process/capabilities/bounding", "['%s']");
	expect_planned(b, said, "/linux/seccomp/supportedFlags", "/linux/seccomp",
		       "{'defaultAction': 'SCMP_ACT_ALLOW', 'flags': ['%s']}");
	expect_planned(b, said, "/linux/seccomp/actions", "/linux/seccomp",
		       "{'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '/run/no', 'syscalls': "
		       "[{'names': ['mkdir'], 'action': '%s'}]}");
	expect_planned(b, said, "/linux/seccomp/operators", "/linux/seccomp",
		       "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdir'], "
		       "'action': 'SCMP_ACT_ERRNO', 'args': "
		       "[{'index': 1, 'value': 4, 'op': '%s'}]}]}");
	expect_planned(b, said, "/linux/memoryPolicy/flags", "/linux/memoryPolicy",
		       "{'mode': 'MPOL_BIND', 'nodes': '0', 'flags': ['%s']}");
}
