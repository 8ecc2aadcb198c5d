/* SPDX-License-Identifier: Apache-2.0 */
/* Where events and alerts are sent: gateway.jsonc's `events.forward`, `events.metrics` and `alerts`. */
#include "config.h"

#include "conf/destination.h"

#include "conf/file.h"
#include "conf/load.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_S = 86400 };

const struct option forward_options[] = {
	{ "name", OPTION_STRING, true,
	    .about = "Its name: 1 to 32 of a-z, 0-9 and -. What was sent is remembered by it; outbound.allow and "
		     "outbound.insecureHttp name it like an upstream." },
	{ "type", OPTION_ENUM, true, .words = "file syslog webhook otlp", .about = "What it is." },
	{ "format", OPTION_ENUM, .words = "gatehouse ecs ocsf cef", .initial = "gatehouse",
	    .about = "The form of an event; otlp has its own." },
	{ "include", OPTION_STRINGS, .initial = "[\"calls\", \"auth\", \"policies\", \"audit\"]",
	    .about = "Which events: calls, auth, policies, audit, anchors (the ends of the audit chain)." },
	{ "path", OPTION_STRING, .about = "file: the absolute path, or stderr. Lines are appended." },
	{ "address", OPTION_STRING, .about = "syslog: HOST:PORT." },
	{ "transport", OPTION_ENUM, .words = "udp tcp tls", .initial = "udp", .about = "syslog: how it is reached." },
	{ "facility", OPTION_INT, false, 0, 23, .initial = "16", .about = "syslog: the facility (16 is local0)." },
	{ "url", OPTION_URL,
	    .about = "webhook: where batches are posted. otlp: what stands before /v1/traces, /v1/logs and /v1/metrics." },
	{ "secretFile", OPTION_STRING,
	    .about = "webhook: a file with the secret under which each request is signed (its first line)." },
	{ "headersFile", OPTION_STRING,
	    .about = "webhook, otlp: a file of more request headers, a line each: Name: value." },
	{ "signals", OPTION_STRINGS, .initial = "[\"traces\", \"logs\", \"metrics\"]", .about = "otlp: which of these." },
	{ "conventions", OPTION_ENUM, .words = "mcp-1 none", .initial = "mcp-1",
	    .about = "otlp: which names attributes have: those of OpenTelemetry's MCP conventions (in development: mcp-1 is "
		     "their state of 2026), or the gateway's own alone." },
	{ "batch", OPTION_INT, false, 1, 1000, .initial = "500", .about = "Events of one request, about." },
	{ "intervalMs", OPTION_INT, false, 50, 60000, .initial = "1000",
	    .about = "Milliseconds between two looks at what is new." },
	{ "retryMs", OPTION_INT, false, 100, 3600000, .initial = "60000",
	    .about = "The longest pause between two tries while it takes nothing, in milliseconds." },
	{ "spool", OPTION_INT, false, 100, 100000000, .initial = "1000000",
	    .about = "Events that wait for it at most; past that the oldest are dropped, counted and reported." },
	{ 0 },
};

const struct option metrics_options[] = {
	{ "tokenFile", OPTION_STRING,
	    .about = "A file with the bearer token (its first line) by which others than this machine and trusted "
		     "proxies may read {basePath}/metrics." },
	{ 0 },
};

static const struct option alert_to_options[] = {
	{ "type", OPTION_ENUM, true, .words = "webhook mail", .about = "How it is told." },
	{ "url", OPTION_URL, .about = "webhook: where it is posted. outbound names it as alerts." },
	{ "secretFile", OPTION_STRING, .about = "webhook: a file with the secret that signs (its first line)." },
	{ "address", OPTION_STRING,
	    .about = "mail: to whom. Sent by gatehousectl alerts send, which cron or a timer runs." },
	{ 0 },
};

