/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway.jsonc, or zuplo.jsonc: the server's settings. Any error here keeps the whole project from
 * being served: a misspelt key may be the one that was to restrict something.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "conf/file.h"
#include "conf/load.h"
#include "conf/origin.h"
#include "conf/tables.h"
#include "base/secret_hash.h"
#include "net/address.h"

#define COMPATIBILITY_FIRST "2026-03-01"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, MIB = 1024 * 1024 };

static const struct option registry_options[] = {
	{ "enabled", OPTION_BOOL, .initial = "true",
	    .about = "Whether the MCP server registry is served." },
	{ "path", OPTION_STRING, .initial = "{basePath}/mcp-registry",
	    .about = "Where it is served: an absolute path." },
	{ 0 },
};

static const struct option introspection_options[] = {
	{ "id", OPTION_STRING, true, .about = "The resource server's client id." },
	{ "secretHash", OPTION_SECRET,
	    .about = "The hash of its secret, made by gatehousectl keys hash-secret. Without it the id is that of "
		     "a client registered here, or a client document, which proves who it is as such." },
	{ 0 },
};

static const struct option limit_options[] = {
	{ "body", OPTION_INT, false, 1024, 64 * MIB, .initial = "1048576",
	    .about = "Bytes of a request's body on an MCP route; past it 413." },
	{ "formBody", OPTION_INT, false, 1024, MIB, .initial = "65536",
	    .about = "Bytes of a body sent to the OAuth endpoints and pages." },
	{ "url", OPTION_INT, false, 256, 65536, .initial = "4096",
	    .about = "Bytes of a request's URL." },
	{ "authorization", OPTION_INT, false, 64, 8192, .initial = "512",
	    .about = "Bytes of an Authorization header." },
	{ "formPairs", OPTION_INT, false, 8, 1024, .initial = "32",
	    .about = "Pairs of a form or query that an endpoint reads." },
	{ "jsonDepth", OPTION_INT, false, 4, 256, .initial = "32",
	    .about = "Nested arrays and objects in JSON from outside." },
	{ "keptJson", OPTION_INT, false, 1024, 256 * MIB, .initial = "16777216",
	    .about = "Bytes of a JSON answer that a policy must read as a whole." },
	{ "keptEvent", OPTION_INT, false, 1024, 256 * MIB, .initial = "16777216",
	    .about = "Bytes of one server-sent event that a policy must read." },
	{ "connectMs", OPTION_INT, false, 10, 10 * MINUTE, .initial = "3000",
	    .about = "Milliseconds to connect to an upstream." },
	{ "fetchMs", OPTION_INT, false, 10, 10 * MINUTE, .initial = "5000",
	    .about = "Milliseconds for a metadata or key document." },
	{ "statementMs", OPTION_INT, false, 10, MINUTE, .initial = "3000",
	    .about = "Milliseconds for one use of PostgreSQL, waiting for a connection included." },
	{ "streamCommentMs", OPTION_INT, false, 100, HOUR, .initial = "15000",
	    .about = "Silence in a stream after which the client gets a comment line." },
	{ "streamIdleMs", OPTION_INT, false, 100, 24 * HOUR, .initial = "600000",
	    .about = "Silence after which the stream of a call ends." },
	{ 0 },
};

static const struct option rate_options[] = {
	{ "register", OPTION_INT, false, 0, 1000000, .initial = "60",
	    .about = "Registrations per address and minute." },
	{ "authorize", OPTION_INT, false, 0, 1000000, .initial = "60",
	    .about = "Authorization requests per address and minute." },
	{ "token", OPTION_INT, false, 0, 1000000, .initial = "300",
	    .about = "Token requests per address and minute." },
	{ "refresh", OPTION_INT, false, 0, 1000000, .initial = "30",
	    .about = "Refreshes per grant and minute." },
	{ 0 },
};

