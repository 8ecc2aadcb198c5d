/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocking fetch, against a server in a thread that answers byte by byte what the row says.
 * Names are resolved by a getaddrinfo() of our own, so that a name can change its address between
 * two looks.
 */
#include "config.h"

#include "net/fetch.h"

#include "base/clock.h"
#include "json/json.h"
#include "tap.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOTAL_MS = 700, MAX = 200 };

static struct arena *a;
static int port, listener;
static atomic_int connections;
static const char *answer_text;  /* what the server sends */
static atomic_int wait_ms, drip; /* before it; between two bytes */
static char asked[4096];         /* the request it got */
static const char *addresses[4]; /* of every name that ends in ".test" */

static void *resolver(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

int getaddrinfo(const char *restrict name, const char *restrict service,
    const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
	int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo *first = NULL, **last = &first;
	void *symbol = resolver("getaddrinfo");

	memcpy(&next, &symbol, sizeof(next));
	if (!strstr(name, ".test"))
		return next(name, service, hints, out);
	for (int i = 0; i < 4 && addresses[i]; i++) {
		struct addrinfo *one = NULL;

		if (!next(addresses[i], service, hints, &one) && one)
			*last = one;
		while (*last)
			last = &(*last)->ai_next;
	}
	*out = first;
	return first ? 0 : EAI_NONAME;
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	ssize_t n = recv(fd, asked, sizeof(asked) - 1, 0);

	asked[n > 0 ? n : 0] = '\0';
	usleep((useconds_t)atomic_load(&wait_ms) * 1000);
	for (const char *s = answer_text; *s; s++) {
		if (!atomic_load(&drip)) {
			send(fd, s, strlen(s), MSG_NOSIGNAL);
			break;
		}
		if (send(fd, s, 1, MSG_NOSIGNAL) < 0)
			break;
		usleep((useconds_t)atomic_load(&drip) * 1000);
	}
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		pthread_t thread;

		atomic_fetch_add(&connections, 1);
		pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
	return NULL;
}

static void start_server(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_ANY) } };
	socklen_t n = sizeof(in);
	pthread_t thread;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&in, n) || listen(listener, 64) ||
	    getsockname(listener, (struct sockaddr *)&in, &n))
		abort();
	port = ntohs(in.sin_port);
	pthread_create(&thread, NULL, serve, NULL);
	pthread_detach(thread);
}

static const struct guard *guard_of(const char *outbound, bool development)
{
	const struct scan_limits limits = scan_limits_of(4096);

	return guard_load(
	    a, json_parse(a, outbound, strlen(outbound), &limits, NULL), development, NULL);
}

static const struct guard *open_guard, *strict_guard;

/* "ok", or the reason code. */
static const char *get(struct fetch *f, const char *url)
{
	struct err e = { .code = ERR_NONE };

	f->url = url;
	f->guard = f->guard ? f->guard : open_guard;
	f->max = MAX;
	f->connect_ms = TOTAL_MS;
	f->total_ms = TOTAL_MS;
	return fetch(f, a, &e) ? "ok" : err_reason_of(&e);
}

static const char *local(const char *path)
{
	return arena_printf(a, "http://127.0.0.1:%d%s", port, path);
}

static void answers(void)
{
	static const struct {
		const char *text, *want, *type, *name;
		int status;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
		  "2\r\n\r\n{}",
		    "ok", "application/json", "a document is fetched", 200 },
		{ "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\n\r\n{}",
		    "ok", "application/json",
		    "a type is compared in lower case, without parameters", 200 },
		{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: "
		  "0\r\n\r\n",
		    "ok", "", "a redirect is an answer, and is not followed", 302 },
		{ "HTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\n\r\n"
		  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}",
		    "ok", "application/json", "headers of an interim answer do not count", 200 },
		{ "HTTP/1.1 206 Partial\r\nContent-Type: application/json\r\n\r\n{}", "ok",
		    "application/json", "a part is an answer of its own status", 206 },
		{ "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: "
		  "application/json\r\n\r\n{}",
		    "fetch_malformed", NULL, "two types are refused", 0 },
		{ "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n{}", "fetch_malformed", NULL,
		    "an encoding is refused", 0 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}", "fetch_unreachable", NULL,
		    "an answer that breaks off is refused", 0 },
		{ "SSH-2.0-OpenSSH\r\n", "fetch_malformed", NULL, "what is no HTTP is refused", 0 },
		{ "", "fetch_unreachable", NULL, "no answer is none", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fetch f = { .upstream = NULL };

		answer_text = rows[i].text;
		is_str(get(&f, local("/")), rows[i].want, rows[i].name);
		if (rows[i].type) {
			is_int(f.status, rows[i].status, "its status is told");
			is_str(f.content_type, rows[i].type, "its type is told");
		}
	}
}

