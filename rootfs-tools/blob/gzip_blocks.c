/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "rootfs-tools/blob/compress.h"

/*
 * gzip in blocks of fixed size, each compressed alone with the end of the one before as its
 * dictionary, and joined at byte borders: one gzip member, a little larger than with one
 * thread, and the same bytes for any number of threads.
 */
enum {
	BLOCK = 256 << 10,
	DICTIONARY = 32 << 10,
	ROOM = BLOCK + BLOCK / 64 + 1024,	/* deflate can't need more */
	THREADS_MAX = 16,
	JOBS_MAX = 2 * THREADS_MAX,
};

struct job {
	enum { JOB_FREE, JOB_READY, JOB_TAKEN, JOB_DONE } state;
	bool last, failed;
	size_t size, dictionary_size, out_size;
	uLong crc;
	unsigned char dictionary[DICTIONARY], in[BLOCK], out[ROOM];
};

struct gzip_blocks {
	struct sink *out;
	int level;
	pthread_t threads[THREADS_MAX];
	unsigned int thread_count, ready_count, job_count;
	struct job *jobs[JOBS_MAX];	/* a ring */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	uint64_t filled, taken;		/* jobs so far; the ring's places modulo job_count */
	bool stop;
	bool begun;			/* the header is written */
	uLong crc;
	uint64_t size;
};

static void job_run(z_stream *z, struct job *job)
{
	int flush = job->last ? Z_FINISH : Z_SYNC_FLUSH, result;

	job->failed =
		deflateReset(z) != Z_OK ||
		(job->dictionary_size > 0 &&
		 deflateSetDictionary(z, job->dictionary, (uInt)job->dictionary_size) != Z_OK);
	z->next_in = job->in;
	z->avail_in = (uInt)job->size;
	z->next_out = job->out;
	z->avail_out = ROOM;
	result = deflate(z, flush);
	if (result != (job->last ? Z_STREAM_END : Z_OK) || z->avail_in > 0)
		job->failed = true;
	job->out_size = ROOM - z->avail_out;
	job->crc = crc32(crc32(0, NULL, 0), job->in, (uInt)job->size);
}

static struct job *job_take(struct gzip_blocks *g)
{
	struct job *job = NULL;

	pthread_mutex_lock(&g->mutex);
	while (!g->stop && g->taken == g->filled)
		pthread_cond_wait(&g->changed, &g->mutex);
	if (!g->stop) {
		job = g->jobs[g->taken++ % g->job_count];
		job->state = JOB_TAKEN;
	}
	pthread_mutex_unlock(&g->mutex);
	return job;
}

static void job_set(struct gzip_blocks *g, struct job *job, int state)
{
	pthread_mutex_lock(&g->mutex);
	job->state = state;
	g->filled += state == JOB_READY;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->mutex);
}

static void *worker(void *context)
{
	struct gzip_blocks *g = context;
	z_stream z = { 0 };
	bool ready = deflateInit2(&z, g->level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK;

	pthread_mutex_lock(&g->mutex);
	g->ready_count++;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->mutex);
	for (struct job *job; (job = job_take(g)) != NULL;) {
		if (ready)
			job_run(&z, job);
		else
			job->failed = true;
		job_set(g, job, JOB_DONE);
	}
	if (ready)
		deflateEnd(&z);
	return NULL;
}

/*
 * Until all of them have what they need.  The readers of layers are forked beside them, and a lock
 * of the allocator that a thread holds then is never given back in the child.  glibc sees to its
 * own ones; AddressSanitizer's does not: "kist rootfs squash" hung.
 */
static void wait_for_workers(struct gzip_blocks *g)
{
	pthread_mutex_lock(&g->mutex);
	while (g->ready_count < g->thread_count)
		pthread_cond_wait(&g->changed, &g->mutex);
	pthread_mutex_unlock(&g->mutex);
}

struct gzip_blocks *gzip_blocks_open(struct arena *arena, int level, struct sink *out,
				     struct error *err)
{
	struct gzip_blocks *g = ARENA_NEW(arena, struct gzip_blocks);
	cpu_set_t cpus;
	int number = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
	unsigned int wanted = number > THREADS_MAX ? THREADS_MAX : (unsigned int)number;