static const struct option timeout_options[] = {
	{ "connectMs", OPTION_INT, false, 10, 10 * MINUTE, .about = "Overrides limits.connectMs." },
	{ "fetchMs", OPTION_INT, false, 10, 10 * MINUTE, .about = "Overrides limits.fetchMs." },
	{ 0 },
};

static const struct option outbound_options[] = {
	{ "caFile", OPTION_STRING, .about = "CA certificates (PEM) instead of the system's." },
	{ "allow", OPTION_OBJECT,
	    .about = "Private networks that an upstream may lie in: arrays of CIDRs by upstream "
		     "id, or by *. What clients name (documents, keys) is never read from there." },
	{ "insecureHttp", OPTION_STRINGS, .about = "Upstream ids that may be called without TLS." },
	{ "legacyDiscovery", OPTION_STRINGS,
	    .about = "Upstream ids of 2025-03-26 servers without resource metadata." },
	{ "certificates", OPTION_OBJECT,
	    .about = "Client certificates for mtlsCertificate: {cert, key} (PEM files) by id." },
	{ "timeouts", OPTION_OBJECT, .sub = timeout_options,
	    .about = "Times for connections that leave." },
	{ 0 },
};

static const struct option certificate_options[] = {
	{ "cert", OPTION_STRING, true, .about = "The certificate's file (PEM)." },
	{ "key", OPTION_STRING, true, .about = "The private key's file (PEM)." },
	{ 0 },
};

static const struct option log_options[] = {
	{ "destination", OPTION_STRING, .initial = "stderr",
	    .about = "stderr, syslog, or the absolute path of a file." },
	{ "level", OPTION_ENUM, .words = "error warn info debug", .initial = "info",
	    .about = "The least severe level that is written." },
	{ 0 },
};

static const struct option event_options[] = {
	{ "retentionDays", OPTION_INT, false, 1, 36500, .initial = "90",
	    .about = "Days that event rows are kept." },
	{ "summaryDays", OPTION_INT, false, 1, 36500, .initial = "400",
	    .about = "Days that the daily sums of calls are kept, which outlive the rows." },
	{ "sampling", OPTION_NUMBER, false, 0, 1, .initial = "1", .later = true,
	    .about = "The share of successful calls that is stored." },
	{ "forward", OPTION_OBJECTS, .sub = forward_options, .initial = "[]",
	    .about = "Where events are sent besides PostgreSQL and the log, at most 8 places." },
	{ "metrics", OPTION_OBJECT, .sub = metrics_options, .about = "Numbers for Prometheus." },
	{ 0 },
};

static const struct option console_options[] = {
	{ "adminClaim", OPTION_STRING, .initial = "roles",
	    .about = "The claim that tells who is an administrator." },
	{ "adminValues", OPTION_STRINGS, .initial = "[\"mcp-admin\"]",
	    .about = "The values of it that do." },
	{ 0 },
};

