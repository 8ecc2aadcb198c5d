/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop that every program runs:
 *   accept -> req_read (arena) -> route_find (need, limits) -> identify -> handler -> resp_send
 * Each arrow returns bool; the first false goes to resp_error.
 *
 * A program whose project or keys do not load keeps running and says so on every path: a web
 * server would start it again for ever.
 */
#include "config.h"

#include "http/http.h"

#include "http/http_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS_DEFAULT = 4,
	THREAD_STACK = 512 * 1024,
	TRIM_BYTES = 2 << 20, /* at the heap's end */
	STOP_S = 65 /* longer than a body that comes byte by byte may take: see req_read_body() */
};

struct worker {
	pthread_t thread;
	struct app *app;
	struct io_listener *listener;
};

static struct req *req_new(struct app *app, struct io *io)
{
	struct arena *a = arena_new();
	struct req *r = arena_alloc(a, sizeof(*r));

	r->app = app;
	r->arena = a;
	r->io = io;
	r->site = site_ref(app);
	r->project = r->site->project;
	return r;
}

void req_finish(struct req *r)
{
	struct site *site = r->site;

	io_end(r->io);
	arena_free(r->arena);
	site_unref(site);
}

void req_detach(struct req *r)
{
	*r->detached = true;
}

/* A faulty project answers on every path, in plain terms and without a value. */
static bool project_is_sound(const struct req *r, struct err *e)
{
	if (r->site->fault.code)
		return err_set(e, r->site->fault.code, r->site->fault.text, "%s", r->site->fault.detail);
	if (!r->project->fault)
		return r->app->up || err_set(e, ERR_UNAVAILABLE, "the program is starting", "");
	err_clear(e);
	err_set(e, ERR_CONFIG, "", "%s", r->project->fault);
	return err_text(e, "the gateway's configuration has an error: %.200s", r->project->fault);
}

static bool need_is_met(struct req *r, struct err *e)
{
	switch (r->row->need) {
	case NEED_ANYONE:
		return true;
	case NEED_IDENTIFY:
		if (r->row->identify)
			return r->row->identify(r, e);
		break;
	case NEED_NOBODY:
		break;
	}
	return err_set(e, ERR_FORBIDDEN, "this address is closed", "row without a need");
}

static bool respond(struct req *r, struct resp *p, struct err *e)
{
	bool read = req_read(r, e);

	/* before the Host is judged: a monitor asks by address, not by public name */
	if (health_answer(r, p) || (r->app->early && r->app->early(r, p)))
		return true;
	if (!project_is_sound(r, e) || !read || !route_find(r, p, e))
		return false;
	if (cors_any(r, p))
		return true;
	return req_read_body(r, r->row->body_max, e) && need_is_met(r, e) && r->row->handler(r, p, e);
}

void serve_request(struct app *app, struct io *io)
{
	struct req *r = req_new(app, io);
	struct resp *p = arena_alloc(r->arena, sizeof(*p));
	struct err e = { .code = ERR_NONE };
	bool detached = false;

	r->detached = &detached;
	resp_init(p, r->arena);
	if (!respond(r, p, &e)) {
		if (!e.code)
			err_set(&e, ERR_INTERNAL, "the gateway made an error", "handler gave no reason");
		resp_error(r, p, &e);
	}
	if (detached)
		return;
	if (!p->head_sent)
		resp_send(r, p);
	req_finish(r);
}

/* Not yet, maybe: a program may start with a project that is not sound. */
static bool has_loop(const struct app *app)
{
	return app->up && app->run;
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;
	struct io *io;

	while (!has_loop(w->app)) {
		if (!(io = io_accept(w->listener)))
			return NULL;
		serve_request(w->app, io);
	}
	w->app->run(w->app);
	return NULL;
}

/* security.md: core dumps off, not dumpable, no new privileges. */
static void harden(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/*
 * Before the first thread, and when it is known what the project needs. One that does not load yet may come to need
 * anything: then the program stays as it is.
 */
static void confine_self(struct app *app)
{
	const struct project *p = app->site->project;
	const struct confine *c;

	app->arena = arena_new();
	if (p->fault)
		return;
	c = confine_new(app->arena, &(struct confine_options){
	    .project = p, .dir = app->dir, .program = app->name, .snapshots = app->snapshots });
	if (confine_apply(c))
		app->confined = c;
}

static void raise_descriptors(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int usage(const char *name, int status)
{
	fprintf(status ? stderr : stdout,
	    "usage: %s.fcgi [-c PROJECT]\n"
	    "Serves FastCGI on the listening socket that is its descriptor 0, or one CGI request: start\n"
	    "it from a web server, systemd, or spawn-fcgi. PROJECT is the project directory; else it is\n"
	    "taken from GATEHOUSE_PROJECT, or from the file gatehouse.path beside the binary.\n"
	    "       %s.fcgi --version\n",
	    name, name);
	return status;
}

/* The one option, without getopt's global state: returns -1 to go on, or the exit status. */
static int read_options(const struct app *app, int argc, char **argv, const char **dir)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--version")) {
			printf("%s.fcgi (%s)\n", app->name, PACKAGE_STRING);
			return 0;
		}
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return usage(app->name, 0);
		if (strcmp(argv[i], "-c") || i + 1 == argc)
			return usage(app->name, 2);
		*dir = argv[++i];
	}
	return -1;
}

