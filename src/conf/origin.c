/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which origins this gateway answers for, and which may call it from a browser. Everything that
 * the gateway says about itself begins with one of these texts, never with a header's.
 */
#include "config.h"

#include "conf/origin.h"

#include <string.h>
#include <strings.h>

static int default_port(const char *scheme)
{
	return !strcmp(scheme, "https") ? 443 : 80;
}

/* A bare http or https origin: no path, not even "/", no user, query or fragment. */
static bool parse_origin(struct origin *o, struct arena *a, const char *text)
{
	struct err e = { 0 };
	struct uri u;

	if (!uri_parse(&u, a, text, &e) || !u.host || u.userinfo || *u.path || u.query ||
	    u.fragment)
		return false;
	if (strcmp(u.scheme, "https") != 0 && strcmp(u.scheme, "http") != 0)
		return false;
	*o = (struct origin){
		.text = uri_origin(&u, a),
		.scheme = u.scheme,
		.host = u.host,
		.port = u.port,
		.loopback = uri_is_loopback(u.host),
	};
	return true;
}

static void origin_fault(
    struct loader *l, const char *list, size_t i, const char *remedy, const char *text)
{
	problem_add(l->problems, true, l->p->config_file, pointer_item(l->arena, list, i), remedy,
	    "%s", text);
}

/* Whether a Host header could mean either: what is left of both once the scheme is gone. */
static bool same_host_header(const struct origin *a, const struct origin *b)
{
	bool a_default = a->port == default_port(a->scheme),
	     b_default = b->port == default_port(b->scheme);

	return !strcmp(a->host, b->host) && (a->port == b->port || (a_default && b_default));
}

static bool is_sound_origin(struct loader *l, const struct origin *origins, size_t i)
{
	const struct origin *o = &origins[i];

	if (!strcmp(o->scheme, "http") && !o->loopback) {
		origin_fault(l, "/publicOrigins", i, "write https://…",
		    "a public origin must be https unless it is loopback (localhost, 127.0.0.1, "
		    "[::1])");
		return false;
	}
	for (size_t k = 0; k < i; k++) {
		if (!origins[k].text || !same_host_header(o, &origins[k]))
			continue;
		origin_fault(l, "/publicOrigins", i, "keep one of the two",
		    arena_printf(l->arena,
			"a request's Host could mean this origin and /publicOrigins/%zu", k));
		return false;
	}
	return true;
}

bool origins_load(struct loader *l, struct json_object *list)
{
	size_t mark = problems_mark(l->problems);
	size_t n = list ? json_object_array_length(list) : 0;
	struct origin *origins = arena_calloc(l->arena, n + 1, sizeof(*origins));

	if (list && n == 0)
		problem_add(l->problems, true, l->p->config_file, "/publicOrigins",
		    "name an origin, or remove the key: then loopback is served",
		    "publicOrigins is empty");
	for (size_t i = 0; i < n; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));

		if (!parse_origin(&origins[i], l->arena, text))
			origin_fault(l, "/publicOrigins", i,
			    "write https://HOST or https://HOST:PORT, without a slash at its end",
			    "this is no origin");
		else
			is_sound_origin(l, origins, i);
	}
	l->p->origins = origins;
	l->p->origins_n = n;
	return !problems_fault(l->problems, mark);
}

void allowed_origins_load(struct loader *l, struct json_object *list)
{
	size_t n = list ? json_object_array_length(list) : 0;
	const char **allowed = arena_calloc(l->arena, n + 1, sizeof(*allowed));

	for (size_t i = 0; i < n; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));
		struct origin o = { .text = "*" };

		if (!strcmp(text, "*") && n > 1)
			origin_fault(l, "/allowedOrigins", i, "keep \"*\" alone, or remove it",
			    "\"*\" stands beside other origins");
		else if (strcmp(text, "*") != 0 && !parse_origin(&o, l->arena, text))
			origin_fault(l, "/allowedOrigins", i,
			    "write https://HOST or https://HOST:PORT, without a slash at its end",
			    "this is no origin");
		allowed[i] = o.text; /* as browsers spell it: lower case, no default port */
	}
	l->p->allowed_origins = list ? allowed : NULL;
}

/* Splits "host[:port]" strictly (RFC 9110 section 7.2); *PORT is 0 if there is none. */
static bool split_host(struct arena *a, const char *text, const char **host, int *port)
{
	const char *url = arena_join(a, "http://", text, NULL);
	struct err e = { 0 };
	struct uri u;

	if (!uri_parse(&u, a, url, &e) || !u.host || u.userinfo || *u.path || u.query || u.fragment)
		return false;
	*host = u.host;
	*port = u.has_port ? u.port : 0;
	return true;
}

static bool matches(const struct origin *o, const char *host, int port, const char *scheme)
{
	if (!o->text || strcmp(o->host, host) != 0 || o->port != (port ? port : default_port(o->scheme)))
		return false;
	return !scheme || !strcmp(o->scheme, scheme);
}

/* As most clients spell it: there is nothing to read. */
static bool is_spelled(const struct origin *o, const char *text, const char *scheme)
{
	return o->text && !strcmp(o->text + strlen(o->scheme) + 3, text) && (!scheme || !strcmp(o->scheme, scheme));
}

static const struct origin *make_loopback(struct arena *a, const char *host, int port)
{
	struct origin *o = arena_alloc(a, sizeof(*o));

	*o = (struct origin){
		.text = port && port != 80 ? arena_printf(a, "http://%s:%d", host, port)
					   : arena_printf(a, "http://%s", host),
		.scheme = "http",
		.host = host,
		.port = port ? port : 80,
		.loopback = true,
	};
	return o;
}

/* X-Forwarded-Proto is a word in any case. */
static const char *lower_scheme(const char *scheme)
{
	return !strcasecmp(scheme, "https")  ? "https"
	       : !strcasecmp(scheme, "http") ? "http"
					     : scheme;
}

const struct origin *project_origin(
    const struct project *p, struct arena *a, const char *text, const char *scheme)
{
	const char *host;
	int port;

	if (scheme)
		scheme = lower_scheme(scheme);
	for (size_t i = 0; i < p->origins_n; i++)
		if (is_spelled(&p->origins[i], text, scheme))
			return &p->origins[i];
	if (!split_host(a, text, &host, &port))
		return NULL;
	for (size_t i = 0; i < p->origins_n; i++)
		if (matches(&p->origins[i], host, port, scheme))
			return &p->origins[i];
	if ((p->origins_n == 0 || p->development) && uri_is_loopback(host) &&
	    (!scheme || !strcmp(scheme, "http")))
		return make_loopback(a, host, port);
	return NULL;
}

/* An Origin header of a loopback page: http or https, any port, nothing after it. */
static bool is_loopback_origin(const char *text)
{
	struct arena *a = arena_new();
	struct origin o;
	bool is = parse_origin(&o, a, text) && o.loopback;

	arena_free(a);
	return is;
}

bool project_allows_origin(const struct project *p, const char *text)
{
	if (p->allowed_origins) {
		for (const char *const *o = p->allowed_origins; *o; o++)
			if (!strcmp(*o, "*") || !strcmp(*o, text))
				return true;
		return false;
	}
	for (size_t i = 0; i < p->origins_n; i++)
		if (!strcmp(p->origins[i].text, text))
			return true;
	return (p->origins_n == 0 || p->development) && is_loopback_origin(text);
}
