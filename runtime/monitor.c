/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/monitor.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "config/json.h"
#include "runtime/console.h"
#include "runtime/container.h"

/* What the new process tells its parent. */
enum news_kind { NEWS_WARNING, NEWS_ERROR, NEWS_STARTED };
struct news {
	enum news_kind kind;
	struct error err;
};

static void news_send(int fd, enum news_kind kind, const struct error *err)
{
	struct news news = { .kind = kind };

	if (err != NULL)
		news.err = *err;
	(void)!fd_write_all(fd, &news, sizeof(news));
}

static void warn_up(void *context, const char *text)
{
	struct error err = { 0 };

	error_set(&err, "%s", text);
	news_send(*(int *)context, NEWS_WARNING, &err);
}

static int news_take(int fd, struct error *err)
{
	struct news news;

	while (read(fd, &news, sizeof(news)) == (ssize_t)sizeof(news)) {
		if (news.kind == NEWS_STARTED)
			return 0;
		if (news.kind == NEWS_ERROR) {
			*err = news.err;
			return -1;
		}
		warn("%s", news.err.text);
	}
	return error_set(err, "the process that keeps the log died");
}

/* --- the streams ---------------------------------------------------------------- */

struct streams {
	int ours[3], theirs[3];		/* of stdin, stdout, stderr */
	int console, console_socket;	/* or of the terminal */
};
#define STREAMS_NONE	((struct streams){ { -EBADF, -EBADF, -EBADF }, \
					   { -EBADF, -EBADF, -EBADF }, -EBADF, -EBADF })

static int streams_open(struct streams *s, bool terminal, struct error *err)
{
	int fds[2];

	if (terminal) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
			return error_errno(err, "make a socket pair for the terminal");
		s->console = fds[0];
		s->console_socket = fds[1];
		return 0;
	}
	for (int i = 0; i < 3; i++) {
		if (fd_pipe(i == 0 ? &s->theirs[i] : &s->ours[i],
			    i == 0 ? &s->ours[i] : &s->theirs[i], err) < 0)
			return -1;
		if (fcntl(s->ours[i], F_SETFL, O_NONBLOCK) < 0)
			return error_errno(err, "prepare a pipe");
	}
	return 0;
}

/* The caller's are let go in any case: it may wait for their end. */
static int streams_place(struct streams *s, bool terminal, struct error *err)
{
	_cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return error_errno(err, "open /dev/null");
	for (int i = 0; i < 3; i++) {
		if (dup2(terminal ? null : s->theirs[i], i) < 0)
			return error_errno(err, "prepare fd %d", i);
		fd_close(&s->theirs[i]);
	}
	return 0;
}

/* --- what others find ----------------------------------------------------------- */

static int listener_open(int dir_fd, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* By the directory's fd: an address holds 107 bytes. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" MONITOR_SOCKET,
		 dir_fd);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 4) < 0)
		return error_errno(err, "make the socket for \"attach\"");
	return fd_take(&fd);
}

static int description_write(const struct monitor_request *request, int dir_fd, struct error *err)
{
	_cleanup_arena struct arena arena = { 0 };
	struct text text = { .arena = &arena };

	text_add(&text, "{\"path\":");
	text_add_json(&text, request->log->path);
	text_printf(&text, ",\"json\":%s,\"terminal\":%s}\n", request->log->json ? "true" : "false",
		    request->terminal ? "true" : "false");
	return file_replace(dir_fd, MONITOR_LOG, text.data, text.size, 0600, err);
}

static bool is_true(const struct json *object, const char *key)
{
	const struct json *value = json_member(object, key);

	return value != NULL && value->type == JSON_BOOL && value->truth;
}