static void load_site(struct app *app, const char *option, const char *argv0)
{
	struct arena *a = arena_new();
	struct err e = { .code = ERR_NONE };
	const char *dir = project_find_dir(a, option, argv0, &e);

	if (!dir)
		log_error(NULL, e.text, "detail", e.detail, NULL);
	pthread_mutex_init(&app->site_lock, NULL);
	site_start(app, dir ? dir : "");
	arena_free(a);
}

static void open_database(struct app *app)
{
	const struct project *p = app->site->project;
	struct db_options options = {
		.conninfo = p->database,
		.program = app->name,
		.size = (unsigned)app->threads,
		.prepare = p->prepared_statements,
		.statement_ms = p->limits.statement_ms,
	};

	if (app->uses_database)
		app->db = db_open(&options);
}

bool app_bring_up(struct app *app)
{
	struct err e = { .code = ERR_NONE };

	if (app->up || app->site->project->fault)
		return true;
	open_database(app);
	event_start(&(struct event_options){
	    .program = app->name, .db = app->db, .days = app->site->project->events_days,
	    .summary_days = app->site->project->summary_days });
	event_forwards(app->site->project->destinations_n > 0);
	if (app->start && !app->start(app, &e)) {
		log_error(NULL, e.text, "detail", e.detail, NULL);
		return false;
	}
	app->up = true;
	return true;
}

static bool start_workers(struct worker *workers, struct app *app, int stop_fd)
{
	pthread_attr_t attr;
	bool ok = true;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	for (int i = 0; ok && i < app->threads; i++) {
		workers[i].app = app;
		workers[i].listener = io_listen(has_loop(app) ? -1 : stop_fd);
		ok = workers[i].listener &&
		    !pthread_create(&workers[i].thread, &attr, worker_run, &workers[i]);
	}
	pthread_attr_destroy(&attr);
	return ok;
}

/*
 * Requests being answered are finished; one that does not end in time goes with the process, and with it all
 * calls in flight: so the time is long.
 */
static void end_at_once(void)
{
	log_warn(NULL, "a request did not end in time", NULL);
	_exit(0);
}

static void join_workers(struct worker *workers, int n, const struct timespec *until)
{
	for (int i = 0; i < n; i++) {
		if (pthread_timedjoin_np(workers[i].thread, NULL, until))
			end_at_once();
		io_listener_free(workers[i].listener);
	}
}

static void wait_for_stop(const sigset_t *signals)
{
	int got = 0;

	while (sigwait(signals, &got) || got == SIGHUP)
		; /* SIGHUP: nothing to reopen that a write would not find */
}

static void block_signals(sigset_t *signals)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGUSR1);
	sigaddset(signals, SIGHUP);
	/* all threads inherit the mask: no call of theirs is ever interrupted */
	pthread_sigmask(SIG_BLOCK, signals, NULL);
}

/* Ends what is in flight, writes what is queued, lets go of everything. */
static int finish(struct app *app)
{
	site_unwatch(app);
	if (app->stop && app->up)
		app->stop(app);
	event_stop();
	if (app->db)
		db_close(app->db);
	site_stop(app);
	arena_free(app->arena);
	return 0;
}

static void stop_workers(struct app *app, struct worker *workers, int stop_fd)
{
	const uint64_t one = 1;
	ssize_t n = write(stop_fd, &one, sizeof(one));
	struct timespec until;

	(void)n;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_S;
	if (has_loop(app) && !app->shut(app, &until))
		end_at_once();
	join_workers(workers, app->threads, &until);
	free(workers);
}

int serve(struct app *app, int argc, char **argv)
{
	struct worker *workers;
	struct io *one;
	const char *dir = NULL;
	sigset_t signals;
	int stop_fd, status;

	status = read_options(app, argc, argv, &dir);
	if (status >= 0)
		return status;
	log_init(app->name);
	harden();
	raise_descriptors();
	mallopt(M_ARENA_MAX, app->heaps ? app->heaps : 1);
	/* what one answer needed is not given back before the next: the relay does that when there are no calls */
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	mallopt(M_MMAP_THRESHOLD, TRIM_BYTES / 4);
	block_signals(&signals);
	if (app->threads <= 0)
		app->threads = THREADS_DEFAULT;
	load_site(app, dir, argv[0]);
	confine_self(app);
	one = io_cgi();
	app->one_call = one != NULL;
	if (!app_bring_up(app))
		return 1;
	if (one) {
		serve_request(app, one);
		return finish(app);
	}
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	workers = xcalloc((size_t)app->threads, sizeof(*workers));
	if (stop_fd < 0 || !start_workers(workers, app, stop_fd)) {
		log_error(NULL, "descriptor 0 is no listening socket and there is no CGI request: start "
		    "this program from a web server, systemd, or spawn-fcgi", NULL);
		return 1;
	}
	log_info(NULL, "started", "project", app->dir, "version", PACKAGE_VERSION, NULL);
	site_watch(app);
	wait_for_stop(&signals);
	log_info(NULL, "stopping", NULL);
	site_unwatch(app); /* it might bring the program up just now */
	stop_workers(app, workers, stop_fd);
	return finish(app);
}
