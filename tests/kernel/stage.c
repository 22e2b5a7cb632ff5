/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/kernel/stage.h"

#include <sched.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "init/tree.h"
#include "tests/kernel/child.h"

static int stage_prepare(struct stage *s)
{
	struct mount_attr private = { .propagation = MS_PRIVATE };
	struct file_system fs = { .type = "tmpfs", .source = "root", .data = "mode=755" };

	umask(0);
	s->in = INIT_NONE;
	s->in.arena = &s->arena;
	s->in.id = "stage";
	s->in.process = &s->plan.process;
	s->plan.root_path = "/";
	s->plan.clone_flags = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID;
	s->plan.namespaces[NAMESPACE_CGROUP].listed = false;
	CHECK(sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private) == 0);
	s->in.root_tree = tree_new(&fs, &s->err);
	CHECK(s->in.root_tree >= 0);
	CHECK(step_root(&s->plan, &s->in, &s->err) == 0);
	return 0;
}

struct scene {
	int (*body)(struct stage *);
};

static int stage_play(void *context)
{
	struct scene *scene = context;
	static struct stage stage;
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)sys_clone3(&args);

	if (pid < 0)
		return 2;
	if (pid == 0)
		_exit(stage_prepare(&stage) != 0 ? 1 : scene->body(&stage));
	return child_wait(pid);
}

int stage_status(int (*body)(struct stage *))
{
	struct scene scene = { body };

	return child_status(stage_play, &scene);
}

void stage_file(struct stage *s, const char *path, const char *text)
{
	char name[256];
	int dir_fd = path_make_parent(s->in.root_fd, path, name, &s->err);
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		_exit(3);
	close(fd);
	close(dir_fd);
}

void stage_dir(struct stage *s, const char *path, mode_t mode)
{
	int fd = path_make_dir(s->in.root_fd, path, mode, &s->err);

	if (fd < 0)
		_exit(3);
	close(fd);
}

void stage_link(struct stage *s, const char *target, const char *path)
{
	char name[256];
	int dir_fd = path_make_parent(s->in.root_fd, path, name, &s->err);

	if (symlinkat(target, dir_fd, name) < 0)
		_exit(3);
	close(dir_fd);
}

const char *stage_read(struct stage *s, const char *path)
{
	struct error ignored;
	char *text = NULL;
	int fd = path_open(s->in.root_fd, path, O_RDONLY | O_NONBLOCK, &ignored);

	if (fd < 0 || fd_read_all(fd, 65536, &s->arena, &text, NULL, &ignored) < 0)
		text = NULL;
	fd_close(&fd);
	return text != NULL ? text : "";
}

int stage_open(struct stage *s, const char *path)
{
	struct error ignored;

	return path_open(s->in.root_fd, path, O_PATH, &ignored);
}

struct mount_plan *stage_mounts(struct stage *s, size_t count)
{
	s->plan.mounts.items = ARENA_NEWS(&s->arena, count, struct mount_plan);
	s->plan.mounts.count = count;
	s->in.mount_trees = ARENA_NEWS(&s->arena, count, int);
	for (size_t i = 0; i < count; i++)
		s->in.mount_trees[i] = -EBADF;
	return s->plan.mounts.items;
}
