/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of src/conf: a project while it is read. project.c calls, in this order,
 *
 *   gateway_load -> policies_read -> routes_read -> policies_load -> routes_finish
 *
 * because which policies matter is known from the routes, and what a route may do from its
 * policies.
 */
#ifndef GATEHOUSE_CONF_LOAD_H
#define GATEHOUSE_CONF_LOAD_H

#include "conf/env.h"
#include "conf/problem.h"
#include "conf/project.h"

#define ROUTES_FILE   "config/routes.oas.json"
#define POLICIES_FILE "config/policies.json"

enum { CONF_FILE_MAX = 4 * 1024 * 1024 };

struct policy_entry {          /* beside project.policies, same index */
	bool used;             /* by a route that is served */
	const char *type_name; /* as written; NULL: none */
};

struct route_entry { /* beside project.routes, same index */
	struct json_object *operation, *extension;
	const char *extension_pointer;
	bool sound; /* the extension passed its table: the lists below were read */
	struct policy_use **inbound, **outbound; /* ended by NULL */
};

struct loader {
	struct project *p;
	struct arena *arena;
	struct problems *problems;
	struct env *env;
	const struct policy_type *const *types;
	bool check;          /* project_options.check */
	const char *program; /* project_options.program */
	/* where the configuration files are read: the project, or a snapshot of it */
	const char *files_dir;
	bool has_env_file; /* .env is there */
	/* the policy library is broken: which policies there are is not known */
	bool policies_unread;
	struct policy_use *policies;
	struct policy_entry *policy_entries;
	struct mcp_route *routes;
	struct route_entry *route_entries;
};

/*
 * Faults that keep the whole project from being served set project.fault. Each returns
 * false if its file could not be read, so that nothing can be said about what would be in
 * it.
 */
bool gateway_load(struct loader *);
bool policies_read(struct loader *);
bool routes_read(struct loader *);
void policies_load(struct loader *);
void routes_finish(struct loader *);

/*
 * The object that FILE holds (JSON with comments), in the arena. NULL with a problem; with
 * ABSENT (may be NULL) a file that is not there is no problem but sets *ABSENT.
 */
struct json_object *load_json(struct loader *, const char *file, bool *absent);

/* An array of strings as a list ended by NULL; an absent one is empty. */
const char *const *load_strings(struct loader *, struct json_object *array);

/* Whose references are replaced. */
struct expansion {
	const char *owner; /* "policy 'x'", for messages */
	bool used;         /* by a route; else what is missing is a warning */
	bool needed;       /* by this program; else nothing is said */
	bool missing;      /* set: there was a reference without a value */
	const char *fault; /* set: what to say of the first one that is needed */
};

/*
 * TEXT of FILE at POINTER with its references replaced, in the arena. NULL if one has no
 * value: then each became a problem, and `missing` and `fault` are set.
 */
const char *load_expand(struct loader *, enum env_form, const char *text, const char *file,
    const char *pointer, struct expansion *);

/*
 * Whether the program that the project is read for acts by policies of this class
 * (POLICY_OTHER: sends calls).
 */
bool load_is_needed(const struct loader *, enum policy_class);

/* Closes the route with an error; the first fault stays. */
void route_fault(struct loader *, struct mcp_route *, const char *pointer, const char *remedy,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* `stateDir` where gateway.jsonc is silent: relative to the project unless absolute. */
const char *gateway_state_dir_default(const char *project_dir);

/* What to use instead of a policy type that this product lacks; NULL if nothing comes near. */
const char *policy_replacement(const char *type);

/*
 * Whether a path is absolute, in the alphabet of URLs without escapes (so that each has one
 * spelling), and without empty, "." or ".." segments: no slash at its end.
 */
bool path_is_sound(const char *);

/* Whether the path A equals B or lies under it. "" has nothing under it. */
bool path_is_under(const char *a, const char *b);

/* destination.c: the tables of events.forward, events.metrics and alerts, and what they say. */
extern const struct option forward_options[], metrics_options[], alert_options[];
void destinations_load(struct loader *, struct json_object *events, struct json_object *alerts);

#endif