static void sizes(void)
{
	struct fetch f = { .upstream = NULL };

	answer_text = arena_printf(a, "HTTP/1.1 200 OK\r\n\r\n%0*d", MAX, 0);
	is_str(get(&f, local("/")), "ok", "a body at its limit is fetched");
	is_int(f.body_len, MAX, "it is whole");
	answer_text = arena_printf(a, "HTTP/1.1 200 OK\r\n\r\n%0*d", MAX + 1, 0);
	is_str(get(&f, local("/")), "fetch_too_large", "a byte more is refused");
	answer_text = arena_printf(a, "HTTP/1.1 200 OK\r\nX: %020000d\r\n\r\n{}", 0);
	is_str(get(&f, local("/")), "fetch_too_large", "headers without end are refused");
}

static void times(void)
{
	struct fetch f = { .upstream = NULL };
	int64_t start = clock_ms();

	answer_text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}";
	atomic_store(&drip, 50);
	is_str(get(&f, local("/")), "fetch_timeout", "an answer that drips is ended in time");
	atomic_store(&drip, 0);
	atomic_store(&wait_ms, TOTAL_MS * 2);
	is_str(get(&f, local("/")), "fetch_timeout", "silence is ended in time");
	atomic_store(&wait_ms, 0);
	ok(clock_ms() - start < TOTAL_MS * 3, "the deadline is of the whole, not of each byte");
}

static void requests(void)
{
	static const char *const more[] = { "X-One: 1", NULL };
	struct fetch f = {
		.form = "a=b&c=d", .headers = more, .accept = "application/jwk-set+json"
	};

	answer_text = "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nSet-Cookie: a=b\r\n\r\n{}";
	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	setenv("all_proxy", "http://127.0.0.1:1/", 1);
	is_str(get(&f, local("/token?x=1")), "ok",
	    "a form is posted, past the proxies of the environment");
	ok(!strncmp(asked, "POST /token?x=1 HTTP/1.1\r\n", 26), "to the path as it is");
	ok(strstr(asked, "Content-Type: application/x-www-form-urlencoded\r\n") != NULL,
	    "with its type");
	ok(strstr(asked, "X-One: 1\r\n") && strstr(asked, "Accept: application/jwk-set+json\r\n"),
	    "and the headers that were given");
	ok(strstr(asked, "\r\n\r\na=b&c=d") != NULL, "and its body");
	ok(!strstr(asked, "Cookie") && !strstr(asked, "Accept-Encoding") &&
		!strstr(asked, "Authorization"),
	    "no cookie, no credentials, no compression");
	is_str(f.etag, "\"v1\"", "the entity tag is told");
	f = (struct fetch){ .if_none_match = "\"v1\"" };
	is_str(get(&f, local("/a/../b")), "ok", "a tag is asked for");
	ok(strstr(asked, "If-None-Match: \"v1\"\r\n") != NULL, "by If-None-Match");
	ok(!strncmp(asked, "GET /a/../b HTTP/1.1\r\n", 22),
	    "and dots are not taken out of the path");
	f = (struct fetch){ .if_none_match = "a\r\nX: y" };
	is_str(get(&f, local("/")), "ok", "a tag with a newline");
	ok(!strstr(asked, "If-None-Match"), "is not sent");
}