const struct option gateway_options[] = {
	{ "version", OPTION_INT, false, 1, 2, .initial = "1",
	    .about = "The version of this format: 1." },
	{ "compatibilityDate", OPTION_STRING, true,
	    .about =
		"The date of the behaviour that the project was written for: " COMPATIBILITY_FIRST
		" or later." },
	{ "basePath", OPTION_STRING, .initial = "\"\"",
	    .about = "Prefix of the action endpoints (/oauth, /auth, the registry)." },
	{ "publicOrigins", OPTION_STRINGS, .initial = "loopback only",
	    .about =
		"The origins that this gateway answers for; a request's Host must match one." },
	{ "trustedProxies", OPTION_STRINGS, .initial = "[]",
	    .about = "Networks whose X-Forwarded-Host, -Proto and -For are believed." },
	{ "database", OPTION_SECRET, .initial = "libpq's environment",
	    .about = "A libpq connection string; {program} becomes the program's name." },
	{ "databaseListen", OPTION_SECRET, .initial = "as database",
	    .about =
		"A direct connection for notifications where database goes through a pooler." },
	{ "preparedStatements", OPTION_BOOL, .initial = "true",
	    .about = "Whether statements are prepared; false for poolers that cannot keep them." },
	{ "keyring", OPTION_STRING, .initial = "keys", .about = "The key ring directory." },
	{ "stateDir", OPTION_STRING, .initial = "/var/lib/gatehouse for root, else state",
	    .about = "Where published snapshots and spools are kept." },
	{ "allowedOrigins", OPTION_STRINGS, .initial = "the public origins",
	    .about = "Browser origins that may call MCP routes; [\"*\"] for any." },
	{ "registry", OPTION_OBJECT, .sub = registry_options, .about = "The MCP server registry." },
	{ "introspectionClients", OPTION_OBJECTS, .sub = introspection_options, .initial = "[]",
	    .about = "Resource servers that may introspect tokens." },
	{ "limits", OPTION_OBJECT, .sub = limit_options, .about = "Sizes, counts and times." },
	{ "outbound", OPTION_OBJECT, .sub = outbound_options, .about = "Connections that leave." },
	{ "log", OPTION_OBJECT, .sub = log_options, .about = "The log." },
	{ "events", OPTION_OBJECT, .sub = event_options, .about = "Events." },
	{ "alerts", OPTION_OBJECT, .sub = alert_options, .about = "What is told when something is wrong." },
	{ "rates", OPTION_OBJECT, .sub = rate_options,
	    .about = "Requests per minute on the OAuth endpoints; 0 turns a rate off." },
	{ "console", OPTION_OBJECT, .sub = console_options,
	    .about = "Who may open the operators' pages and connect shared upstreams." },
	{ "development", OPTION_BOOL, .initial = "false",
	    .about =
		"Allows loopback fetches and http origins; only with loopback public origins." },
	{ "autoReload", OPTION_BOOL, .initial = "false",
	    .about = "With development: each valid change of the files is published by itself." },
	{ 0 },
};

/* Members of the hosted product's file that mean nothing here. */
static const char *const ignored_keys[] = { "project", "projectType", "$schema", NULL };

/* Where one value of the file is, for its problems. */
struct place {
	struct loader *l;
	const char *pointer;
};

static struct place at(struct loader *l, const char *pointer)
{
	return (struct place){ l, pointer };
}

static void fault(struct place at_, const char *remedy, const char *text)
{
	problem_add(at_.l->problems, true, at_.l->p->config_file, at_.pointer, remedy, "%s", text);
}

static const char *string_or(struct json_object *o, const char *name, const char *fallback)
{
	const char *s = json_get_string(o, name);

	return s ? s : fallback;
}

static bool is_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

static bool is_date(const char *s)
{
	static const char days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int month, day;

	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-' || !is_digits(s, 4) ||
	    !is_digits(s + 5, 2) || !is_digits(s + 8, 2))
		return false;
	month = (s[5] - '0') * 10 + s[6] - '0';
	day = (s[8] - '0') * 10 + s[9] - '0';
	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

static void check_version(struct loader *l, struct json_object *doc)
{
	const char *date = json_get_string(doc, "compatibilityDate");

	if (json_get_int(doc, "version", 1) != 1)
		fault(at(l, "/version"), "write 1",
		    "this program reads version 1 of the format only");
	if (date && !is_date(date))
		fault(at(l, "/compatibilityDate"), "write it as YYYY-MM-DD",
		    "compatibilityDate is not a date");
	else if (date && strcmp(date, COMPATIBILITY_FIRST) < 0)
		fault(at(l, "/compatibilityDate"),
		    "write " COMPATIBILITY_FIRST
		    " or later, once the project is read against this manual",
		    "compatibilityDate is older than " COMPATIBILITY_FIRST);
}

