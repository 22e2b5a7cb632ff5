/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/unpack/unpack.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "rootfs-tools/confine/confine.h"
#include "rootfs-tools/interrupt.h"
#include "rootfs-tools/unpack/layer.h"

enum { AHEAD_MAX = 8, TICK_MILLISECONDS = 100 };

/* What one confined process does, and how far it is. */
struct worker {
	struct confined confined;
	const struct image *image;
	const struct unpack_options *options;
	size_t first, count;		/* layers */
	struct blob *blobs;		/* of theirs; the child's after the fork */
	int root_fd;			/* borrowed */
	struct unpack_report report;
};

/* What it says from time to time, and in the end. */
struct worker_message {
	struct unpack_report report;
};

static unsigned int jobs_of(const struct unpack_options *options)
{
	cpu_set_t cpus;

	if (options->jobs > 0)
		return options->jobs;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return 1;
	return (unsigned int)CPU_COUNT(&cpus);
}

/* --- the confined side ----------------------------------------------------------------- */

struct applier {
	struct worker *worker;
	struct layer layer;
	struct stream *streams[AHEAD_MAX];	/* of layers first + i, at i % AHEAD_MAX */
	size_t opened, at;		/* layers: how many streams were opened, which is applied */
	uint64_t stored;		/* bytes of the layers before it */
	unsigned int calls;
	int64_t last;			/* clock_ms() */
	int out;
};

static int report_send(struct applier *applier, struct error *err)
{
	struct worker_message message = { .report = applier->layer.report };
	const struct stream *stream = applier->streams[applier->at % AHEAD_MAX];

	message.report.stored = applier->stored + (stream != NULL ? stream_stored(stream) : 0);
	return confined_send(applier->out, CONFINED_DATA, &message, sizeof(message), err);
}

static int tick(void *context, struct error *err)
{
	struct applier *applier = context;
	int64_t now;

	if (++applier->calls % 64 != 0)
		return 0;
	now = clock_ms();
	if (now - applier->last < TICK_MILLISECONDS)
		return 0;
	applier->last = now;
	return report_send(applier, err);
}

/* Those to come are read and decompressed already, as far as their rings go. */
static int streams_open(struct applier *applier, struct arena *arena, struct error *err)
{
	struct worker *worker = applier->worker;
	size_t ahead = jobs_of(worker->options);

	if (ahead > AHEAD_MAX)
		ahead = AHEAD_MAX;
	while (applier->opened < worker->count && applier->opened < applier->at + ahead) {
		size_t i = applier->opened;
		struct stream *stream = image_layer_stream(arena, worker->image, worker->first + i,
							 &worker->blobs[i],
							 &worker->options->limits.stream, err);

		if (stream == NULL)
			return -1;
		applier->streams[i % AHEAD_MAX] = stream;
		applier->opened++;
	}
	return 0;
}

static int one_apply(struct applier *applier, struct error *err)
{
	struct worker *worker = applier->worker;
	size_t layer = worker->first + applier->at;
	struct stream **stream = &applier->streams[applier->at % AHEAD_MAX];
	_cleanup_arena struct arena arena = { 0 };
	struct stream_result result;

	if (layer_apply(&applier->layer, tar_open(&arena, *stream), layer > 0, err) < 0) {
		const char *name = image_layer_name(&arena, worker->image, layer);

		/* What the stream says begins with it already. */
		return strstr(err->text, name) != NULL ? -1 : error_wrap(err, "%s", name);
	}
	if (stream_finish(*stream, &result, err) < 0)
		return -1;
	applier->stored += result.stored;
	stream_close(stream);
	return 0;
}

static int worker_main(void *context, int root_fd, int out, struct error *err)
{
	struct worker *worker = context;
	struct arena arena = { 0 };	/* given back by the end of the process */
	struct applier *applier = ARENA_NEW(&arena, struct applier);

	applier->worker = worker;
	applier->out = out;
	applier->layer.tick = tick;
	applier->layer.context = applier;
	if (layer_init(&applier->layer, &arena, root_fd, worker->options, err) < 0)
		return -1;
	for (; applier->at < worker->count; applier->at++)
		if (streams_open(applier, &arena, err) < 0 || one_apply(applier, err) < 0)
			return -1;
	return report_send(applier, err);
}

/* --- this side ------------------------------------------------------------------------- */

static void blobs_close(struct worker *worker)
{
	for (size_t i = 0; worker->blobs != NULL && i < worker->count; i++)
		fd_close(&worker->blobs[i].fd);
}

