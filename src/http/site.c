/* SPDX-License-Identifier: Apache-2.0 */
/* Loading what is published, and changing over to what is published next. */
#include "config.h"

#include "http/site.h"

#include "conf/snapshot.h"
#include "event/event.h"
#include "http/http.h"
#include "http/http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WATCH_MS = 500 };

struct site *site_share(struct site *s)
{
	pthread_mutex_lock(&s->app->site_lock);
	s->refs++;
	pthread_mutex_unlock(&s->app->site_lock);
	return s;
}

struct site *site_ref(struct app *app)
{
	struct site *s;

	pthread_mutex_lock(&app->site_lock);
	s = app->site;
	s->refs++;
	pthread_mutex_unlock(&app->site_lock);
	return s;
}

static void site_free(struct site *s)
{
	if (s->app->release && s->own)
		s->app->release(s);
	if (s->ring)
		ring_close(s->ring);
	project_unref(s->project);
	free(s);
}

void site_unref(struct site *s)
{
	bool last;

	if (!s)
		return;
	pthread_mutex_lock(&s->app->site_lock);
	last = --s->refs == 0;
	pthread_mutex_unlock(&s->app->site_lock);
	if (last)
		site_free(s);
}

static struct project_options options_of(const struct app *app)
{
	return (struct project_options){ .dir = app->dir, .types = app->policy_types, .program = app->name };
}

/* Keys are opened again with each site: a key that was added is known from the next reload on. */
static void open_keys(struct site *s)
{
	struct arena *a;

	if (!s->app->key_mask || s->project->fault)
		return;
	a = arena_new();
	s->ring = ring_open(ring_folder(a, s->project->keyring, s->app->name), s->app->key_mask, &s->ring_fault);
	arena_free(a);
	if (!s->ring)
		log_error(NULL, s->ring_fault.text, "detail", s->ring_fault.detail, NULL);
}

static struct site *site_of(struct app *app, struct project *p, unsigned long number)
{
	struct site *s = xcalloc(1, sizeof(*s));

	s->app = app;
	s->project = p;
	s->snapshot = number;
	s->refs = 1;
	open_keys(s);
	if (app->adopt && !p->fault && !app->adopt(s, &s->fault))
		log_error(NULL, s->fault.text, "detail", s->fault.detail, NULL);
	return s;
}

static struct project *load_from(struct app *app, const char *files_dir)
{
	struct project_options options = options_of(app);

	options.files_dir = files_dir;
	return project_load(&options);
}

/* The snapshot in force, or the first one, made here. NULL: neither can be had. */
static struct project *load_published(struct app *app, struct arena *a, unsigned long *number)
{
	const struct project_options options = options_of(app);
	struct err e = { .code = ERR_NONE };
	struct project *p = NULL;
	struct snapshot s;

	if (!snapshot_current(&s, a, app->snapshots, &e)) {
		if (e.code != ERR_NOT_FOUND)
			log_error(NULL, e.text, NULL);
		err_clear(&e);
		if (!snapshot_publish(&s, a, app->snapshots, &options, PUBLISH_FIRST, &p, &e)) {
			if (e.code != ERR_CONFIG)
				log_warn(NULL, "the project cannot be published; its directory is served as it is",
				    "why", e.text, NULL);
			project_unref(p);
			return NULL;
		}
		project_unref(p);
	}
	*number = s.number;
	return load_from(app, s.dir);
}

static struct site *load_site(struct app *app)
{
	struct arena *a = arena_new();
	unsigned long number = 0;
	struct project *p = load_published(app, a, &number);

	if (!p)
		p = load_from(app, NULL);
	arena_free(a);
	return site_of(app, p, number);
}

static void apply_log(const struct project *p)
{
	log_level_set(p->log_level);
	if (p->log_destination)
		log_open(p->log_destination);
}

void site_start(struct app *app, const char *dir)
{
	struct arena *a = arena_new();

	app->dir = xstrdup(dir);
	app->snapshots = xstrdup(snapshot_home(a, dir));
	app->snapshot_mark = snapshot_mark(app->snapshots);
	app->source_mark = snapshot_source_mark(dir);
	app->site = load_site(app);
	arena_free(a);
	apply_log(app->site->project);
	if (app->site->project->fault)
		log_error(NULL, "the project does not load; every request is answered 500", "fault",
		    app->site->project->fault, "project", app->dir, NULL);
}

/* ---- changing over ---- */

