/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in force: a project and the keys it names, replaced as one. A request keeps the site that it
 * began with; a newer one is served from the next request on, within a second of its publication.
 */
#ifndef GATEHOUSE_HTTP_SITE_H
#define GATEHOUSE_HTTP_SITE_H

#include "conf/project.h"
#include "keys/ring.h"

struct app;

struct site {
	struct project *project; /* never NULL; may have a fault */
	struct ring *ring;       /* NULL: see ring_fault */
	struct err ring_fault;   /* why a program that needs keys has none */
	unsigned long snapshot;  /* its number; 0: the directory itself is served */
	struct err fault;        /* code is not 0: app.adopt failed; every path answers it */
	void *own;               /* what the program made of it: app.adopt */
	struct app *app;
	unsigned refs; /* under app.site_lock */
};

/* The site in force; the caller ends its use with site_unref(). */
struct site *site_ref(struct app *);
struct site *site_share(struct site *); /* one reference more */
void site_unref(struct site *);

/*
 * Loads the published snapshot of the project DIR; where there is none, publishes the first; where that cannot be
 * done, serves the directory itself and says so. A project that does not load makes a site that answers
 * configuration_error on every path.
 */
void site_start(struct app *, const char *dir);

/* Looks for a newer snapshot twice a second, from a thread of its own; with autoReload, publishes changes. */
void site_watch(struct app *);
/* Ends the watching. Before anything else of the program ends: a reload calls app.changed, which uses all of it. */
void site_unwatch(struct app *);
/* Ends the app's own reference. */
void site_stop(struct app *);

#endif
