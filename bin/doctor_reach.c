/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs connect to: names, addresses that the guard lets pass, TLS. Through net/transfer, so that
 * what holds for the programs holds here; no request is sent.
 */
#include "config.h"

#include "doctor.h"

#include "net/guard.h"
#include "net/transfer.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct target {
	const char *what;     /* "route /mcp/a" */
	const char *upstream; /* whose rules of `outbound` apply */
	const char *url;
	struct uri uri;
};

/* The first address of a name, as a network of one; "ADDRESS/32" where it has none. */
static const char *network_of(struct doctor *d, const char *host)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	bool v6 = *host == '[';
	const char *name = arena_strndup(d->arena, host + v6, strlen(host) - 2u * v6);
	struct addrinfo *found = NULL;
	const char *text = "ADDRESS/32";
	struct address address;
	char spelled[ADDRESS_TEXT];

	if (getaddrinfo(name, NULL, &hints, &found))
		return text;
	if (address_of_socket(&address, found->ai_addr)) {
		address_text(spelled, &address);
		text = arena_printf(d->arena, "%s/%d", spelled, address.v6 ? 128 : 32);
	}
	freeaddrinfo(found);
	return text;
}

static void told(struct doctor *d, const struct target *t, const struct transfer *tr, CURLcode code)
{
	struct err e = { .code = ERR_NONE };
	const char *why = tr->error[0] ? tr->error : curl_easy_strerror(code);

	transfer_fault(tr, code, &e);
	if (tr->refused)
		doctor_error(d, arena_printf(d->arena, "\"outbound\": {\"allow\": {\"%s\": [\"%s\"]}}", t->upstream,
		        network_of(d, t->uri.host)),
		    "%s: %s leads to an address that is not allowed (%s)", t->what, t->uri.host, tr->refused);
	else if (code == CURLE_COULDNT_RESOLVE_HOST)
		doctor_error(d, "the URL, or this machine's resolver (/etc/resolv.conf)", "%s: the name %s is not known",
		    t->what, t->uri.host);
	else if (!strcmp(err_reason_of(&e), "upstream_tls"))
		doctor_error(d, "the URL's host, or \"outbound\": {\"caFile\": ...} with the CA of that server",
		    "%s: no secure connection to %s: %s", t->what, t->uri.host, why);
	else
		doctor_error(d, "the URL's host and port, that server, and firewalls between",
		    "%s: %s:%d cannot be reached: %s", t->what, t->uri.host, t->uri.port, why);
}

static void reach(struct doctor *d, const struct guard *guard, const struct target *t)
{
	struct transfer tr = { .method = "GET", .url = t->url, .upstream = t->upstream, .guard = guard,
		.connect_ms = d->p->limits.connect_ms };
	struct err e = { .code = ERR_NONE };
	CURLcode code;
	CURL *easy;

	if (!transfer_is_allowed(guard, t->upstream, &t->uri, &e)) {
		doctor_error(d, arena_printf(d->arena, "https in the URL, or \"outbound\": {\"insecureHttp\": [\"%s\"]}",
		        t->upstream),
		    "%s: plain http to %s is not allowed", t->what, t->uri.host);
		return;
	}
	easy = curl_easy_init();
	if (!easy)
		abort();
	transfer_configure(&tr, easy);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)d->p->limits.connect_ms * 2);
	code = curl_easy_perform(easy);
	if (code != CURLE_OK)
		told(d, t, &tr, code);
	curl_easy_cleanup(easy);
}

static const struct guard *load_guard(struct doctor *d)
{
	struct err e = { .code = ERR_NONE };
	const struct guard *g = guard_load(d->arena, d->p->outbound, d->p->development, &e);

	if (!g)
		doctor_error(d, "\"outbound\" in gateway.jsonc", "%s: %s", e.text, e.detail);
	return g;
}

void check_upstreams(struct doctor *d)
{
	const struct guard *guard = load_guard(d);

	for (size_t i = 0; guard && i < d->p->routes_n; i++) {
		const struct mcp_route *r = &d->p->routes[i];
		const struct target t = {
			.what = arena_printf(d->arena, "route %s", r->path),
			.upstream = r->exchange ? r->exchange->id : r->operation_id,
			.url = r->upstream_text,
			.uri = r->upstream,
		};

		if (!r->fault)
			reach(d, guard, &t);
	}
}

static void reach_provider(struct doctor *d, const struct guard *guard, const char *what, const char *url)
{
	struct target t = { .what = what, .upstream = d->p->oauth->use->name, .url = url };

	if (url && uri_parse(&t.uri, d->arena, url, NULL) && t.uri.host)
		reach(d, guard, &t);
}

void check_provider(struct doctor *d)
{
	const struct oauth_conf *o = d->p->oauth;
	const struct guard *guard;

	if (!o || o->dev_login) {
		doctor_skip(d, o ? "the development sign-in asks nobody" : "nobody signs in");
		return;
	}
	guard = load_guard(d);
	if (!guard)
		return;
	if (o->discovery)
		reach_provider(d, guard, "the identity provider's discovery document", o->issuer);
	reach_provider(d, guard, "the identity provider's keys", o->jwks_url);
	reach_provider(d, guard, "the identity provider's token endpoint", o->login_token_url);
}
