/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public URL as clients see it. What a web server's settings are is judged by what it does: each check
 * asks one question whose answer only a right setting lets through.
 */
#include "config.h"

#include "doctor.h"

#include "base/clock.h"
#include "conf/file.h"
#include "json/json.h"
#include "net/address.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#define METADATA "/.well-known/oauth-authorization-server"
#define GARBAGE "Authorization: Bearer at_gatehousectl-doctor-knows-no-token"
#define JSON "Content-Type: application/json"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
#define STRANGER "doctor.invalid" /* RFC 2606: nobody's */

enum { DAY_S = 86400, EXPIRY_WARNING_DAYS = 14, APART_MS = 150, BODY_SENT_MAX = 64 * 1024 * 1024 };

static const struct answer *post(struct doctor *d, const char *target, const char *const *headers,
    const char *body, size_t n)
{
	return doctor_ask(d,
	    &(struct ask){ .method = "POST", .target = target, .headers = headers, .body = body, .body_len = n });
}

static const char *status_of(struct doctor *d, const struct answer *n)
{
	return n->status ? arena_printf(d->arena, "status %d", n->status) : n->error;
}

/* ---- the way to it */

static bool has_address(struct doctor *d)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	size_t n = strlen(d->uri.host);
	bool v6 = *d->uri.host == '[';
	const char *host = arena_strndup(d->arena, d->uri.host + v6, n - 2u * v6);
	struct addrinfo *found = NULL;
	int code = getaddrinfo(host, NULL, &hints, &found);

	if (found)
		freeaddrinfo(found);
	if (code && !d->connect)
		doctor_error(d, arena_printf(d->arena, "in the DNS: %s. IN A (AAAA) the web server's address", host),
		    "the name %s is not known: %s", host, gai_strerror(code));
	return !code || d->connect;
}

static bool is_tls_fault(int code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
	    code == CURLE_SSL_ISSUER_ERROR;
}

/* Whether there is a web server; a certificate that is not good is for the next check. */
void check_url(struct doctor *d)
{
	const struct answer *n;

	if (!has_address(d))
		return;
	n = doctor_get(d, METADATA);
	if (is_tls_fault(n->code)) {
		d->unverified = true;
		n = doctor_get(d, METADATA);
	}
	d->answers = n->status != 0;
	if (!d->answers)
		doctor_error(d, "start the web server, open the firewall; from inside, behind a router: --connect HOST:PORT",
		    "%s does not answer: %s", d->origin, n->error);
}

void check_certificate(struct doctor *d)
{
	const struct answer *n;

	if (strcmp(d->uri.scheme, "https") != 0) {
		if (!uri_is_loopback(d->uri.host))
			doctor_error(d, "a certificate for the web server, and https in publicOrigins",
			    "%s is plain http: tokens travel for all to read", d->origin);
		return;
	}
	n = doctor_ask(d, &(struct ask){ .target = METADATA, .verify_only = true });
	if (is_tls_fault(n->code))
		doctor_error(d, arena_printf(d->arena,
		        "a certificate for %s with its chain: lighttpd ssl.pemfile, Apache SSLCertificateFile, nginx "
		        "ssl_certificate (a CA of your own: --ca-file, and on every client)", d->uri.host),
		    "clients refuse the certificate: %s", n->error ? n->error : "it cannot be verified");
}

void check_expiry(struct doctor *d)
{
	const struct answer *n = doctor_get(d, METADATA);
	int64_t left = (int64_t)n->certificate_until - clock_wall_s();

	if (!n->certificate_until)
		return; /* plain http */
	if (left <= 0)
		doctor_error(d, "renew it, and reload the web server", "the certificate expired %lld days ago",
		    (long long)(-left / DAY_S));
	else if (left < EXPIRY_WARNING_DAYS * DAY_S)
		doctor_warning(d, "renew it, and reload the web server (certbot renew: is its timer running?)",
		    "the certificate expires in %lld days", (long long)(left / DAY_S));
}

/* ---- documents */

void check_origin(struct doctor *d)
{
	const struct answer *n = doctor_get(d, METADATA);
	const char *issuer = answer_string(d, n, "issuer");

	if (n->status == 421)
		doctor_error(d, arena_printf(d->arena, "\"publicOrigins\": [\"%s\"], and `gatehousectl reload`; or let "
		        "the proxy pass Host on (ProxyPreserveHost On, proxy_set_header Host $host)", d->origin),
		    "the gateway does not answer for %s", d->origin);
	else if (issuer && strcmp(issuer, d->origin) != 0)
		doctor_error(d, "let the proxy pass Host on (ProxyPreserveHost On, proxy_set_header Host $host), or "
		    "name it in trustedProxies",
		    "the gateway at %s believes that it is %.200s", d->origin, issuer);
}