static void freshness(void)
{
	static const struct {
		const char *headers;
		int64_t want;
		const char *name;
	} rows[] = {
		{ "", -1, "no word on keeping is told apart" },
		{ "Cache-Control: max-age=60\r\n", 60, "max-age counts" },
		{ "Cache-Control: public, Max-Age=\"60\"\r\n", 60, "in any case, quoted or not" },
		{ "Cache-Control: public\r\nCache-Control: max-age=60\r\n", 60,
		    "in any of several lines" },
		{ "Cache-Control: max-age=60\r\nAge: 20\r\n", 40, "less the age" },
		{ "Cache-Control: max-age=60\r\nAge: 90\r\n", 0, "down to nothing" },
		{ "Cache-Control: max-age=60, no-store\r\n", 0, "no-store wins" },
		{ "Cache-Control: no-cache, max-age=60\r\n", 0, "no-cache wins" },
		{ "Cache-Control: s-maxage=60\r\n", -1, "s-maxage is for shared caches" },
		{ "Cache-Control: x-max-age=60\r\n", -1,
		    "a name that only ends alike does not count" },
		{ "Cache-Control: max-age=soon\r\n", 0, "a max-age that is no number is over" },
		{ "Cache-Control: max-age=99999999999999999999\r\n", 315360000,
		    "a huge one is ten years" },
		{ "Date: Sat, 21 Nov 2026 09:00:00 GMT\r\nExpires: Sat, 21 Nov 2026 09:10:00 "
		  "GMT\r\n",
		    600, "Expires counts from Date" },
		{ "Expires: 0\r\n", 0, "Expires: 0 is over" },
		{ "Cache-Control: max-age=5\r\nExpires: Sat, 21 Nov 2099 09:10:00 GMT\r\n", 5,
		    "max-age wins over Expires" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fetch f = { .upstream = NULL };

		answer_text = arena_printf(a, "HTTP/1.1 200 OK\r\n%s\r\n{}", rows[i].headers);
		get(&f, local("/"));
		is_int(f.fresh_s, rows[i].want, rows[i].name);
	}
}

static void urls(void)
{
	static const struct {
		const char *url, *name;
	} rows[] = {
		{ "http://example.com/", "plain http is refused" },
		{ "ftp://example.com/", "another scheme is refused" },
		{ "file:///etc/passwd", "a file is refused" },
		{ "https://user@127.0.0.1/", "user information is refused" },
		{ "https://example.com\\@127.0.0.1/", "a backslash is refused" },
		{ "https://127.0.0.1/#x", "a fragment is refused" },
		{ "https:///x", "no host is refused" },
		{ "https://exa mple/", "a blank is refused" },
		{ "", "nothing is refused" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fetch f = { .guard = strict_guard };

		is_str(get(&f, rows[i].url), "fetch_url", rows[i].name);
	}
}

/* protocol §6, D64: what a stranger's URL must never reach, in every spelling that resolves. */
static void forbidden(void)
{
	static const char *const hosts[] = { "127.0.0.1", "127.1", "2130706433", "0x7f.1",
		"0.0.0.0", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1",
		"198.18.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[::ffff:10.0.0.1]",
		"[::ffff:127.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[fc00::1]",
		"[fe80::1]", "[ff02::1]", "localhost" };
	int before = atomic_load(&connections);

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct fetch f = { .guard = strict_guard };

		is_str(get(&f, arena_printf(a, "https://%s:%d/", hosts[i], port)), "fetch_address",
		    arena_printf(a, "%s is not fetched from", hosts[i]));
	}
	is_int(atomic_load(&connections), before, "and nothing was connected");
	for (int rules = 0; rules < 2; rules++) {
		struct fetch f = {
			.guard = guard_of(
			    "{\"allow\":{\"*\":[\"127.0.0.0/8\"]},\"insecureHttp\":[\"*\"]}", false)
		};

		f.upstream = rules ? "x" : NULL;
		answer_text = "HTTP/1.1 200 OK\r\n\r\n{}";
		is_str(get(&f, local("/")), rules ? "ok" : "fetch_url",
		    rules ? "rules for every upstream open the way to an upstream"
			  : "but not to what a stranger chose");
	}
}

/* D65: 127.0.0.2 stands for the public address, 127.0.0.1 for the private one. */
static void rebinding(void)
{
	const struct guard *guard =
	    guard_of("{\"allow\":{\"x\":[\"127.0.0.2/32\"]},\"insecureHttp\":[\"x\"]}", false);
	const char *url = arena_printf(a, "http://rebind.test:%d/", port);
	struct fetch f = { .guard = guard, .upstream = "x" };
	int before;

	answer_text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}";
	addresses[0] = "127.0.0.2";
	is_str(get(&f, url), "ok", "a name with a public address is fetched from");
	before = atomic_load(&connections);
	addresses[0] = "127.0.0.1";
	is_str(get(&f, url), "fetch_address",
	    "the same name is refused when its address is a private one");
	addresses[0] = "127.0.0.1";
	addresses[1] = "10.0.0.1";
	is_str(get(&f, url), "fetch_address", "and when all of several are");
	is_int(atomic_load(&connections), before, "nothing was connected");
	addresses[0] = addresses[1] = NULL;
	is_str(get(&f, url), "fetch_unreachable", "a name without address is told apart");
}

