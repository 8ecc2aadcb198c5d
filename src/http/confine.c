/* SPDX-License-Identifier: Apache-2.0 */
/* The list of places, and whether one list holds another. */
#include "config.h"

#include "http/confine.h"

#include "base/landlock.h"
#include "conf/file.h"
#include "db/db.h"
#include "json/json.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATHS_MAX = 512 };

struct builder {
	struct arena *arena;
	struct confine *list;
};

/* What is not there is left out. */
static void add(struct builder *b, const char *path, unsigned may)
{
	char real[PATH_MAX];

	if (b->list->n < PATHS_MAX && realpath(path, real))
		b->list->paths[b->list->n++] =
		    (struct confine_path){ path, arena_strdup(b->arena, real), may };
}

static const char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash > path ? arena_strndup(a, path, (size_t)(slash - path)) : "/";
}

/* A folder with much more in it than what is asked for. */
static bool is_home(const char *folder)
{
	const char *home = getenv("HOME");
	struct passwd entry, *user = NULL;
	char space[4096];

	return !strcmp(folder, "/") || !strcmp(folder, "/tmp") || (home && !strcmp(folder, home)) ||
	    (!getpwuid_r(geteuid(), &entry, space, sizeof(space), &user) && user &&
	        !strcmp(folder, user->pw_dir));
}

/*
 * A file that is replaced while we run, by another of that name: its folder may be read. Not a whole home
 * for the sake of one file in it.
 */
static void add_file(struct builder *b, const char *path)
{
	const char *folder = folder_of(b->arena, path);
	struct stat st;

	if (!stat(path, &st))
		add(b, S_ISDIR(st.st_mode) || is_home(folder) ? path : folder, LANDLOCK_MAY_READ);
}

/* A folder; where it is a link that deployments switch, what it may be switched to as well. */
static void add_folder(struct builder *b, const char *path, unsigned may)
{
	char real[PATH_MAX];
	struct stat st;

	add(b, path, may);
	if (!lstat(path, &st) && S_ISLNK(st.st_mode) && realpath(path, real) &&
	    !is_home(folder_of(b->arena, real)))
		add(b, folder_of(b->arena, real), may);
}

/* Where the first snapshot may still come to be. */
static void add_snapshots(struct builder *b, const char *home, unsigned may)
{
	struct stat st;

	while (stat(home, &st) && strcmp(home, "/") != 0) {
		home = folder_of(b->arena, home);
		may = LANDLOCK_MAY_READ;
	}
	if (strcmp(home, "/") != 0)
		add(b, home, may);
}

/* What the C library, OpenSSL, libcurl and libpq read by themselves, whenever they like. */
static void add_system(struct builder *b)
{
	static const char *const read[] = { "/etc", "/usr", "/lib", "/lib32", "/lib64", "/nix/store",
		"/gnu/store",
		/* names: where /etc/resolv.conf leads to, caches of the name service */
		"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/connman",
		"/run/nscd", "/var/cache/nscd", "/var/lib/sss",
		/* the allocator and the thread library ask for limits and processors */
		"/proc/self", "/proc/sys", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
		"/sys/devices/system/cpu", "/dev/urandom", "/dev/random", NULL };
	static const char *const named[] = { "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF",
		"OPENSSL_MODULES", "TZDIR", NULL };

	for (const char *const *path = read; *path; path++)
		add(b, *path, LANDLOCK_MAY_READ);
	add(b, "/dev/null", LANDLOCK_MAY_READ | LANDLOCK_MAY_APPEND);
	for (const char *const *name = named; *name; name++) {
		const char *path = getenv(*name);

		if (path && *path == '/')
			add(b, path, LANDLOCK_MAY_READ);
	}
}

/* A file of "outbound", relative to the project. */
static void add_outbound(struct builder *b, const struct project *p, struct json_object *in,
    const char *name)
{
	const char *path = json_get_string(in, name);

	if (path)
		add_file(b, conf_path(b->arena, p->dir, path));
}