static void check_document(struct doctor *d, const char *target, const char *member, const char *wanted)
{
	const struct answer *n = doctor_get(d, target);
	const char *value = answer_string(d, n, member);

	if (n->status != 200)
		doctor_error(d, "the web server must hand /.well-known/ to discovery at the root, whatever basePath is: "
		    "`gatehousectl webconfig`", "%s: %s", target, status_of(d, n));
	else if (!value || strcmp(value, wanted) != 0)
		doctor_error(d, "another document stands in its place: `gatehousectl webconfig` prints what belongs there",
		    "%s: \"%s\" is not %s", target, member, wanted);
}

void check_discovery(struct doctor *d)
{
	if (d->p->oauth) {
		check_document(d, METADATA, "issuer", d->origin);
		check_document(d, "/.well-known/openid-configuration", "issuer", d->origin);
	}
	for (size_t i = 0; d->p->oauth && i < d->p->routes_n; i++) {
		const struct mcp_route *r = &d->p->routes[i];

		if (!r->fault && !r->is_public)
			check_document(d, arena_printf(d->arena, "/.well-known/oauth-protected-resource%s", r->path),
			    "resource", arena_printf(d->arena, "%s%s", d->origin, r->path));
	}
}

static const char *first_document(struct doctor *d)
{
	return arena_printf(d->arena, "/.well-known/oauth-protected-resource%s", d->route->path);
}

void check_cors(struct doctor *d)
{
	static const char *const page[] = { "Origin: https://" STRANGER, NULL };
	static const char *const preflight[] = { "Origin: https://" STRANGER,
		"Access-Control-Request-Method: GET", "Access-Control-Request-Headers: mcp-protocol-version", NULL };
	const char *remedy = "leave CORS to the gateway: no Header, setenv.set-response-header or "
			     "add_header of Access-Control-* in the web server";
	const struct answer *n =
	    doctor_ask(d, &(struct ask){ .target = first_document(d), .headers = page });
	const char *allowed = answer_header(n, "Access-Control-Allow-Origin");

	if (n->status == 200 && (!allowed || strcmp(allowed, "*") != 0))
		doctor_error(d, remedy, "clients in browsers may not read the discovery documents: "
		    "Access-Control-Allow-Origin is %s", allowed ? allowed : "missing");
	n = doctor_ask(d, &(struct ask){ .method = "OPTIONS", .target = first_document(d), .headers = preflight });
	if (n->status != 204)
		doctor_error(d, "let the web server hand OPTIONS on", "a preflight for the discovery documents: %s",
		    status_of(d, n));
}

/* ---- what must arrive */

static const struct answer *call(struct doctor *d, const char *query, const char *more)
{
	const char *const headers[] = { JSON, GARBAGE, more, NULL };

	return post(d, arena_printf(d->arena, "%s%s", d->route->path, query), headers, PING, strlen(PING));
}

void check_authorization(struct doctor *d)
{
	const struct answer *n = call(d, "", NULL);
	const char *challenge = answer_header(n, "WWW-Authenticate");

	if (n->status == 401 && challenge && strstr(challenge, "error=\"invalid_token\""))
		return;
	if (n->status == 401) {
		d->header_lost = true;
		doctor_error(d, "Apache: CGIPassAuth On in the section of the programs; nginx: no fastcgi_param "
		    "HTTP_AUTHORIZATION; a proxy in front: no RequestHeader unset Authorization",
		    "the Authorization header does not reach the gateway: no client can sign in");
		return;
	}
	doctor_error(d, "see the logs of mcp for this moment", "a call of %s with a wrong token: %s instead of 401",
	    d->route->path, status_of(d, n));
}

/* A token in the header and in the query is malformed; in the header alone it is wrong. */
void check_query(struct doctor *d)
{
	const struct answer *n;

	if (d->header_lost) {
		doctor_skip(d, "the Authorization header is lost already");
		return;
	}
	n = call(d, "?access_token=x", NULL);
	if (n->status == 401)
		doctor_error(d, "Apache: SetHandler in <LocationMatch>, not ProxyPass; nginx: fastcgi_param REQUEST_URI "
		    "$request_uri, or proxy_pass without a path",
		    "the query of a URL does not reach the gateway");
}

