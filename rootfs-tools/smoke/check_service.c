/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "rootfs-tools/smoke/expand.h"
#include "rootfs-tools/smoke/http.h"
#include "rootfs-tools/smoke/inside.h"
#include "rootfs-tools/smoke/suite_run.h"

/*
 * serviceTests: a container that goes on until it is stopped; when it is ready, requests are sent
 * to it, and other containers run beside it in its network.
 */

struct serving {
	const struct smoke *smoke;
	const struct job *job;
	const struct suite_service *test;
	struct findings *f;
	struct check *check;
	const struct suite_container *container;	/* the one that is waited for */
	struct run run;
	struct root root;
};

/* --- ready? ------------------------------------------------------------------------------- */

static bool log_matches(struct run *run, const struct pattern *pattern)
{
	struct error ignored;

	return pattern_search(pattern, run->out.data, run->out.size, &ignored) == 1 ||
	       pattern_search(pattern, run->err.data, run->err.size, &ignored) == 1;
}

static bool is_ready(struct run *run, void *context)
{
	const struct suite_container *container = context;

	if (!run_is_created(run, NULL))
		return false;
	LIST_EACH(port, container->wait_ports)
		if (!inside_listens(run->inside, (uint32_t)port->value))
			return false;
	LIST_EACH(pattern, container->wait_log)
		if (!log_matches(run, pattern))
			return false;
	return true;
}

/* What is still waited for, in words. */
static const char *missing_text(struct serving *s, const struct suite_container *container,
				struct run *run)
{
	LIST_EACH(port, container->wait_ports)
		if (run->inside == 0 || !inside_listens(run->inside, (uint32_t)port->value))
			return arena_printf(s->f->arena, "nobody listens on port %ju",
					    (uintmax_t)port->value);
	LIST_EACH(pattern, container->wait_log)
		if (!log_matches(run, pattern))
			return arena_printf(s->f->arena, "\"%s\" is not in its output",
					    pattern->text);
	return "it was not started";
}

/* Whether it came to that; the check knows why not. */
static bool wait_ready(struct serving *s, const struct suite_container *container, struct run *run)
{
	struct arena *arena = s->f->arena;
	uint64_t took;
	enum run_wait wait = run_wait(run, time_now() + suite_timeout(s->smoke, container),
				      is_ready, (void *)(uintptr_t)container);

	took = time_now() - run->trace.began;
	if (wait == RUN_MET) {
		run->trace.ready = time_now();
		if (container->max_start.set && took > ms_to_ns(container->max_start.value))
			check_fail(s->f, s->check, "%s was ready after %s, and must be after %s",
				   container->name, duration_text(arena, took),
				   duration_text(arena, ms_to_ns(container->max_start.value)));
		return true;
	}
	if (wait == RUN_LATE)
		check_fail(s->f, s->check, "%s was not ready after %s: %s", container->name,
			   duration_text(arena, took), missing_text(s, container, run));
	run_end(run);
	if (wait == RUN_ENDED && run->refused != NULL)
		check_fail(s->f, s->check, "%s: %s", container->name, run->refused);
	else if (wait == RUN_ENDED)
		check_fail(s->f, s->check, "%s %s before it was ready: %s", container->name,
			   status_text(arena, run->status), missing_text(s, container, run));
	check_show_output(s->f, s->check, run);
	return false;
}

static bool waits(const struct suite_container *container)
{
	return container->wait_ports.count + container->wait_log.count > 0;
}

/* --- requests -------------------------------------------------------------------------------- */

static void judge_answer(struct serving *s, const struct suite_http *http, const char *what,
			 const struct http_answer *answer)
{
	const char *body;

	if (http->status.set ? answer->status != http->status.value :
			       answer->status < 200 || answer->status >= 400) {
		check_fail(s->f, s->check, "%s answered with status %u%s", what, answer->status,
			   http->status.set ? arena_printf(s->f->arena, ", not %ju",
							   (uintmax_t)http->status.value) : "");
		body = bytes_text(s->f->arena, answer->body,
				  answer->body_size < 200 ? answer->body_size : 200);
		check_say(s->f, s->check, "%.200s", text_printable(s->f->arena, body));
	}
	check_patterns(s->f, s->check, arena_printf(s->f->arena, "%s: body", what),
		       &http->expected_body, &http->excluded_body, answer->body,
		       answer->body_size);
	check_patterns(s->f, s->check, arena_printf(s->f->arena, "%s: headers", what),
		       &http->expected_headers, NULL, answer->headers, strlen(answer->headers));
}

static void send_requests(struct serving *s)
{
	LIST_EACH(http, s->test->http) {
		const char *what = arena_printf(s->f->arena, "%s http://localhost:%u%s",
						http->method != NULL ? http->method : "GET",
						http->port, http->path != NULL ? http->path : "/");
		uint64_t wait = http->timeout.set ? ms_to_ns(http->timeout.value) :
						    suite_timeout(s->smoke, s->container);
		struct http_answer answer;
		struct error err;

		if (http_request(s->f->arena, &s->run, http, time_now() + wait, &answer, &err) < 0)
			check_fail(s->f, s->check, "%s: %s", what, err.text);
		else
			judge_answer(s, http, what, &answer);
	}
}

