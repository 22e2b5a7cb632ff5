/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/attack/attack.h"

/* kist's own file (CVE-2019-5736), and its processes while they are in the container. */

static const char *const all_caps[] = { "bounding", "effective", "permitted" };

static void give_capabilities(struct bundle *b, const char *list)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_caps); i++)
		bundle_set(b, arena_printf(&e2e_arena, "/process/capabilities/%s", all_caps[i]),
			   list);
}

/* Every file that is kist: the one that is called, and the one that it starts. */
static const char *binaries(void)
{
	const char *folder = arena_strndup(&e2e_arena, e2e_runtime(),
					   (size_t)(strrchr(e2e_runtime(), '/') - e2e_runtime()));
	const char *paths[] = { e2e_runtime(), arena_printf(&e2e_arena, "%s/libexec/kist", folder),
				arena_printf(&e2e_arena, "%s/kist-runtime", folder) };
	const char *told = "";

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct error err;
		struct stat st;
		unsigned long hash = 5381;
		char *bytes;
		size_t size;

		if (stat(paths[i], &st) < 0 || file_read(AT_FDCWD, paths[i], (size_t)64 << 20,
							 &e2e_arena, &bytes, &size, &err) < 0)
			continue;
		for (size_t at = 0; at < size; at++)
			hash = hash * 33 + (unsigned char)bytes[at];
		told = arena_printf(&e2e_arena, "%s%s %o %lx\n", told, paths[i], st.st_mode, hash);
	}
	return told;
}

static const struct {
	const char *program, *script;
} entries[] = {
	{ "/proc/self/exe", NULL },
	{ "/proc/1/exe", NULL },
	{ "/link", NULL }, /* to /proc/self/exe */
	{ "/script", "#!/proc/self/exe\n" },
	{ "/script", "#!/proc/self/exe run --rootfs / --\n" },
	{ "/script", "#!/link\n" },
};

ATTACK(binary, as_the_entry_point_is_not_changed)
{
	const char *before = binaries();

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct attack a = attack_new();
		struct output output;

		attack_link(&a, "/link", "/proc/self/exe");
		if (entries[i].script != NULL)
			bundle_file(a.bundle, "/script", 0755, entries[i].script);
		give_capabilities(a.bundle,
				  "['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE']");
		bundle_args(a.bundle, entries[i].program, "run", "x", NULL);
		attack_begin(&a);
		bundle_run(a.bundle, &output);
		attack_check(&a, entries[i].program);
		cr_expect_neq(output.status, 0, "%s: %s%s", entries[i].program, output.out,
			      output.err);
	}
	cr_expect_str_eq(binaries(), before);
}

/* In what the thief runs, and what it can then do to those that come in. */
static const struct {
	const char *what, *caps;
	bool user_ns;
	bool may_enter; /* the kernel lets it: CAP_SYS_PTRACE over the host's user namespace */
	uid_t caller;
} cages[] = {
	{ "no more than the default", "['CAP_KILL']", false, false, 0 },
	{ "every right over files and processes",
	  "['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH']", false,
	  true, 0 },
	{ "the same in a user namespace",
	  "['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH']", true,
	  false, 0 },
	{ "the same in a user's own one",
	  "['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH']", false,
	  false, 65534 },
};

static struct attack cage(size_t i)
{
	struct attack a = attack_new();

	bundle_copy(a.bundle, THIEF_BUILT, "/thief");
	bundle_file(a.bundle, "/id", 0644, a.bundle->id);
	give_capabilities(a.bundle, cages[i].caps);
	bundle_args(a.bundle, "/thief", "watch", "3600000", NULL);
	bundle_set(a.bundle, "/root/readonly", "false");
	if (cages[i].caller != 0) {
		bundle_as_user(a.bundle, cages[i].caller);
		bundle_set(a.bundle, "/process/oomScoreAdj", "500");
	}
	if (cages[i].user_ns) {
		bundle_set(a.bundle, "/linux/namespaces/-", "{'type': 'user'}");
		bundle_set(a.bundle, "/linux/uidMappings",
			   "[{'containerID': 0, 'hostID': 100000, 'size': 65536}]");
		bundle_set(a.bundle, "/linux/gidMappings",
			   "[{'containerID': 0, 'hostID': 100000, 'size': 65536}]");
		chown(a.bundle->rootfs, 100000, 100000);
	}
	return a;
}