void check_methods(struct doctor *d)
{
	static const char *const methods[] = { "DELETE", "PUT", NULL };

	for (const char *const *method = methods; *method; method++) {
		const struct answer *n =
		    doctor_ask(d, &(struct ask){ .method = *method, .target = first_document(d) });

		if (n->status != 405 || !answer_header(n, "X-Request-Id"))
			doctor_error(d, "no LimitExcept, Dav, or limit_except in the web server",
			    "%s does not reach the gateway: %s", *method, status_of(d, n));
	}
}

static const struct answer *send_body(struct doctor *d, size_t n)
{
	static const char *const headers[] = { JSON, NULL };
	char *body = arena_alloc(d->arena, n + 1);

	memset(body, ' ', n);
	return post(d, d->route->path, headers, body, n);
}

static bool body_is_sendable(struct doctor *d)
{
	if (d->p->limits.body <= BODY_SENT_MAX)
		return true;
	doctor_skip(d, "limits.body is larger than what is worth sending");
	return false;
}

/* It is read before its token is asked for: 401 says that all of it arrived. */
void check_body(struct doctor *d)
{
	size_t n = d->p->limits.body;
	const struct answer *a = body_is_sendable(d) ? send_body(d, n) : NULL;

	if (a && a->status != 401)
		doctor_error(d, arena_printf(d->arena, "above %zu bytes: lighttpd server.max-request-size (KB), Apache "
		        "LimitRequestBody and FcgidMaxRequestLen, nginx client_max_body_size", n),
		    "a body of %zu bytes, which limits.body allows: %s", n, status_of(d, a));
}

void check_body_limit(struct doctor *d)
{
	size_t n = d->p->limits.body + 1;
	const struct answer *a = body_is_sendable(d) ? send_body(d, n) : NULL;

	if (a && a->status != 413)
		doctor_error(d, "the web server's own limit above limits.body (and `gatehousectl reload` after a change)",
		    "a body of %zu bytes, one more than limits.body allows: %s instead of 413", n, status_of(d, a));
}

/* ---- what must not */

void check_host(struct doctor *d)
{
	static const char *const headers[] = { "Host: " STRANGER, NULL };
	const struct answer *n = doctor_ask(d, &(struct ask){ .target = first_document(d), .headers = headers });

	if (n->status == 200)
		doctor_error(d, "let the web server pass Host as it came (ProxyPreserveHost On; nginx: no fastcgi_param HTTP_HOST)",
		    "the gateway answers under a Host that is nobody's: pages of other names can reach it (DNS rebinding)");
}

void check_foreign_origin(struct doctor *d)
{
	const struct answer *n;

	if (d->route->cors_any || project_allows_origin(d->p, "https://" STRANGER)) {
		doctor_skip(d, "any origin may call, by corsPolicy or allowedOrigins");
		return;
	}
	n = call(d, "", "Origin: https://" STRANGER);
	if (n->status != 403)
		doctor_error(d, "let the web server pass Origin on: no RequestHeader unset Origin",
		    "a page of another origin that calls %s: %s instead of 403", d->route->path, status_of(d, n));
}

void check_dot_segments(struct doctor *d)
{
	static const char *const spellings[] = { "/.well-known/./", "/.well-known/x/../", "/.well-known/x/%2e%2e/",
		"/.well-known//", NULL };

	for (const char *const *s = spellings; *s; s++) {
		const char *target = arena_printf(d->arena, "%soauth-protected-resource%s", *s, d->route->path);

		if (doctor_get(d, target)->status != 200)
			continue;
		doctor_error(d, "lighttpd: \"url-path-dotseg-reject\" => \"enable\"; nginx: fastcgi_param REQUEST_URI "
		    "$request_uri, or proxy_pass without a path and merge_slashes off",
		    "the web server rewrites paths before the gateway judges them: %s is answered", target);
		return;
	}
}

void check_request_id(struct doctor *d)
{
	static const char *const headers[] = { "X-Request-Id: doctor-is-a-stranger", NULL };
	const struct answer *n = doctor_ask(d, &(struct ask){ .target = first_document(d), .headers = headers });
	const char *id = answer_header(n, "X-Request-Id");

	if (!id)
		doctor_error(d, "let the web server pass the programs' headers: no Header unset or fastcgi_hide_header of "
		    "X-Request-Id",
		    "answers carry no X-Request-Id: nobody can find a request in the logs");
	else if (!strcmp(id, "doctor-is-a-stranger"))
		doctor_warning(d, "let the proxy set X-Request-Id itself, or remove what clients send",
		    "clients choose their request ids: the proxy passes X-Request-Id on");
}