/* --- containers ------------------------------------------------------------------------------- */

static bool start_one(struct serving *s, const struct suite_container *container, const char *root,
		      struct root *ret_root, struct run *ret, const char *network)
{
	struct container_config config;
	struct error err;

	if (suite_config(s->f->arena, s->smoke, s->job->suite, container, &config, &err) < 0 ||
	    root_make(s->f->arena, s->smoke, root, ret_root, &err) < 0)
		goto failed;
	config.root = ret_root->path;
	if (network != NULL) {
		config.network = NETWORK_JOINED;
		config.network_path = network;
	}
	if (run_start(ret, s->f->arena, s->smoke, container->name, &config, &err) == 0)
		return true;
failed:
	check_fail(s->f, s->check, "%s: %s", container->name, err.text);
	return false;
}

/* By its signal, within its grace; then it is judged by how it ended. */
static void stop_one(struct serving *s, const struct suite_container *container, struct run *run)
{
	int signal = container->stop_signal != 0 ? container->stop_signal :
						   subject_stop_signal(&s->smoke->subject);
	uint64_t grace = container->grace.set ? container->grace.value : s->smoke->grace;

	if (run_ended_itself(run)) {
		run_end(run);
		/* How it ends is the suite's, where it says so: a service goes on. */
		if (!container->exit_code.set && container->exit_signal == 0) {
			check_fail(s->f, s->check, "%s %s, before it was told to stop",
				   container->name, status_text(s->f->arena, run->status));
			check_show_output(s->f, s->check, run);
		}
		suite_judge(s->f, s->check, container, run, -1);
		return;
	}
	run_signal(run, signal);
	if (run_wait(run, time_now() + ms_to_ns(grace), NULL, NULL) == RUN_LATE)
		check_fail(s->f, s->check, "%s still runs %s after %s, and was killed",
			   container->name, duration_text(s->f->arena, ms_to_ns(grace)),
			   signal_text(s->f->arena, signal));
	run_end(run);
	if (!run->killed)
		suite_judge(s->f, s->check, container, run, -1);
}

/* Beside the service: one that waits for something stays, any other runs to its end. */
static void run_sidecars(struct serving *s)
{
	const char *network = arena_printf(s->f->arena, "/proc/%d/ns/net", s->run.inside);
	const size_t count = s->test->sidecars.count;
	struct run *runs = ARENA_NEWS(s->f->arena, count + 1, struct run);
	struct root *roots = ARENA_NEWS(s->f->arena, count + 1, struct root);
	struct run *beside = &s->run;

	for (size_t i = 0; i < count; i++) {
		const struct suite_container *sidecar = &s->test->sidecars.items[i];
		const char *root = arena_printf(s->f->arena, "root-%zu-%zu", s->job->number, i);

		runs[i] = (struct run)RUN_NONE;
		if (!start_one(s, sidecar, root, &roots[i], &runs[i], network))
			continue;
		runs[i].beside = beside;
		if (waits(sidecar)) {
			wait_ready(s, sidecar, &runs[i]);
			beside = &runs[i];
			continue;
		}
		run_wait(&runs[i], time_now() + suite_timeout(s->smoke, sidecar), NULL, NULL);
		run_end(&runs[i]);
		suite_judge(s->f, s->check, sidecar, &runs[i], 0);
	}
	for (size_t i = count; i-- > 0;) {
		if (runs[i].pid > 0 && waits(&s->test->sidecars.items[i]) && !runs[i].ended)
			stop_one(s, &s->test->sidecars.items[i], &runs[i]);
		run_close(&runs[i], s->f, s->check);
		root_drop(&roots[i]);
	}
}

void check_service(const struct smoke *smoke, const struct job *job, struct findings *f)
{
	struct serving s = { .smoke = smoke, .job = job, .test = job->what, .f = f,
			     .check = check_new(f, job->name), .run = RUN_NONE };

	s.container = &s.test->container;
	if (start_one(&s, s.container, arena_printf(f->arena, "root-%zu", job->number), &s.root,
		      &s.run, NULL) &&
	    wait_ready(&s, s.container, &s.run)) {
		if (s.run.trace.ready > s.run.trace.began)
			check_fact(f, s.check, "ready in %s",
				   duration_text(f->arena, s.run.trace.ready - s.run.trace.began));
		send_requests(&s);
		run_sidecars(&s);
		stop_one(&s, s.container, &s.run);
		if (s.check->outcome == OUTCOME_FAIL && s.check->out == NULL)
			check_show_output(f, s.check, &s.run);
	}
	run_close(&s.run, f, s.check);
	root_drop(&s.root);
	s.check->ended = time_now();
}