const struct option alert_options[] = {
	{ "to", OPTION_OBJECTS, .sub = alert_to_options, .initial = "[]", .about = "Who is told, at most 8." },
	{ "sendmail", OPTION_STRING, .initial = "/usr/sbin/sendmail", .about = "The program that takes a mail." },
	{ "errorRate", OPTION_NUMBER, false, 0, 1, .initial = "0.1",
	    .about = "The share of calls of a route that fail, not by their client's fault, past which an alert is raised; 0: none is." },
	{ "p95Ms", OPTION_INT, false, 0, 600000, .initial = "0",
	    .about = "The 95th percentile of a route's times past which an alert is raised; 0: none is." },
	{ "minCalls", OPTION_INT, false, 1, 1000000, .initial = "20",
	    .about = "Calls of five minutes below which a route is not judged." },
	{ "expiryDays", OPTION_INT, false, 0, 365, .initial = "7",
	    .about = "Days before a shared connection's token ends, where it cannot be renewed." },
	{ 0 },
};

/* ---- reading ---- */

struct reader {
	struct loader *l;
	const char *pointer;
	struct json_object *o;
};

static void fault(const struct reader *r, const char *member, const char *remedy, const char *text)
{
	problem_add(r->l->problems, true, r->l->p->config_file,
	    member ? pointer_member(r->l->arena, r->pointer, member) : r->pointer, remedy, "%s", text);
}

static int word_index(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (word && !strcmp(word, words[i]))
			return i;
	return -1;
}

/* Bits of a list of words; ALL where it is absent. */
static unsigned words_mask(const struct reader *r, const char *member, const char *const *words, unsigned all)
{
	struct json_object *list = json_get(r->o, member);
	unsigned mask = 0;

	if (!list)
		return all;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		int at = word_index(json_object_get_string(json_object_array_get_idx(list, i)), words);

		if (at < 0)
			fault(r, member, "see gatehouse-config(5)", "this list has a word that it does not know");
		else
			mask |= 1u << at;
	}
	return mask;
}

static const char *file_of(const struct reader *r, const char *member)
{
	const char *name = json_get_string(r->o, member);

	return name ? conf_path(r->l->arena, r->l->p->dir, name) : NULL;
}

static const char *string_or(const struct reader *r, const char *member, const char *fallback)
{
	const char *s = json_get_string(r->o, member);

	return s ? s : fallback;
}

/* HOST:PORT, IPv6 in brackets. */
static bool split_address(const struct reader *r, const char *text, struct destination *d)
{
	const char *colon = text ? strrchr(text, ':') : NULL;
	size_t n = colon ? (size_t)(colon - text) : 0;
	char *end;
	long port = colon ? strtol(colon + 1, &end, 10) : 0;

	if (!n || n > 253 || port < 1 || port > 65535 || *end || strpbrk(text, "/@\\ \t\r\n") ||
	    (memchr(text, ':', n) && !(text[0] == '[' && text[n - 1] == ']')))
		return false;
	d->host = arena_strndup(r->l->arena, text, n);
	d->port = (int)port;
	return true;
}