static int worker_start(struct worker *worker, struct error *err)
{
	struct arena *arena = worker->image->arena;
	int *fds = ARENA_NEWS(arena, worker->count + 1, int);
	struct confined_request request = {
		.root_fd = worker->root_fd, .fds = fds, .fd_count = worker->count,
		.work = worker_main, .context = worker,
	};
	int code = 0;

	worker->blobs = ARENA_NEWS(arena, worker->count + 1, struct blob);
	for (size_t i = 0; i < worker->count; i++)
		worker->blobs[i].fd = -EBADF;
	for (size_t i = 0; code == 0 && i < worker->count; i++) {
		code = image_layer_open(worker->image, worker->first + i, &worker->blobs[i], err);
		if (code < 0)
			error_wrap(err, "%s", image_layer_name(arena, worker->image,
							       worker->first + i));
		fds[i] = worker->blobs[i].fd;
	}
	if (code == 0)
		code = confined_start(&request, &worker->confined, err);
	blobs_close(worker);
	return code;
}

static uint64_t stored_total(const struct worker *workers, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < workers[i].count; j++) {
			const struct image *image = workers[i].image;
			uint64_t size = image->layers.items[workers[i].first + j].descriptor.size;

			if (size == UINT64_MAX)
				return 0;
			total += size;
		}
	return total;
}

/* Messages of one that has something to say.  1: it goes on, 0: it is done. */
static int worker_listen(struct worker *worker, struct error *err)
{
	struct confined_message message;
	int more = confined_receive(&worker->confined, &message, err);

	if (more > 0 && message.size == sizeof(struct worker_message))
		memcpy(&worker->report, message.data, sizeof(worker->report));
	if (more == 0)
		confined_end(&worker->confined);
	return more;
}

struct crew {
	struct worker *workers;
	struct pollfd *pollfds;
	size_t count, started, running;
	const struct unpack_options *options;
	uint64_t total;
};

static int crew_start(struct crew *crew, struct error *err)
{
	while (crew->started < crew->count && crew->running < jobs_of(crew->options)) {
		struct worker *worker = &crew->workers[crew->started];

		if (worker_start(worker, err) < 0)
			return -1;
		crew->pollfds[crew->started++] = (struct pollfd){
			.fd = worker->confined.fd, .events = POLLIN,
		};
		crew->running++;
	}
	return 0;
}

static int crew_listen(struct crew *crew, struct error *err)
{
	uint64_t stored = 0;

	if (interrupt_check(err) < 0)
		return -1;
	/* A signal just before poll() would be seen only after it: hence the time-out. */
	if (poll(crew->pollfds, crew->started, 200) < 0 && errno != EINTR)
		return error_errno(err, "wait for the unpacker");
	for (size_t i = 0; i < crew->started; i++) {
		if (crew->pollfds[i].fd >= 0 && crew->pollfds[i].revents != 0) {
			int more = worker_listen(&crew->workers[i], err);

			if (more < 0)
				return -1;
			if (more == 0) {
				crew->pollfds[i].fd = -1;
				crew->running--;
			}
		}
		stored += crew->workers[i].report.stored;
	}
	if (crew->options->progress != NULL)
		crew->options->progress(crew->options->context, stored, crew->total);
	return 0;
}

static int crew_work(struct crew *crew, struct error *err)
{
	int code;

	crew->total = stored_total(crew->workers, crew->count);
	do {
		code = crew_start(crew, err);
		if (code == 0 && crew->running > 0)
			code = crew_listen(crew, err);
	} while (code == 0 && (crew->running > 0 || crew->started < crew->count));
	for (size_t i = 0; i < crew->started; i++)
		confined_end(&crew->workers[i].confined);
	return code;
}

int unpack_layers(const struct image *image, size_t first, size_t count, int root_fd,
		  const struct unpack_options *options, struct unpack_report *ret,
		  struct error *err)
{
	struct worker worker = {
		.confined = CONFINED_NONE, .image = image, .options = options, .first = first,
		.count = count, .root_fd = root_fd,
	};
	struct pollfd pollfd;
	struct crew crew = {
		.workers = &worker, .pollfds = &pollfd, .count = 1, .options = options,
	};

	if (crew_work(&crew, err) < 0)
		return -1;
	if (ret != NULL)
		*ret = worker.report;
	return 0;
}

int unpack_each(const struct image *image, struct unpack_target *targets, size_t count,
		const struct unpack_options *options, struct error *err)
{
	struct crew crew = {
		.workers = ARENA_NEWS(image->arena, count + 1, struct worker), .count = count,
		.pollfds = ARENA_NEWS(image->arena, count + 1, struct pollfd), .options = options,
	};

	for (size_t i = 0; i < count; i++)
		crew.workers[i] = (struct worker){
			.confined = CONFINED_NONE, .image = image, .options = options,
			.first = targets[i].layer, .count = 1, .root_fd = targets[i].dir_fd,
		};
	if (crew_work(&crew, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		targets[i].report = crew.workers[i].report;
	return 0;
}