/* Whether the gateway takes us ourselves for a trusted proxy: then our word counts, and rightly. */
static bool are_trusted(struct doctor *d, const struct answer *n)
{
	for (const char *const *p = d->p->trusted_proxies; p && *p; p++)
		if (address_text_in_cidr(n->local_ip, *p)) {
			doctor_skip(d, "this machine's address %s is in trustedProxies: ask from another", n->local_ip);
			return true;
		}
	return false;
}

void check_forwarded_host(struct doctor *d)
{
	static const char *const headers[] = { "X-Forwarded-Host: " STRANGER, "X-Forwarded-Proto: gopher", NULL };
	const struct answer *n = doctor_ask(d, &(struct ask){ .target = first_document(d), .headers = headers });

	if (n->status != 200 && !are_trusted(d, n))
		doctor_error(d, "let the proxy set X-Forwarded-Host and -Proto itself (nginx: proxy_set_header), not add to "
		    "what clients send",
		    "a client's X-Forwarded-Host is believed: %s", status_of(d, n));
}

/* TEST-NET-3 (RFC 5737): nobody's. What the gateway took for the client's address is in the call's event. */
void check_forwarded_for(struct doctor *d)
{
	const struct answer *n = call(d, "", "X-Forwarded-For: 203.0.113.77");
	const char *id = answer_header(n, "X-Request-Id"), *why = NULL, *address;

	if (!id || are_trusted(d, n))
		return;
	address = doctor_event_address(d, id, &why);
	if (why)
		doctor_skip(d, "events cannot be read as gatehouse_admin: %s", why);
	else if (address && !strcmp(address, "203.0.113.77"))
		doctor_error(d, "trustedProxies: the proxies' own addresses alone; and let the proxy that clients reach set "
		    "X-Forwarded-For, not add to it",
		    "a client's X-Forwarded-For is believed: rates and records go by an address that it chose");
}

void check_events(struct doctor *d)
{
	const struct answer *n = call(d, "", NULL);
	const char *id = answer_header(n, "X-Request-Id"), *why = NULL, *address = NULL;

	if (id)
		address = doctor_event_address(d, id, &why);
	if (!id)
		doctor_skip(d, "the call had no answer of the gateway");
	else if (why)
		doctor_skip(d, "events cannot be read as gatehouse_admin: %s", why);
	else if (!address)
		doctor_error(d, "the log of mcp says what the database refuses; `gatehousectl migrate`",
		    "a call of %s left no event within 3 s", d->route->path);
}

/* ---- streams, names */

void check_streaming(struct doctor *d)
{
	const char *target = arena_printf(d->arena, "%s/health/mcp/stream", d->p->base_path);
	const struct answer *n = doctor_get(d, target);

	if (n->status == 404)
		n = doctor_ask(d, &(struct ask){ .target = target, .nearby = true });
	if (n->status != 200 || !strstr(n->body, "event: second")) {
		doctor_skip(d, "%s%s: %s (it is answered to this machine's loopback and trustedProxies alone)", d->origin,
		    target, status_of(d, n));
		return;
	}
	if (n->last_ms - n->first_ms >= APART_MS)
		return;
	if (strstr(n->body, "\"cgi\":true"))
		doctor_warning(d, "standing programs: `gatehousectl webconfig apache-proxy` or lighttpd",
		    "plain CGI: the web server holds the events of a stream back until its end");
	else
		doctor_error(d, "lighttpd: server.stream-response-body = 1; Apache: flushpackets=on (mod_proxy_fcgi), "
		    "FcgidOutputBufferSize 0 (mod_fcgid); nginx: fastcgi_buffering off (a proxy: proxy_buffering off), gzip off",
		    "the web server holds the events of a stream back until its end");
}

/* The first name of the registry, with %s in place of its slash; NULL if there is none. */
static const char *registry_name(struct doctor *d, const char *slash)
{
	const struct scan_limits limits = scan_limits_of((size_t)1024 * 1024);
	const struct answer *n = doctor_get(d, arena_printf(d->arena, "%s/v0.1/servers", d->p->registry_path));
	struct json_object *doc = json_parse(d->arena, n->body, n->body_len, &limits, NULL), *list;
	const char *name, *at;

	list = doc ? json_get(doc, "servers") : NULL;
	if (!list || !json_object_is_type(list, json_type_array) || !json_object_array_length(list))
		return NULL;
	name = json_get_string(json_get(json_object_array_get_idx(list, 0), "server"), "name");
	at = name ? strchr(name, '/') : NULL;
	return at ? arena_printf(d->arena, "%.*s%s%s", (int)(at - name), name, slash, at + 1) : NULL;
}