static bool name_is_good(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n && n <= DESTINATION_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static void check_where(const struct reader *r, struct destination *d)
{
	switch (d->type) {
	case DESTINATION_FILE:
		if (!d->path || (*d->path != '/' && strcmp(d->path, "stderr") != 0))
			fault(r, "path", "write an absolute path, or stderr", "a destination of type file needs its path");
		break;
	case DESTINATION_SYSLOG:
		if (!split_address(r, json_get_string(r->o, "address"), d))
			fault(r, "address", "write HOST:PORT", "a destination of type syslog needs its address");
		break;
	case DESTINATION_WEBHOOK:
	case DESTINATION_OTLP:
		if (!d->url)
			fault(r, "url", "add its url", "a destination of this type needs its url");
		break;
	}
}

static void read_one(const struct reader *r, struct destination *d)
{
	static const char *const types[] = { "file", "syslog", "webhook", "otlp", NULL };
	static const char *const forms[] = { "gatehouse", "ecs", "ocsf", "cef", NULL };
	static const char *const families[] = { "calls", "auth", "policies", "audit", "anchors", NULL };
	static const char *const transports[] = { "udp", "tcp", "tls", NULL };
	static const char *const signals[] = { "traces", "logs", "metrics", NULL };

	d->name = string_or(r, "name", "");
	d->type = (enum destination_type)word_index(string_or(r, "type", "file"), types);
	d->form = (enum event_form)word_index(string_or(r, "format", "gatehouse"), forms);
	d->families = words_mask(r, "include", families, TELL_CALLS | TELL_AUTH | TELL_POLICIES | TELL_AUDIT);
	d->signals = words_mask(r, "signals", signals, SIGNAL_TRACES | SIGNAL_LOGS | SIGNAL_METRICS);
	d->conventions = strcmp(string_or(r, "conventions", "mcp-1"), "none") != 0;
	d->path = json_get_string(r->o, "path");
	d->transport = (enum syslog_transport)word_index(string_or(r, "transport", "udp"), transports);
	d->facility = (int)json_get_int(r->o, "facility", 16);
	d->url = json_get_string(r->o, "url");
	d->secret_file = file_of(r, "secretFile");
	d->headers_file = file_of(r, "headersFile");
	d->batch = (int)json_get_int(r->o, "batch", 500);
	d->interval_ms = (int)json_get_int(r->o, "intervalMs", 1000);
	d->retry_ms = (int)json_get_int(r->o, "retryMs", 60000);
	d->spool = json_get_int(r->o, "spool", 1000000);
	if (!name_is_good(d->name))
		fault(r, "name", "write 1 to 32 of a-z, 0-9 and -", "this name is not one");
	check_where(r, d);
}

static void read_forward(struct loader *l, struct json_object *list)
{
	size_t n = list ? json_object_array_length(list) : 0;
	struct destination *all = arena_calloc(l->arena, n ? n : 1, sizeof(*all));

	for (size_t i = 0; i < n; i++) {
		const struct reader r = { l, pointer_item(l->arena, "/events/forward", i),
			json_object_array_get_idx(list, i) };

		read_one(&r, &all[i]);
		if (i == DESTINATIONS_MAX)
			fault(&r, NULL, "remove some", "there are more destinations than 8");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(all[j].name, all[i].name))
				fault(&r, "name", "give it another", "two destinations have the same name");
	}
	l->p->destinations = all;
	l->p->destinations_n = n < DESTINATIONS_MAX ? n : DESTINATIONS_MAX;
}

static void read_to(struct loader *l, struct alert_conf *a, struct json_object *list)
{
	static const char *const types[] = { "webhook", "mail", NULL };
	size_t n = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct reader r = { l, pointer_item(l->arena, "/alerts/to", i), json_object_array_get_idx(list, i) };
		struct alert_to *to = &a->to[a->to_n];

		if (i == ALERT_TO_MAX) {
			fault(&r, NULL, "remove some", "there are more than 8 to tell");
			return;
		}
		to->mail = word_index(json_get_string(r.o, "type"), types) == 1;
		to->url = json_get_string(r.o, "url");
		to->secret_file = file_of(&r, "secretFile");
		to->address = json_get_string(r.o, "address");
		if (!to->mail && !to->url)
			fault(&r, "url", "add its url", "who is told by webhook needs its url");
		/* it becomes a word of a command line, and a header */
		if (to->mail && (!to->address || !strchr(to->address, '@') || *to->address == '-' ||
				    strpbrk(to->address, " \t\r\n<>,;:\"'\\()")))
			fault(&r, "address", "write NAME@HOST", "who is told by mail needs a plain address");
		a->to_n++;
	}
}

static void read_alerts(struct loader *l, struct json_object *o)
{
	struct alert_conf *a = arena_alloc(l->arena, sizeof(*a));
	struct json_object *rate = json_get(o, "errorRate");
	const struct reader r = { l, "/alerts", o };

	a->error_rate = rate ? json_object_get_double(rate) : 0.1;
	a->p95_ms = (int)json_get_int(o, "p95Ms", 0);
	a->min_calls = (int)json_get_int(o, "minCalls", 20);
	a->expiry_days = (int)json_get_int(o, "expiryDays", 7);
	a->sendmail = string_or(&r, "sendmail", "/usr/sbin/sendmail");
	if (*a->sendmail != '/')
		fault(&r, "sendmail", "write an absolute path", "this is no path of a program");
	read_to(l, a, json_get(o, "to"));
	l->p->alerts = a;
}

void destinations_load(struct loader *l, struct json_object *events, struct json_object *alerts)
{
	const struct reader metrics = { l, "/events/metrics", json_get(events, "metrics") };

	read_forward(l, json_get(events, "forward"));
	l->p->metrics_token_file = file_of(&metrics, "tokenFile");
	read_alerts(l, alerts);
}