static void *get_slow(void *url)
{
	struct arena *own = arena_new();
	struct err e = { .code = ERR_NONE };
	struct fetch f = {
		.url = url, .guard = open_guard, .max = MAX, .connect_ms = 500, .total_ms = 3000
	};
	bool good = fetch(&f, own, &e);

	arena_free(own);
	return good ? url : NULL;
}

static void budget(void)
{
	pthread_t slow[4];
	struct fetch f = { .upstream = NULL };
	const char *url = local("/"), *other = arena_printf(a, "http://localhost:%d/", port);
	void *good;
	int finished = 0;

	answer_text = "HTTP/1.1 200 OK\r\n\r\n{}";
	atomic_store(&wait_ms, 400);
	for (int i = 0; i < 2; i++)
		pthread_create(&slow[i], NULL, get_slow, arena_strdup(a, url));
	usleep(150000);
	is_str(get(&f, url), "fetch_busy",
	    "a third fetch from one host is refused while two are there");
	for (int i = 2; i < 4; i++)
		pthread_create(&slow[i], NULL, get_slow, arena_strdup(a, other));
	usleep(100000);
	is_str(get(&f, arena_printf(a, "http://[::1]:%d/", port)), "fetch_busy",
	    "a fifth is refused while half of eight threads are in one");
	for (int i = 0; i < 4; i++) {
		pthread_join(slow[i], &good);
		finished += good != NULL;
	}
	is_int(finished, 4, "those that had a place were served");
	atomic_store(&wait_ms, 0);
	is_str(get(&f, url), "ok", "then there is room again");
}

static void documents(void)
{
	static const struct {
		int status;
		const char *type, *want, *name;
	} rows[] = {
		{ 200, "application/json", "ok", "application/json is a document" },
		{ 200, "application/jwk-set+json", "ok", "application/...+json is one" },
		{ 200, "text/html", "fetch_type", "HTML is none" },
		{ 200, "text/json", "fetch_type", "text/json is none" },
		{ 200, "application/+json", "fetch_type", "a type without a name is none" },
		{ 200, "", "fetch_type", "no type is none" },
		{ 201, "application/json", "fetch_status", "only status 200 counts" },
		{ 206, "application/json", "fetch_status", "a part does not" },
		{ 404, "application/json", "fetch_status", "404 does not" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fetch f = {
			.url = "x", .status = rows[i].status, .content_type = rows[i].type
		};
		struct err e = { .code = ERR_NONE };

		is_str(
		    fetch_is_json(&f, &e) ? "ok" : err_reason_of(&e), rows[i].want, rows[i].name);
	}
}

int main(void)
{
	a = arena_new();
	fetch_start(8);
	start_server();
	open_guard = guard_of("{}", true);
	strict_guard = guard_of("{}", false);

	answers();
	sizes();
	times();
	requests();
	freshness();
	urls();
	forbidden();
	rebinding();
	budget();
	documents();

	arena_free(a);
	return done();
}
