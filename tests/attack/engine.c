/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/attack/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

static const int path_calls[] = {
	__NR_openat,	 __NR_openat2,	 __NR_open_tree,  __NR_move_mount, __NR_mount_setattr,
	__NR_fsopen,	 __NR_fsconfig,	 __NR_fsmount,	  __NR_mount,	   __NR_umount2,
	__NR_pivot_root, __NR_chroot,	 __NR_mkdirat,	  __NR_mknodat,	   __NR_symlinkat,
	__NR_linkat,	 __NR_renameat2, __NR_unlinkat,	  __NR_fchmod,	   __NR_fchmodat,
	__NR_fchown,	 __NR_fchownat,	 __NR_chdir,	  __NR_fchdir,	   __NR_setns,
	__NR_unshare,	 __NR_clone3,	 __NR_clone,	  __NR_execve,	   __NR_execveat,
	__NR_readlinkat, __NR_statx,	 __NR_newfstatat, __NR_fchmodat2,
#ifdef __NR_open /* newer architectures have none of these */
	__NR_open,	 __NR_creat,	 __NR_mkdir,	  __NR_mknod,	   __NR_symlink,
	__NR_link,	 __NR_rename,	 __NR_renameat,	  __NR_unlink,	   __NR_rmdir,
	__NR_chmod,	 __NR_chown,	 __NR_lchown,	  __NR_readlink,
#endif
};

/* Without these a thread could not end, or the engine could not take its own fd. */
static const int free_calls[] = {
	__NR_exit, __NR_exit_group, __NR_rt_sigreturn, __NR_restart_syscall, __NR_sendmsg,
};

#define FILTER_MAX 128

static size_t filter_add(struct sock_filter *filter, size_t at, struct sock_filter instruction)
{
	assert(at < FILTER_MAX);
	filter[at] = instruction;
	return at + 1;
}

static size_t filter_make(struct sock_filter *filter, enum engine_scope scope)
{
	const bool all = scope & ENGINE_ALL;
	const int *calls = all ? free_calls : path_calls;
	size_t count = all ? ARRAY_SIZE(free_calls) : ARRAY_SIZE(path_calls);
	unsigned int listed = all ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF;
	unsigned int other = all ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
	size_t at = 0;

	at = filter_add(filter, at,
			(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						     offsetof(struct seccomp_data, nr)));
	for (size_t i = 0; i < count; i++) {
		at = filter_add(filter, at,
				(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							     (unsigned int)calls[i], 0, 1));
		at = filter_add(filter, at, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed));
	}
	return filter_add(filter, at, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, other));
}

static _noreturn void command_start(const char *const args[], enum engine_scope scope, int socket,
				    int output)
{
	struct sock_filter filter[FILTER_MAX];
	struct sock_fprog program = { .filter = filter };
	struct error err;
	int listener, null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* What may stay behind must not hold the test's own pipes open. */
	sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	program.len = (unsigned short)filter_make(filter, scope);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(125);
	listener = sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (listener < 0) {
		/* An ordinary user may, but then newuidmap's set-user-id does not work. */
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		listener = sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
				       &program);
	}
	if (listener < 0 || fd_send(socket, &listener, 1, "", 1, &err) < 0)
		_exit(125);
	execv(args[0], (char *const *)(uintptr_t)args);
	_exit(127);
}

struct engine {
	pid_t pid;
	const char *program; /* the last part of the command's path */
	int listener, output;
	engine_decide *decide;
	void *context;
	struct engine_result *result;
	size_t output_size;
	bool ended, to_the_end;
	bool alone; /* the last task under the filter is gone */
};

/*
 * Whether it is the command's program: "/a/kist", "/kist" of a detached mount, "memfd:kist", or
 * "/", a detached mount of the file alone.
 */
static bool is_command(const struct engine *engine, pid_t pid)
{
	char link[32], path[4096];
	const char *name;
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	size = readlink(link, path, sizeof(path) - 1);
	if (size <= 0)
		return false;
	path[size] = '\0';
	if (strcmp(path, "/") == 0)
		return true;
	name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	if (strncmp(name, "memfd:", 6) == 0)
		name += 6;
	size = (ssize_t)strlen(engine->program);
	return strncmp(name, engine->program, (size_t)size) == 0 &&
	       (name[size] == '\0' || name[size] == ' ');
}

static enum engine_verdict engine_ask(struct engine *engine, const struct seccomp_notif *notice,
				      int *error_number)
{
	struct engine_stop stop = {
		.pid = (pid_t)notice->pid,
		.call = notice->data.nr,
	};
	enum engine_verdict verdict = ENGINE_CONTINUE;

	for (size_t i = 0; i < ARRAY_SIZE(stop.args); i++)
		stop.args[i] = notice->data.args[i];
	if (!is_command(engine, stop.pid))
		return ENGINE_CONTINUE;
	stop.index = engine->result->stops++;
	if (engine->decide != NULL)
		verdict = engine->decide(engine->context, &stop, error_number);
	if (verdict != ENGINE_CONTINUE)
		snprintf(engine->result->stopped_at, sizeof(engine->result->stopped_at),
			 "stop %u, system call %d of %s", stop.index, stop.call,
			 stop.pid == engine->pid ? "kist" : "its child");
	return verdict;
}

