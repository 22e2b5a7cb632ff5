/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/attack/attack.h"

#include <ftw.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"
#include "tests/attack/guard.h"

/* Nothing takes so long, but on a machine with a hundred others. */
enum { RUN_SECONDS = 100 };

static const char *sub_dir(const char *parent, const char *name)
{
	const char *path = arena_printf(&e2e_arena, "%s/%s", parent, name);

	cr_assert_eq(mkdir(path, 0755), 0, "make %s: %s", path, strerror(errno));
	return path;
}

static void host_file(const char *dir, const char *name)
{
	const char *path = arena_printf(&e2e_arena, "%s/%s", dir, name);
	_cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && fd_write_all(fd, "of the host\n", 12) == 0, "make %s", path);
}

struct attack attack_new(void)
{
	return attack_of(bundle_new());
}

struct attack attack_of(struct bundle *bundle)
{
	struct attack attack = { .bundle = bundle };

	attack.sentinel = sub_dir(attack.bundle->dir, "sentinel");
	attack.volume = sub_dir(attack.bundle->dir, "volume");
	host_file(attack.sentinel, "secret");
	host_file(attack.sentinel, "null");
	host_file(sub_dir(attack.sentinel, "directory"), "file");
	attack.bundle->timeout = RUN_SECONDS;
	return attack;
}

const char *attack_path(const struct attack *attack, const char *inside)
{
	return arena_printf(&e2e_arena, "%s%s", attack->bundle->rootfs, inside);
}

void attack_link(const struct attack *attack, const char *inside, const char *target)
{
	const char *path = attack_path(attack, inside);

	leak_remove_tree(path);
	cr_assert_eq(symlink(target, path), 0, "make link %s: %s", path, strerror(errno));
}

void attack_dir(const struct attack *attack, const char *inside)
{
	const char *path = attack_path(attack, inside);

	leak_remove_tree(path);
	cr_assert_eq(mkdir(path, 0755), 0, "make %s: %s", path, strerror(errno));
}

void attack_bind(const struct attack *attack, const char *source, const char *destination)
{
	bundle_set(attack->bundle, "/mounts/-",
		   arena_printf(&e2e_arena,
				"{'destination': '%s', 'type': 'bind', 'source': '%s',"
				" 'options': ['rbind', 'rw']}",
				destination, source));
}

void attack_mounts(const struct attack *attack, const char *list)
{
	bundle_set(attack->bundle, "/mounts", list);
}

void attack_begin(struct attack *attack)
{
	attack->before = guard_snapshot(&e2e_arena, attack->sentinel);
}

const char *attack_changed(const struct attack *attack)
{
	const char *after = guard_snapshot(&e2e_arena, attack->sentinel);

	return guard_difference(&e2e_arena, attack->before, after);
}

void attack_check(const struct attack *attack, const char *what)
{
	const char *difference = attack_changed(attack);

	cr_expect_null(difference, "%s: the host was changed:\n%s", what, difference);
}

bool attack_run(struct attack *attack, const char *what, struct output *ret_output,
		struct probe *ret)
{
	attack_begin(attack);
	bundle_run(attack->bundle, ret_output);
	attack_check(attack, what);
	probe_parse(ret, &e2e_arena, ret_output->out);
	if (*ret_output->out != '\0')
		return true;
	cr_expect(ret_output->status != 0 && *ret_output->err != '\0',
		  "%s: status %d, and no program ran: %s", what, ret_output->status,
		  ret_output->err);
	return false;
}

static void config_write(const struct bundle *b)
{
	const char *path = arena_printf(&e2e_arena, "%s/config.json", b->path);
	_cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && fd_write_all(fd, b->config, strlen(b->config)) == 0, "write %s", path);
}

void attack_run_prepared(struct attack *attack, void (*prepare)(void *), void *context,
			 struct output *ret)
{
	const struct bundle *b = attack->bundle;
	struct error err;
	int status, pipes[2];
	pid_t pid;
	char *out;