	g->out = out;
	g->level = level;
	g->crc = crc32(0, NULL, 0);
	pthread_mutex_init(&g->mutex, NULL);
	pthread_cond_init(&g->changed, NULL);
	g->job_count = 2 * wanted;
	for (unsigned int i = 0; i < g->job_count; i++)
		g->jobs[i] = ARENA_NEW(arena, struct job);
	while (g->thread_count < wanted &&
	       pthread_create(&g->threads[g->thread_count], NULL, worker, g) == 0)
		g->thread_count++;
	wait_for_workers(g);
	if (g->thread_count > 0)
		return g;
	error_set(err, "start a thread to compress");
	gzip_blocks_close(g);
	return NULL;
}

static int write_header(struct gzip_blocks *g, struct error *err)
{
	/* No name, no time; 255: no system, for the bytes may not tell. */
	static const unsigned char header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255 };

	g->begun = true;
	return sink_write(g->out, header, sizeof(header), err);
}

/* Waits until the job is done, and writes what came of it. */
static int job_collect(struct gzip_blocks *g, struct job *job, struct error *err)
{
	pthread_mutex_lock(&g->mutex);
	while (job->state == JOB_READY || job->state == JOB_TAKEN)
		pthread_cond_wait(&g->changed, &g->mutex);
	pthread_mutex_unlock(&g->mutex);
	if (job->state == JOB_FREE)
		return 0;
	if (job->failed)
		return error_set(err, "compress: zlib has no answer");
	if (!g->begun && write_header(g, err) < 0)
		return -1;
	g->crc = crc32_combine(g->crc, job->crc, (z_off_t)job->size);
	g->size += job->size;
	job->state = JOB_FREE;
	job->size = 0;
	return sink_write(g->out, job->out, job->out_size, err);
}

/* The full job goes to the workers; the next place gets its dictionary. */
static int job_submit(struct gzip_blocks *g, bool last, struct error *err)
{
	struct job *job = g->jobs[g->filled % g->job_count];
	struct job *next = g->jobs[(g->filled + 1) % g->job_count];

	if (job_collect(g, next, err) < 0)
		return -1;
	if (job->size == BLOCK) {
		memcpy(next->dictionary, job->in + BLOCK - DICTIONARY, DICTIONARY);
		next->dictionary_size = DICTIONARY;
	}
	job->last = last;
	job_set(g, job, JOB_READY);
	return 0;
}

int gzip_blocks_write(struct gzip_blocks *g, const void *data, size_t size, struct error *err)
{
	const unsigned char *at = data;

	while (size > 0) {
		struct job *job = g->jobs[g->filled % g->job_count];
		size_t fits = BLOCK - job->size < size ? BLOCK - job->size : size;

		memcpy(job->in + job->size, at, fits);
		job->size += fits;
		at += fits;
		size -= fits;
		if (job->size == BLOCK && job_submit(g, false, err) < 0)
			return -1;
	}
	return 0;
}

int gzip_blocks_finish(struct gzip_blocks *g, struct error *err)
{
	unsigned char trailer[8];

	if (job_submit(g, true, err) < 0)
		return -1;
	/* The oldest first: the ring goes round once. */
	for (unsigned int i = 0; i < g->job_count; i++)
		if (job_collect(g, g->jobs[(g->filled + i) % g->job_count], err) < 0)
			return -1;
	for (int i = 0; i < 4; i++) {
		trailer[i] = (unsigned char)(g->crc >> (8 * i));
		trailer[4 + i] = (unsigned char)(g->size >> (8 * i));
	}
	return sink_write(g->out, trailer, sizeof(trailer), err);
}

void gzip_blocks_close(struct gzip_blocks *g)
{
	pthread_mutex_lock(&g->mutex);
	g->stop = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->mutex);
	for (unsigned int i = 0; i < g->thread_count; i++)
		pthread_join(g->threads[i], NULL);
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->mutex);
}