/* engine: NULL when nothing is a stop any more. */
static void engine_answer(int listener, struct engine *engine)
{
	struct seccomp_notif notice = { 0 };
	struct seccomp_notif_resp answer = { 0 };
	enum engine_verdict verdict = ENGINE_CONTINUE;
	int error_number = EIO;

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) < 0)
		return;
	if (engine != NULL)
		verdict = engine_ask(engine, &notice, &error_number);
	answer.id = notice.id;
	if (verdict == ENGINE_KILL)
		kill(engine->pid, SIGKILL);
	if (verdict == ENGINE_FAIL)
		answer.error = -error_number;
	else
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static void engine_collect(struct engine *engine)
{
	struct engine_result *result = engine->result;
	char lost[4096];
	size_t room = sizeof(result->output) - 1 - engine->output_size;
	ssize_t n = room > 0 ? read(engine->output, result->output + engine->output_size, room) :
			       read(engine->output, lost, sizeof(lost));

	if (n > 0 && room > 0)
		engine->output_size += (size_t)n;
	if (n == 0)
		fd_close(&engine->output);
}

/* Who waits for an answer gives its CPU to who answers; no kernel before 6.6 has it. */
static void engine_hurry(const struct engine *engine)
{
	ioctl(engine->listener, _IOW(SECCOMP_IOC_MAGIC, 4, __u64), (__u64)1);
}

/* Until the command has ended and no descendant of it stands at a stop any more. */
static void engine_loop(struct engine *engine, unsigned int seconds)
{
	time_t end = time(NULL) + (time_t)seconds;

	while (time(NULL) < end) {
		struct pollfd fds[] = { { engine->listener, POLLIN, 0 },
					{ engine->output, POLLIN, 0 } };
		/* What it wrote before it ended is not read yet where it ends behind this poll. */
		bool ended = engine->ended;
		int n = poll(fds, 2, 20);

		if (n > 0 && (fds[0].revents & POLLIN))
			engine_answer(engine->listener, engine);
		if (n > 0 && (fds[1].revents & (POLLIN | POLLHUP)))
			engine_collect(engine);
		if (!engine->ended &&
		    waitpid(engine->pid, &engine->result->status, WNOHANG) == engine->pid)
			engine->ended = true;
		/* Before Linux 6.11 who is not reaped has its filter still. */
		while (engine->ended && engine->to_the_end && waitpid(-1, NULL, WNOHANG) > 0)
			;
		engine->alone = n > 0 && (fds[0].revents & POLLHUP);
		if (engine->ended && (engine->alone || (ended && n == 0 && !engine->to_the_end)))
			break;
	}
	if (!engine->ended) {
		kill(engine->pid, SIGKILL);
		waitpid(engine->pid, &engine->result->status, 0);
	}
	if (!engine->ended || (engine->to_the_end && !engine->alone))
		engine->result->status = -1;
}

/*
 * Until it has ended, what the command left running goes on, as it would without a filter:
 * with nobody to answer, each of its calls would fail with ENOSYS.
 */
static void engine_leave(struct engine *engine)
{
	int null, listener = 3;

	if (fork() != 0)
		return;
	/* Nobody must wait for the end of a pipe of the test's, nor a mount be busy. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < listener; fd++)
		dup2(null, fd);
	dup2(engine->listener, listener);
	sys_close_range(4, ~0U, 0);
	(void)!chdir("/");
	prctl(PR_SET_NAME, "engine");
	for (;;) {
		struct pollfd poll_fd = { listener, POLLIN, 0 };

		if (poll(&poll_fd, 1, -1) > 0 && (poll_fd.revents & POLLIN))
			engine_answer(listener, NULL);
		else if (poll_fd.revents & POLLHUP)
			_exit(0);
	}
}

int engine_run(const char *const args[], enum engine_scope scope, unsigned int seconds,
	       engine_decide *decide, void *context, struct engine_result *ret)
{
	const char *slash = strrchr(args[0], '/');
	struct engine engine = { .program = slash != NULL ? slash + 1 : args[0],
				 .listener = -EBADF,
				 .output = -EBADF,
				 .decide = decide,
				 .context = context,
				 .result = ret,
				 .to_the_end = scope & ENGINE_TO_THE_END };
	int sockets[2], pipes[2];
	size_t count = 1;
	char byte;
	struct error err;

	*ret = (struct engine_result){ .status = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return -1;
	if (pipe2(pipes, O_CLOEXEC) < 0) {
		close(sockets[0]);
		close(sockets[1]);
		return -1;
	}
	engine.pid = fork();
	if (engine.pid == 0)
		command_start(args, scope, sockets[1], pipes[1]);
	close(sockets[1]);
	close(pipes[1]);
	engine.output = pipes[0];
	if (engine.pid < 0 ||
	    fd_receive(sockets[0], &engine.listener, &count, &byte, 1, &err) != 1 || count != 1) {
		if (engine.pid > 0)
			waitpid(engine.pid, &ret->status, 0);
		engine.ended = true;
	} else {
		engine_hurry(&engine);
		engine_loop(&engine, seconds);
		if (!engine.alone)
			engine_leave(&engine);
	}
	close(sockets[0]);
	fd_close(&engine.listener);
	fd_close(&engine.output);
	return count == 1 && engine.pid > 0 ? 0 : -1;
}