/* Enough came in: some number of them, and one that it saw. */
static bool is_enough(const struct attack *a, int n)
{
	return n >= (attack_all() ? 500 : 15) &&
	       (n > 1000 || access(attack_path(a, "/seen"), F_OK) == 0);
}

static void caught_check(size_t i, const struct output *output)
{
	struct probe seen;

	probe_parse(&seen, &e2e_arena, output->out);
	cr_expect(probe_has(&seen, "end=1"), "%s: status %d: %s%s", cages[i].what, output->status,
		  output->out, output->err);
	cr_expect_not(probe_has(&seen, "seen=0"), "%s: none came in sight", cages[i].what);
	cr_expect_null(strstr(output->out, "=done"), "%s: %s", cages[i].what, output->out);
	/* Who may enter at least finds no way to the host there. */
	cr_expect(probe_has(&seen, "states=0"), "%s: %s", cages[i].what, output->out);
	if (cages[i].may_enter)
		return;
	cr_expect(probe_has(&seen, "entered_count=0") && probe_has(&seen, "traced=0") &&
			  probe_has(&seen, "kept=0"),
		  "%s: %s", cages[i].what, output->out);
}

typedef void come_in(struct attack *a, struct output *ret);

static void by_exec(struct attack *a, struct output *ret)
{
	bundle_call(a->bundle, ret, "exec", a->bundle->id, "/probe", "say", "in", NULL);
}

static void by_enter(struct attack *a, struct output *ret)
{
	const char *pid;

	bundle_call(a->bundle, ret, "state", a->bundle->id, NULL);
	pid = strstr(ret->out, "\"pid\": ");
	cr_assert_not_null(pid, "%s%s", ret->out, ret->err);
	pid += strlen("\"pid\": ");
	pid = arena_strndup(&e2e_arena, pid, strspn(pid, "0123456789"));
	bundle_call(a->bundle, ret, "enter", "--target", pid, "--root", "/probe", "say", "in",
		    NULL);
}

static void cage_check(size_t i, come_in *come)
{
	struct attack a = cage(i);
	struct output output;
	struct call call;

	attack_begin(&a);
	bundle_begin(a.bundle, &call, "run", "--bundle", a.bundle->path, a.bundle->id, NULL);
	bundle_await(&call, "ready=1");
	for (int n = 0; !is_enough(&a, n); n++) {
		come(&a, &output);
		cr_expect_eq(output.status, 0, "%s: number %d: %s", cages[i].what, n, output.err);
	}
	bundle_file(a.bundle, "/stop", 0644, "");
	bundle_finish(&call, &output);
	attack_check(&a, cages[i].what);
	caught_check(i, &output);
	if (attack_all())
		cr_log_info("%s: %s", cages[i].what, strstr(output.out, "seen="));
}

/* CVE-2019-5736, CVE-2016-9962: a container that waits for "exec" to come in. */
ATTACK(binary, that_comes_in_is_neither_written_nor_entered)
{
	const char *before = binaries();

	for (size_t i = 0; i < ARRAY_SIZE(cages); i++)
		cage_check(i, by_exec);
	cr_expect_str_eq(binaries(), before);
}

/*
 * The same for "enter", and so for libkist.  Without a user namespace the caller has opened files
 * of the host's in it, as nsenter has, and who may trace it is root.
 */
ATTACK(binary, that_enters_is_neither_written_nor_entered)
{
	const char *before = binaries();

	for (size_t i = 0; i < ARRAY_SIZE(cages); i++)
		if (!cages[i].may_enter)
			cage_check(i, by_enter);
	cr_expect_str_eq(binaries(), before);
}