void check_encoded_slash(struct doctor *d)
{
	const char *name = d->p->registry_enabled ? registry_name(d, "%2F") : NULL;
	const struct answer *n;

	if (!name) {
		doctor_skip(d, d->p->registry_enabled ? "the registry names no server" : "the registry is off");
		return;
	}
	n = doctor_get(d, arena_printf(d->arena, "%s/v0.1/servers/%s/versions", d->p->registry_path, name));
	if (n->status != 200)
		doctor_error(d, "Apache: AllowEncodedSlashes NoDecode (in the virtual host; not in .htaccess); lighttpd: "
		    "\"url-path-2f-decode\" => \"disable\"",
		    "clients of the registry write %%2F in names: %s", status_of(d, n));
}

static bool holds_file(struct doctor *d, const struct answer *n, const char *path)
{
	struct conf_text text;

	return n->status == 200 && conf_read(&text, d->arena, path, (size_t)1024 * 1024, NULL) && text.n &&
	    n->body_len == text.n && !memcmp(n->body, text.p, text.n);
}

void check_exposed(struct doctor *d)
{
	static const char *const files[] = { "gateway.jsonc", "zuplo.jsonc", ".env", "config/policies.json",
		"config/routes.oas.json", "keys/pepper", "keys/session", "keys/signing", NULL };

	for (const char *const *f = files; *f; f++) {
		const struct answer *n = doctor_get(d, arena_printf(d->arena, "/%s", *f));

		if (holds_file(d, n, conf_path(d->arena, d->p->dir, *f)))
			doctor_error(d, "move the project out of the document root; then new keys, and new secrets in .env",
			    "anybody can read the project's %s at %s/%s", *f, d->origin, *f);
	}
}

/* ---- the programs behind it */

static const struct answer *health(struct doctor *d, const char *program, const char *question)
{
	const char *target = arena_printf(d->arena, "%s/health/%s/%s", d->p->base_path, program, question);
	const struct answer *n = doctor_get(d, target);

	/* asked from another address than loopback it is 404, as if nothing were there */
	if (n->status == 404 && !d->connect)
		n = doctor_ask(d, &(struct ask){ .target = target, .nearby = true });
	return n;
}

void check_alive(struct doctor *d)
{
	for (const struct program *p = doctor_programs; p->name; p++) {
		const struct answer *n = health(d, p->name, "healthz");

		if (n->status == 404 || !n->status)
			doctor_skip(d, "%s: health is told to this machine's loopback and trustedProxies alone", p->name);
		else if (n->status != 200)
			doctor_error(d, arena_printf(d->arena, "systemctl start gatehouse-%s.socket; its log says why it ended",
			        p->name),
			    "%s does not answer: %s", p->name, status_of(d, n));
	}
}

static void judge_ready(struct doctor *d, const char *program, const struct answer *n, unsigned long current)
{
	const struct scan_limits limits = scan_limits_of(n->body_len + 1);
	struct json_object *doc = json_parse(d->arena, n->body, n->body_len, &limits, NULL);
	struct json_object *checks = doc ? json_get(doc, "checks") : NULL;
	unsigned long served = doc ? (unsigned long)json_get_int(doc, "snapshot", 0) : 0;

	if (checks && json_object_is_type(checks, json_type_object)) {
		json_object_object_foreach(checks, name, state) {
			const char *text = json_object_get_string(state);

			if (text && strcmp(text, "ok") != 0)
				doctor_error(d, "what it names; the other checks here may say more", "%s is not ready, %s: %s",
				    program, name, text);
		}
	}
	if (served && current && served != current)
		doctor_error(d, "its log says why it refused the newer one; restart it",
		    "%s serves snapshot %lu, and %lu is in force", program, served, current);
}

void check_ready(struct doctor *d)
{
	struct snapshot s = { .number = 0 };

	snapshot_current(&s, d->arena, d->home, NULL);
	for (const struct program *p = doctor_programs; p->name; p++) {
		const struct answer *n = health(d, p->name, "readyz");

		if (n->status == 200 || n->status == 503)
			judge_ready(d, p->name, n, s.number);
	}
}