int monitor_describe(struct container *c, struct monitor_description *ret, struct error *err)
{
	struct json_source source = { .name = MONITOR_LOG };
	const struct json *root, *path;
	char *text;

	if (file_read(c->dir_fd, MONITOR_LOG, 65536, c->arena, &text, &source.size, err) < 0)
		return err->code != ENOENT ? -1 :
		       error_set(err, "container %s keeps no output: it was not started by \"run "
				 "--detach --log-file FILE\"", c->id);
	source.text = text;
	root = json_parse(c->arena, &source, err);
	path = json_member(root, "path");
	if (path == NULL || path->type != JSON_STRING)
		return error_set(err, "%s/%s/" MONITOR_LOG " is damaged", c->root, c->id);
	*ret = (struct monitor_description){ path->text, is_true(root, "json"),
					     is_true(root, "terminal") };
	return 0;
}

/* For monitor_ready(). */
struct preparing {
	const struct monitor_request *request;
	struct monitor *m;
	struct streams *s;
};

static int monitor_prepare(void *context, int dir_fd, struct error *err)
{
	const struct preparing *p = context;

	if (p->request->terminal) {
		/* Else its end would never be seen. */
		fd_close(&p->s->console_socket);
		p->m->master = console_take_master(p->s->console, err);
		if (p->m->master < 0)
			return -1;
		p->m->in = p->m->out = p->m->master;
	} else {
		p->m->in = p->s->ours[0];
		p->m->out = p->s->ours[1];
		p->m->err = p->s->ours[2];
	}
	if (description_write(p->request, dir_fd, err) < 0)
		return -1;
	p->m->listener = listener_open(dir_fd, err);
	return p->m->listener < 0 ? -1 : 0;
}

/* --- the process ---------------------------------------------------------------- */

/* So that nothing of the container's or the caller's is held open any longer. */
static void streams_drop(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	fd_close(&null);
}

/*
 * What the caller had open would stay so as long as the container: a pipe that somebody reads to
 * its end, a lock.
 */
static void fds_drop(const struct monitor *m)
{
	const int own[] = {
		m->in,
		m->out,
		m->err,
		m->listener,
		m->log->fd,
		m->container.pidfd,
		m->container.dir_fd,
		m->container.notify.socket,
		m->container.notify.host,
		m->news,
	};

	(void)fd_close_others(own, ARRAY_SIZE(own));
}

void monitor_tell_started(struct monitor *m)
{
	if (m->news < 0)
		return;
	notify_close(&m->container.notify);
	news_send(m->news, NEWS_STARTED, NULL);
	fd_close(&m->news);
}

static _noreturn void monitor_main(const struct monitor_request *request, int news_fd)
{
	static struct monitor m;
	struct streams s = STREAMS_NONE;
	struct preparing preparing = { request, &m, &s };
	struct error err;

	/* With a value of its own all of it, buffers too, would be in the program's file. */
	m.master = m.in = m.out = m.err = m.listener = -EBADF;
	for (size_t i = 0; i < MONITOR_CLIENTS; i++)
		m.clients[i] = -EBADF;
	m.log = request->log;
	m.news = news_fd;
	warn_to(warn_up, &m.news);
	setsid();
	prctl(PR_SET_NAME, "kist-log");
	if (streams_open(&s, request->terminal, &err) < 0 || output_log_open(m.log, &err) < 0 ||
	    streams_place(&s, request->terminal, &err) < 0 ||
	    request->start(request->context, s.console_socket, monitor_prepare, &preparing,
			   &m.container, &err) < 0) {
		news_send(news_fd, NEWS_ERROR, &err);
		_exit(1);
	}
	streams_drop();
	fds_drop(&m);
	signal(SIGPIPE, SIG_IGN);
	/* Till it says so itself, which it may after a lot of output. */
	if (m.container.notify.socket < 0)
		monitor_tell_started(&m);
	(void)!chdir("/");
	monitor_loop(&m);
	_exit(0);
}

int monitor_run(const struct monitor_request *request, struct error *err)
{
	_cleanup_fd int read_fd = -EBADF, write_fd = -EBADF;
	int result;
	pid_t pid;

	if (fd_pipe(&read_fd, &write_fd, err) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return error_errno(err, "start the process that keeps the log");
	if (pid == 0) {
		fd_close(&read_fd);
		monitor_main(request, fd_take(&write_fd));
	}
	fd_close(&write_fd);
	result = news_take(read_fd, err);
	if (result < 0)
		process_reap(pid, NULL);
	return result;
}