static void read_paths(struct loader *l, struct json_object *doc)
{
	struct json_object *registry = json_get(doc, "registry");
	struct project *p = l->p;

	p->base_path = string_or(doc, "basePath", "");
	if (*p->base_path && !path_is_sound(p->base_path))
		fault(at(l, "/basePath"),
		    "write \"\" or a path like /gateway, without a slash at its end",
		    "basePath is not a path");
	else if (path_is_under(p->base_path, "/.well-known"))
		fault(at(l, "/basePath"), "choose another prefix",
		    "basePath shadows /.well-known, where discovery documents are");
	p->registry_enabled = json_get_bool(registry, "enabled", true);
	p->registry_path =
	    string_or(registry, "path", arena_printf(l->arena, "%s/mcp-registry", p->base_path));
	if (!path_is_sound(p->registry_path))
		fault(at(l, "/registry/path"), "write a path like /mcp-registry",
		    "the registry's path is not a path");
	else if (path_is_under(p->registry_path, "/.well-known"))
		fault(at(l, "/registry/path"), "choose another path",
		    "the registry's path shadows /.well-known, where discovery documents are");
}

static void read_networks(struct loader *l, struct json_object *list, const char *pointer)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));
		struct cidr c;

		if (!cidr_parse(&c, text))
			fault(at(l, pointer_item(l->arena, pointer, i)),
			    "write it like 10.0.0.0/8 or fd00::/8",
			    "this is no network in CIDR notation");
	}
}

/*
 * By the owner of the project, not by who asks: root's reload and the programs' users must
 * look in one place.
 */
const char *gateway_state_dir_default(const char *project_dir)
{
	struct stat st;

	return !stat(project_dir, &st) && st.st_uid == 0 ? "/var/lib/gatehouse" : "state";
}

static void read_files(struct loader *l, struct json_object *doc)
{
	struct project *p = l->p;
	const char *state = gateway_state_dir_default(p->dir);

	p->keyring = conf_path(l->arena, p->dir, string_or(doc, "keyring", "keys"));
	p->state_dir = conf_path(l->arena, p->dir, string_or(doc, "stateDir", state));
}

static void read_limits(struct loader *l, struct json_object *doc)
{
	struct json_object *o = json_get(doc, "limits"), *rates = json_get(doc, "rates");
	struct json_object *times = json_get(json_get(doc, "outbound"), "timeouts");
	struct limits *m = &l->p->limits;

	m->body = (size_t)json_get_int(o, "body", MIB);
	m->form_body = (size_t)json_get_int(o, "formBody", 65536);
	m->url = (size_t)json_get_int(o, "url", 4096);
	m->authorization = (size_t)json_get_int(o, "authorization", 512);
	m->form_pairs = (unsigned)json_get_int(o, "formPairs", 32);
	m->json_depth = (unsigned)json_get_int(o, "jsonDepth", 32);
	m->kept_json = (size_t)json_get_int(o, "keptJson", 16 * MIB);
	m->kept_event = (size_t)json_get_int(o, "keptEvent", 16 * MIB);
	m->connect_ms = (int)json_get_int(times, "connectMs", json_get_int(o, "connectMs", 3000));
	m->fetch_ms = (int)json_get_int(times, "fetchMs", json_get_int(o, "fetchMs", 5000));
	m->statement_ms = (int)json_get_int(o, "statementMs", 3000);
	m->stream_comment_ms = json_get_int(o, "streamCommentMs", 15000);
	m->stream_idle_ms = json_get_int(o, "streamIdleMs", 10 * MINUTE);
	l->p->rates = (struct rates){
		.register_rate = (int)json_get_int(rates, "register", 60),
		.authorize_rate = (int)json_get_int(rates, "authorize", 60),
		.token_rate = (int)json_get_int(rates, "token", 300),
		.refresh_rate = (int)json_get_int(rates, "refresh", 30),
	};
}

static void read_log(struct loader *l, struct json_object *doc)
{
	struct json_object *o = json_get(doc, "log");
	const char *where = string_or(o, "destination", "stderr");

	if (*where != '/' && strcmp(where, "stderr") && strcmp(where, "syslog"))
		fault(at(l, "/log/destination"), "write stderr, syslog, or an absolute path",
		    "log.destination is neither stderr, syslog nor an absolute path");
	l->p->log_destination = where;
	l->p->log_level = LOG_LEVEL_INFO;
	log_level_parse(string_or(o, "level", "info"), &l->p->log_level);
}

