/* SPDX-License-Identifier: Apache-2.0 */
/* A project: reading it, finding it, and what the programs ask of it. */
#include "config.h"

#include "conf/project.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"
#include "conf/load.h"

/* What the arena holds first; `project` must stay its first member. */
struct counted {
	struct project project;
	atomic_uint references;
};

struct project *project_ref(struct project *p)
{
	atomic_fetch_add(&((struct counted *)p)->references, 1);
	return p;
}

void project_unref(struct project *p)
{
	if (p && atomic_fetch_sub(&((struct counted *)p)->references, 1) == 1)
		arena_free(p->arena);
}

static bool find_directory(struct loader *l, const char *dir)
{
	char path[PATH_MAX];
	struct stat st;

	l->p->dir = arena_strdup(l->arena, dir);
	if (!realpath(dir, path)) {
		problem_add(l->problems, true, ".", "",
		    "name the directory that holds gateway.jsonc",
		    "the project directory cannot be found: %s", strerror(errno));
	} else if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		problem_add(l->problems, true, ".", "",
		    "name the directory that holds gateway.jsonc",
		    "the project is not a directory");
	} else {
		l->p->dir = arena_strdup(l->arena, path);
		l->files_dir = l->files_dir ? arena_strdup(l->arena, l->files_dir) : l->p->dir;
		l->p->files_dir = l->files_dir;
		return true;
	}
	l->p->fault = problems_fault(l->problems, 0);
	return false;
}

/*
 * A project may have no .env at all: then everything comes from the process, or is not set
 * up yet.
 */
static void read_env(struct loader *l)
{
	struct conf_text text;
	struct err e = { 0 };

	l->env = env_new(l->arena, l->p->dir, environ);
	if (!conf_read(&text, l->arena, conf_path(l->arena, l->p->dir, ".env"), ENV_TEXT_MAX, &e)) {
		l->has_env_file = e.code != ERR_NOT_FOUND;
		if (l->has_env_file)
			problem_add(l->problems, true, ".env", "", "let the programs' user read it",
			    "the file %s", e.text);
		return;
	}
	l->has_env_file = true;
	env_parse(l->env, text.p, text.n, l->problems);
	if (text.mode & S_IROTH)
		problem_add(l->problems, false, ".env", "", "chmod o-r .env",
		    "every user of this machine can read the file");
}

/*
 * What can still be read after a fault is read: a person wants to see all faults at once.
 * What would follow from an unreadable file alone is not said.
 */
static void load(struct loader *l, const char *dir)
{
	bool policies, routes;

	if (!find_directory(l, dir))
		return;
	if (!gateway_load(l)) {
		load_json(l, POLICIES_FILE, NULL);
		load_json(l, ROUTES_FILE, NULL);
		return;
	}
	read_env(l);
	l->p->value_files = env_files(l->env); /* the list fills while references are resolved */
	policies = policies_read(l);
	routes = routes_read(l);
	if (policies && routes) {
		policies_load(l);
		routes_finish(l);
	}
}

struct project *project_load(const struct project_options *options)
{
	struct arena *a = arena_new();
	struct counted *c = arena_alloc(a, sizeof(*c));
	struct loader l = {
		.p = &c->project,
		.arena = a,
		.problems = problems_new(a),
		.types = options->types,
		.check = options->check,
		.program = options->program,
		.files_dir = options->files_dir,
	};

	atomic_init(&c->references, 1);
	l.p->arena = a;
	l.p->problems = l.problems;
	l.p->config_file = "gateway.jsonc";
	l.p->base_path = "";
	l.p->log_level = LOG_LEVEL_INFO;
	load(&l, options->dir);
	return l.p;
}

/* ---- where it is ---- */

/* The directory of the binary: from ARGV0 if it says, else from the kernel. */
static const char *binary_directory(struct arena *a, const char *argv0)
{
	char path[PATH_MAX];
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
	ssize_t n;

	if (slash)
		return slash == argv0 ? "/" : arena_strndup(a, argv0, (size_t)(slash - argv0));
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n <= 0)
		return ".";
	path[n] = '\0';
	slash = strrchr(path, '/');
	return arena_strndup(a, path, slash > path ? (size_t)(slash - path) : 1);
}

static const char *read_path_file(struct arena *a, const char *argv0)
{
	const char *dir = binary_directory(a, argv0);
	struct conf_text text;

	if (!conf_read(&text, a, conf_path(a, dir, "gatehouse.path"), PATH_MAX, NULL))
		return NULL;
	text.p[strcspn(text.p, "\r\n")] = '\0';
	return *text.p ? conf_path(a, dir, text.p) : NULL;
}

const char *project_find_dir(struct arena *a, const char *option, const char *argv0, struct err *e)
{
	const char *dir = option && *option ? option : getenv("GATEHOUSE_PROJECT");

	if (!dir || !*dir)
		dir = read_path_file(a, argv0);
	if (!dir)
		err_set(e, ERR_CONFIG,
		    "no project directory: give -c DIR, set GATEHOUSE_PROJECT, or write it into a "
		    "file "
		    "gatehouse.path beside the program",
		    "");
	return dir ? arena_strdup(a, dir) : NULL;
}

/* ---- what it says ---- */

const struct mcp_route *project_route(const struct project *p, const char *path)
{
	for (size_t i = 0; i < p->routes_n; i++)
		if (!strcmp(p->routes[i].path, path))
			return &p->routes[i];
	return NULL;
}

const struct mcp_route *project_route_by_operation(
    const struct project *p, const char *operation_id)
{
	for (size_t i = 0; i < p->routes_n; i++)
		if (*p->routes[i].operation_id && !strcmp(p->routes[i].operation_id, operation_id))
			return &p->routes[i];
	return NULL;
}

const struct mcp_route *project_only_route(const struct project *p)
{
	return p->routes_n == 1 ? &p->routes[0] : NULL;
}