	config_write(b);
	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(pipes[1], 1);
		dup2(pipes[1], 2);
		prepare(context);
		alarm(RUN_SECONDS);
		execl(b->runtime, b->runtime, "--root", b->state, "run", "--bundle", b->path, b->id,
		      NULL);
		_exit(96);
	}
	close(pipes[1]);
	cr_assert_eq(fd_read_all(pipes[0], 1 << 20, &e2e_arena, &out, NULL, &err), 0);
	close(pipes[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	*ret = (struct output){ .status = WIFEXITED(status) ? WEXITSTATUS(status) :
							      128 + WTERMSIG(status),
				.out = out,
				.err = out };
}

void attack_raise_inheritable(void *context _unused)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	syscall(__NR_capget, &head, data);
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	syscall(__NR_capset, &head, data);
}

void attack_engine_call(const struct attack *attack, const char *const words[],
			enum engine_scope scope, engine_decide *decide, void *context,
			struct engine_result *ret)
{
	const char *args[16] = { attack->bundle->runtime, "--root", attack->bundle->state };

	for (size_t i = 0; words[i] != NULL; i++) {
		cr_assert_lt(i, ARRAY_SIZE(args) - 4);
		args[i + 3] = words[i];
	}
	config_write(attack->bundle);
	cr_assert_eq(engine_run(args, scope, RUN_SECONDS, decide, context, ret), 0,
		     "the engine: %s", strerror(errno));
	cr_expect_neq(ret->status, -1, "%s: still running after %d s: %s", ret->stopped_at,
		      RUN_SECONDS, ret->output);
}

void attack_engine(const struct attack *attack, enum engine_scope scope, engine_decide *decide,
		   void *context, struct engine_result *ret)
{
	const struct bundle *b = attack->bundle;
	const char *const words[] = { "run", "--bundle", b->path, b->id, NULL };

	attack_engine_call(attack, words, scope, decide, context, ret);
}

const char *attack_left(const struct attack *attack)
{
	struct text told = { .arena = &e2e_arena };
	struct leak leak = { .arena = &e2e_arena, .mounts = attack->before };
	const char *left[] = { leak_processes(&leak), leak_mounts(&leak),
			       leak_cgroups(&leak, attack->bundle->id) };
	const char *states[] = { attack->bundle->id,
				 arena_printf(&e2e_arena, "~%s", attack->bundle->id) };

	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (left[i] != NULL)
			text_add(&told, left[i]);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		const char *path =
			arena_printf(&e2e_arena, "%s/%s", attack->bundle->state, states[i]);

		if (access(path, F_OK) == 0)
			text_printf(&told, "directory %s\n", path);
		leak_remove_tree(path);
	}
	return told.data;
}

void attack_clean_up(const struct attack *attack, const char *what)
{
	struct output got;
	const char *left;

	bundle_call(attack->bundle, &got, "delete", "--force", attack->bundle->id, NULL);
	cr_expect_eq(got.status, 0, "%s: cleaning up: status %d: %s", what, got.status, got.err);
	left = attack_left(attack);
	cr_expect_null(left, "%s: left after delete: %s", what, left);
}

static struct attack against(const char *without)
{
	struct attack a = attack_new();

	a.bundle->runtime = UNGUARDED_BUILT;
	if (*without == '\0') {
		unsetenv("KIST_WITHOUT_GUARD");
		return a;
	}
	bundle_env(a.bundle, arena_printf(&e2e_arena, "KIST_WITHOUT_GUARD=%s", without));
	setenv("KIST_WITHOUT_GUARD", without, 1);
	return a;
}

void attack_guard(const char *safe, const char *fatal, attack_try *attack_on)
{
	const char *said = "";
	struct attack a = against(safe);

	cr_expect_not(attack_on(&a, &said), "with the guard (without \"%s\"): %s", safe, said);
	a = against(fatal);
	cr_expect(attack_on(&a, &said), "without \"%s\" it does nothing: %s", fatal, said);
}

bool attack_all(void)
{
	const char *all = getenv("KIST_ATTACK_ALL");

	return all != NULL && strcmp(all, "1") == 0;
}

static bool is_guest(void)
{
	return getenv("KIST_GUEST") != NULL && !attack_all();
}

unsigned int attack_step(void)
{
	return is_guest() ? 5 : 1;
}

unsigned int attack_stride(unsigned int count, unsigned int runs)
{
	runs = is_guest() ? (runs + 3) / 4 : runs;
	return attack_all() || count <= runs ? 1 : (count + runs - 1) / runs;
}