static void read_console(struct loader *l, struct json_object *doc)
{
	static const char *const admins[] = { "mcp-admin", NULL };
	struct json_object *o = json_get(doc, "console"), *values = json_get(o, "adminValues");

	l->p->console_claim = string_or(o, "adminClaim", "roles");
	l->p->console_values = values ? load_strings(l, values) : admins;
}

static void check_allow(struct loader *l, struct json_object *allow)
{
	if (!allow)
		return;
	json_object_object_foreach(allow, id, list)
	{
		const char *pointer = pointer_member(l->arena, "/outbound/allow", id);
		struct option row[] = { { .name = id, .type = OPTION_STRINGS }, { 0 } };
		struct option_place place = { l->problems, l->arena, l->p->config_file,
			"upstream" };
		struct json_object *one = json_new_object(l->arena);

		json_add(one, id, list);
		if (option_check(&place, row, one, "/outbound/allow"))
			read_networks(l, list, pointer);
	}
}

/* Relative to the project, as every file here; the guard that reads it does not know the project. */
static void resolve_ca_file(struct loader *l, struct json_object *outbound)
{
	const char *file = json_get_string(outbound, "caFile");

	if (file)
		json_object_object_add(outbound, "caFile",
		    json_object_new_string(conf_path(l->arena, l->p->dir, file)));
}

static void check_certificates(struct loader *l, struct json_object *certificates)
{
	struct option_place place = { l->problems, l->arena, l->p->config_file, "key" };

	if (!certificates)
		return;
	json_object_object_foreach(certificates, id, entry)
	{
		const char *pointer = pointer_member(l->arena, "/outbound/certificates", id);

		if (!json_object_is_type(entry, json_type_object))
			fault(at(l, pointer), "write {\"cert\": FILE, \"key\": FILE}",
			    "a certificate must be an object");
		else
			option_check(&place, certificate_options, entry, pointer);
	}
}

/* Each has an id of its own, and a hash that somebody can match. */
static void check_introspection(struct loader *l, struct json_object *list)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		const char *pointer = pointer_item(l->arena, "/introspectionClients", i);
		const char *id = json_get_string(entry, "id"), *other;
		const char *hash = json_get_string(entry, "secretHash");

		if (json_get(entry, "secretHash") && !secret_hash_is_valid(hash))
			fault(at(l, pointer_member(l->arena, pointer, "secretHash")),
			    "make it with `gatehousectl keys hash-secret`",
			    "this is not the hash of a secret");
		for (size_t j = 0; id && j < i; j++) {
			other = json_get_string(json_object_array_get_idx(list, j), "id");
			if (other && !strcmp(other, id))
				fault(at(l, pointer), "keep one of them",
				    "two resource servers have the same id");
		}
	}
}

/* $env is for policies: here it would be taken as it stands, and fail far away. */
static void check_references(struct loader *l, struct json_object *value, const char *pointer)
{
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member)
		    check_references(l, member, pointer_member(l->arena, pointer, name));
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			check_references(l, json_object_array_get_idx(value, i),
			    pointer_item(l->arena, pointer, i));
	} else if (json_object_is_type(value, json_type_string)) {
		const char *s = json_object_get_string(value);

		if (strstr(s, "$env(") || strstr(s, "${env."))
			fault(at(l, pointer),
			    "write the value itself, or use libpq's service and password files",
			    "references to variables are replaced in policies and rewritePattern "
			    "only");
	}
}

static void check_development(struct loader *l)
{
	struct project *p = l->p;

	for (size_t i = 0; p->development && i < p->origins_n; i++)
		if (!p->origins[i].loopback)
			fault(at(l, "/development"),
			    "remove development, or serve loopback origins only",
			    "development is refused while a public origin is not loopback");
}