static void add_certificates(struct builder *b, const struct project *p)
{
	struct json_object *certificates = json_get(p->outbound, "certificates");

	add_outbound(b, p, p->outbound, "caFile");
	if (!certificates || !json_object_is_type(certificates, json_type_object))
		return;
	json_object_object_foreach(certificates, upstream, pair) {
		(void)upstream;
		add_outbound(b, p, pair, "cert");
		add_outbound(b, p, pair, "key");
	}
}

static void add_database(struct builder *b, const char *conninfo, const char *program)
{
	for (const char *const *path = db_files(b->arena, conninfo, program); *path; path++)
		add_file(b, *path);
}

/* What the program that keeps the books (src/keeper) reads and writes for it. */
static void add_books(struct builder *b, const struct project *p)
{
	for (size_t i = 0; i < p->destinations_n; i++) {
		const struct destination *d = &p->destinations[i];

		if (d->path && *d->path == '/')
			add(b, folder_of(b->arena, d->path), LANDLOCK_MAY_APPEND);
		if (d->secret_file)
			add_file(b, d->secret_file);
		if (d->headers_file)
			add_file(b, d->headers_file);
	}
	for (size_t i = 0; p->alerts && i < p->alerts->to_n; i++)
		if (p->alerts->to[i].secret_file)
			add_file(b, p->alerts->to[i].secret_file);
	if (p->metrics_token_file)
		add_file(b, p->metrics_token_file);
}

static void add_project(struct builder *b, const struct confine_options *o)
{
	const struct project *p = o->project;

	add_folder(b, p->dir, LANDLOCK_MAY_READ);
	add_folder(b, o->dir, LANDLOCK_MAY_READ);
	add_folder(b, p->keyring, LANDLOCK_MAY_READ);
	if (!strcmp(o->program, "consent"))
		add_books(b, p);
	for (const char *const *path = p->value_files; path && *path; path++)
		add_file(b, *path);
	/* programs publish by themselves with autoReload alone */
	add_snapshots(b, o->snapshots, LANDLOCK_MAY_READ | (p->auto_reload ? LANDLOCK_MAY_CHANGE : 0));
	if (p->log_destination && *p->log_destination == '/')
		add(b, folder_of(b->arena, p->log_destination), LANDLOCK_MAY_APPEND);
}

struct confine *confine_new(struct arena *a, const struct confine_options *o)
{
	struct builder b = { .arena = a, .list = arena_alloc(a, sizeof(*b.list)) };

	b.list->paths = arena_calloc(a, PATHS_MAX, sizeof(*b.list->paths));
	add_system(&b);
	add_database(&b, o->project->database, o->program);
	add_database(&b, o->project->database_listen, o->program);
	b.list->own = b.list->n;
	add_project(&b, o);
	add_certificates(&b, o->project);
	return b.list;
}

static bool is_wanted(void)
{
	const char *word = getenv("GATEHOUSE_LANDLOCK");

	return !word || strcmp(word, "0") != 0;
}

bool confine_apply(const struct confine *c)
{
	int rules = is_wanted() ? landlock_begin() : -1;

	if (!is_wanted()) {
		log_info(NULL, "GATEHOUSE_LANDLOCK=0: this process may open every file that its user may", NULL);
		return false;
	}
	if (rules < 0) {
		log_debug(NULL, "the kernel has no Landlock: this process may open every file that its user may",
		    "why", strerror(errno), NULL);
		return false;
	}
	for (size_t i = 0; i < c->n; i++)
		landlock_allow(rules, c->paths[i].real, c->paths[i].may);
	if (landlock_enforce(rules))
		return true;
	log_warn(NULL, "Landlock is not in force: this process may open every file that its user may", "why",
	    strerror(errno), NULL);
	return false;
}

static bool lies_in(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && (path[n] == '/' || path[n] == '\0' || folder[n - 1] == '/');
}

static bool holds(const struct confine *c, const struct confine_path *p)
{
	for (size_t i = 0; i < c->n; i++)
		if (lies_in(p->real, c->paths[i].real) && (p->may & ~c->paths[i].may) == 0)
			return true;
	return false;
}

const char *confine_lacks(const struct confine *in_force, const struct confine *next)
{
	for (size_t i = next->own; i < next->n; i++)
		if (!holds(in_force, &next->paths[i]))
			return next->paths[i].path;
	return NULL;
}
