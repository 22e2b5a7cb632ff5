/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/job.h"

#include "base/list.h"

struct pool {
	const struct smoke *smoke;
	job_list *jobs;
	size_t next, told;
	job_told *tell;
	void *context;
	pthread_mutex_t lock;
};

struct job *job_add(struct arena *arena, job_list *jobs)
{
	return LIST_NEW(arena, jobs);
}

static struct job *job_take(struct pool *pool)
{
	struct job *job = NULL;

	pthread_mutex_lock(&pool->lock);
	if (pool->next < pool->jobs->count)
		job = &pool->jobs->items[pool->next++];
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void job_done(struct pool *pool, struct job *job)
{
	pthread_mutex_lock(&pool->lock);
	job->done = true;
	while (pool->told < pool->jobs->count && pool->jobs->items[pool->told].done) {
		LIST_EACH(check, pool->jobs->items[pool->told].findings.checks)
			pool->tell(pool->context, *check);
		pool->told++;
	}
	pthread_mutex_unlock(&pool->lock);
}

static void *work(void *context)
{
	struct pool *pool = context;
	struct job *job;

	while ((job = job_take(pool)) != NULL) {
		job->findings.arena = &job->arena;
		job->findings.group = job->group;
		job->run(pool->smoke, job, &job->findings);
		job_done(pool, job);
	}
	return NULL;
}

int jobs_run(const struct smoke *smoke, job_list *jobs, unsigned int threads, job_told *told,
	     void *context, struct error *err)
{
	struct pool pool = { .smoke = smoke, .jobs = jobs, .tell = told, .context = context,
			     .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t *ids = ARENA_NEWS(smoke->arena, threads, pthread_t);
	unsigned int started = 0;

	while (started < threads && started < jobs->count &&
	       pthread_create(&ids[started], NULL, work, &pool) == 0)
		started++;
	for (unsigned int i = 0; i < started; i++)
		pthread_join(ids[i], NULL);
	if (started == 0 && jobs->count > 0)
		return error_set(err, "start a thread: no more are to be had");
	return 0;
}