/* TYPED: every member passed the table; else those that did not are gone. */
static void read_members(struct loader *l, struct json_object *doc, bool typed)
{
	struct project *p = l->p;
	struct json_object *allowed = json_get(doc, "allowedOrigins");
	struct json_object *proxies = json_get(doc, "trustedProxies");

	check_version(l, doc);
	check_references(l, doc, "");
	read_paths(l, doc);
	read_files(l, doc);
	read_limits(l, doc);
	read_log(l, doc);
	read_console(l, doc);
	p->development = json_get_bool(doc, "development", false);
	if (origins_load(l, json_get(doc, "publicOrigins")))
		check_development(l);
	allowed_origins_load(l, allowed);
	p->auto_reload = json_get_bool(doc, "autoReload", false) && p->development;
	if (typed && json_get_bool(doc, "autoReload", false) && !p->development)
		fault(at(l, "/autoReload"), "remove it, or set development",
		    "autoReload needs development");
	if (proxies)
		read_networks(l, proxies, "/trustedProxies");
	p->trusted_proxies = load_strings(l, proxies);
	p->database = json_get_string(doc, "database");
	p->database_listen = string_or(doc, "databaseListen", p->database);
	p->prepared_statements = json_get_bool(doc, "preparedStatements", true);
	p->introspection_clients = json_get(doc, "introspectionClients");
	check_introspection(l, p->introspection_clients);
	p->outbound = json_get(doc, "outbound");
	resolve_ca_file(l, p->outbound);
	check_allow(l, json_get(p->outbound, "allow"));
	check_certificates(l, json_get(p->outbound, "certificates"));
	p->events = json_get(doc, "events");
	p->events_days = (int)json_get_int(p->events, "retentionDays", 90);
	p->summary_days = (int)json_get_int(p->events, "summaryDays", 400);
	destinations_load(l, p->events, json_get(doc, "alerts"));
}

/* Which of the two names is there; gateway.jsonc counts if both are. */
static struct json_object *find_file(struct loader *l)
{
	bool absent = false, other_absent = false;
	struct json_object *doc;
	struct conf_text other;

	l->p->config_file = "gateway.jsonc";
	doc = load_json(l, "gateway.jsonc", &absent);
	if (!absent) {
		if (conf_read(&other, l->arena, conf_path(l->arena, l->files_dir, "zuplo.jsonc"),
			CONF_FILE_MAX, NULL))
			problem_add(l->problems, false, "zuplo.jsonc", "", "keep one of the two",
			    "the file is not read: gateway.jsonc is there");
		return doc;
	}
	doc = load_json(l, "zuplo.jsonc", &other_absent);
	if (!other_absent)
		l->p->config_file = "zuplo.jsonc";
	else
		problem_add(l->problems, true, "gateway.jsonc", "",
		    "make it, or name the directory that holds it: see gatehouse-config(5)",
		    "there is neither gateway.jsonc nor zuplo.jsonc");
	return doc;
}

/* Members with a fault count as absent, so that one fault does not make others. */
static void drop_faulty(struct loader *l, struct json_object *doc, size_t mark)
{
	struct problem p;

	for (size_t i = mark; problems_at(l->problems, i, &p); i++)
		if (p.is_error && p.pointer[0] == '/')
			json_object_object_del(doc,
			    arena_strndup(l->arena, p.pointer + 1, strcspn(p.pointer + 1, "/")));
}

bool gateway_load(struct loader *l)
{
	size_t mark = problems_mark(l->problems);
	struct json_object *doc = find_file(l);
	struct option_place place = { l->problems, l->arena, l->p->config_file, "key" };
	bool typed;

	for (const char *const *name = ignored_keys; doc && *name; name++)
		json_object_object_del(doc, *name);
	typed = doc && option_check(&place, gateway_options, doc, "");
	if (doc && !typed)
		drop_faulty(l, doc, mark);
	/*
	 * without a file: the defaults, so that a project that does not load has sound
	 * limits and a log
	 */
	read_members(l, doc ? doc : json_new_object(l->arena), typed);
	l->p->fault = problems_fault(l->problems, mark);
	return doc != NULL;
}