static void put_in_force(struct app *app, struct site *next)
{
	struct site *old;
	char number[24];

	pthread_mutex_lock(&app->site_lock);
	old = app->site;
	app->site = next;
	pthread_mutex_unlock(&app->site_lock);
	apply_log(next->project);
	app_bring_up(app);
	if (old->project->fault && !app->confined)
		log_info(NULL, "this process began with a project that did not load, and may open every file "
		    "that its user may: restart it when convenient", NULL);
	snprintf(number, sizeof(number), "%lu", next->snapshot);
	log_info(NULL, "a new snapshot is in force", "snapshot", number, NULL);
	event_forwards(next->project->destinations_n > 0);
	if (app->changed)
		app->changed(app, old, next);
	site_unref(old);
}

/* A bad new one keeps the old one in force, unless that was bad too. */
static bool is_worse(const struct site *old, const struct site *next)
{
	return (next->project->fault && !old->project->fault) || (!next->ring && old->ring) ||
	    (next->fault.code && !old->fault.code);
}

/* The rules of http/confine.h stand as long as the process. */
static bool is_out_of_reach(struct app *app, const struct project *next)
{
	struct arena *a = arena_new();
	const char *path = NULL;

	if (app->confined && !next->fault)
		path = confine_lacks(app->confined, confine_new(a, &(struct confine_options){
		    .project = next, .dir = app->dir, .program = app->name, .snapshots = app->snapshots }));
	if (path)
		log_error(NULL, "the new snapshot names a place that this process gave up at its start; the old "
		    "one stays in force until the program is restarted", "path", path, NULL);
	arena_free(a);
	return path != NULL;
}

static void change_over(struct app *app)
{
	struct site *next = load_site(app);

	if (is_out_of_reach(app, next->project)) {
		site_unref(next);
		return;
	}
	if (is_worse(app->site, next)) {
		log_error(NULL, "the new snapshot cannot be served; the old one stays in force", "why",
		    next->project->fault ? next->project->fault :
		    next->fault.code     ? next->fault.text :
		                           next->ring_fault.text,
		    NULL);
		site_unref(next);
		return;
	}
	put_in_force(app, next);
}

/* The directory changed: publish it if it is sound, or, where publishing is impossible, serve it. */
static void source_changed(struct app *app)
{
	const struct project_options options = options_of(app);
	struct arena *a = arena_new();
	struct err e = { .code = ERR_NONE };
	struct project *p = NULL;
	struct snapshot s;

	if (!snapshot_publish(&s, a, app->snapshots, &options, PUBLISH_CHANGES, &p, &e))
		log_error(NULL, e.text, "detail", e.detail, NULL);
	project_unref(p);
	arena_free(a);
}

/* A site that serves nothing is mended by an edit, without a reload: nothing was published that could be broken. */
static bool wants_source(const struct site *s)
{
	return s->project->auto_reload || (s->snapshot == 0 && s->project->fault);
}

static void look(struct app *app)
{
	unsigned long long mark = snapshot_mark(app->snapshots);
	unsigned long long source;

	if (mark != app->snapshot_mark) {
		app->snapshot_mark = mark;
		change_over(app);
	}
	if (!wants_source(app->site))
		return;
	source = snapshot_source_mark(app->dir);
	if (source == app->source_mark)
		return;
	app->source_mark = source;
	if (app->site->snapshot)
		source_changed(app);
	else
		change_over(app);
}

static void *watch(void *arg)
{
	struct app *app = arg;
	struct pollfd stop = { .fd = app->watch_stop[0], .events = POLLIN };
	int n;

	do {
		n = poll(&stop, 1, WATCH_MS);
		if (n == 0)
			look(app);
	} while (n == 0 || (n < 0 && errno == EINTR));
	return NULL;
}

void site_watch(struct app *app)
{
	pthread_attr_t attr;

	if (pipe2(app->watch_stop, O_CLOEXEC)) {
		log_error(NULL, "cannot watch for reloads", NULL);
		return;
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 * 1024);
	app->watching = !pthread_create(&app->watcher, &attr, watch, app);
	pthread_attr_destroy(&attr);
}

void site_unwatch(struct app *app)
{
	if (!app->watching)
		return;
	app->watching = false;
	close(app->watch_stop[1]);
	pthread_join(app->watcher, NULL);
	close(app->watch_stop[0]);
}

void site_stop(struct app *app)
{
	site_unref(app->site);
	free(app->dir);
	free(app->snapshots);
}
