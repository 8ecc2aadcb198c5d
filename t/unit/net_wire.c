/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on plain connections: what goes out, and which connection may be used again. */
#include "config.h"

#include "net/wire.h"

#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define URL "http://127.0.0.1:8080/mcp?a=b"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static struct wire_room room;
static struct wires wires;
static struct buf got;
static bool waits, refuses;
static struct transfer t;
static struct wire *w;
static int peer = -1; /* the upstream's end */
static CURLcode code;
static int64_t now = 1000000;

static size_t on_header(char *line, size_t one, size_t n, void *context)
{
	(void)line;
	(void)context;
	return refuses ? 0 : one * n;
}

static size_t on_body(char *p, size_t one, size_t n, void *context)
{
	(void)context;
	if (waits)
		return CURL_WRITEFUNC_PAUSE;
	buf_add(&got, p, one * n);
	return n;
}

static void set(const char *url, struct curl_slist *headers, const char *body, size_t n)
{
	buf_clear(&got);
	t = (struct transfer){ .method = "POST", .url = url, .headers = headers, .body = body, .body_len = n, .on_header = on_header, .on_body = on_body,
		.context = &t };
}

static void set_plain(void)
{
	set(URL, NULL, "{}", 2);
}

/* A new connection, and the transfer on it. */
static void connect_new(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends))
		abort();
	peer = ends[1];
	w = wire_new(&wires, &t, ends[0], now);
}

static const char *received(void)
{
	static char text[1 << 20];
	ssize_t n = recv(peer, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool peer_sees_end(void)
{
	char c[4096];
	ssize_t n;

	while ((n = recv(peer, c, sizeof(c), MSG_DONTWAIT)) > 0)
		;
	return n == 0 || (n < 0 && errno == ECONNRESET); /* what was left unread resets it */
}

static void answer(const char *text)
{
	if (send(peer, text, strlen(text), MSG_NOSIGNAL) < 0)
		abort();
}

/* Hands all that happened to whom it concerns. Whether an exchange is over. */
static bool pump(void)
{
	struct epoll_event events[8];
	int n = epoll_wait(room.epoll, events, 8, 0);
	bool over = false;

	for (int i = 0; i < n; i++)
		over |= wire_event(wire_of_tag(events[i].data.u64), events[i].events, &code);
	return over;
}

static bool may_go_again(void)
{
	enum wire_way way;
	struct wire *again;

	set_plain();
	way = wire_begin(&wires, &t, now, &again);
	if (way != WIRE_SENT)
		return false;
	w = again;
	received();
	return true;
}

static void test_ways(void)
{
	static const char *const others[] = {
		"https://127.0.0.1/mcp", "http://u@127.0.0.1/mcp", "http://127.0.0.1", "http://127.0.0.1?x", "http:///mcp", "http://h/a b", "http://h/a\tb",
		"http://h/a\\b", "http://h/a#b", "http://h/\xc3\xa4", "http://h%41/", "HTTP://h/", "http://H/",
	};
	static const char *const headers[] = {
		"X: a\r\nHost: b", "X: a\n", "X: a\x01", "X : a", ": a", "X", "X;a", "Host: h", "content-length: 1", "Transfer-Encoding: chunked",
		"connection: close", "Expect: 100-continue", "Upgrade: h2c", "TE: trailers", "host;",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		set(others[i], NULL, "{}", 2);
		is_int(wire_begin(&wires, &t, now, &w), WIRE_NOT, others[i]);
	}
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct curl_slist *list = curl_slist_append(NULL, headers[i]);

		set(URL, list, "{}", 2);
		is_int(wire_begin(&wires, &t, now, &w), WIRE_NOT, "a header that is not ours to send");
		curl_slist_free_all(list);
	}
	set_plain();
	t.method = "GET";
	is_int(wire_begin(&wires, &t, now, &w), WIRE_NOT, "GET is libcurl's");
	set_plain();
	is_int(wire_begin(&wires, &t, now, &w), WIRE_UNCONNECTED, "a POST is not, once it has a connection");
}

static void test_request(void)
{
	struct curl_slist *list = curl_slist_append(NULL, "Authorization: Bearer x");

	curl_slist_append(list, "Accept:");
	curl_slist_append(list, "User-Agent: \t");
	curl_slist_append(list, "X-Empty;");
	curl_slist_append(list, "content-type: application/json");
	set(URL, list, "{\"a\":1}", 7);
	connect_new();
	is_str(received(), "POST /mcp?a=b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer x\r\nX-Empty:\r\ncontent-type: application/json\r\n"
	    "Content-Length: 7\r\n\r\n{\"a\":1}", "a request");
	wire_give(w, now);
	close(peer);
	set("http://[::1]:80/", NULL, NULL, 0);
	connect_new();
	is_str(received(), "POST / HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 0\r\n\r\n", "one without a body, to the usual port");
	wire_give(w, now);
	close(peer);
	curl_slist_free_all(list);
}

/* A clean exchange on a new connection. */
static void exchange(void)
{
	set_plain();
	connect_new();
	received();
	answer(ANSWER);
	pump();
	wire_give(w, now);
}

static void test_again(void)
{
	struct wires others = { .room = &room, .idle_max = 2 };

	set_plain();
	connect_new();
	received();
	ok(!pump(), "nothing comes");
	answer("HTTP/1.1 200 OK\r\nContent-Le");
	ok(!pump(), "a part of the answer");
	answer("ngth: 5\r\n\r\nhello");
	ok(pump(), "and all of it");
	is_int(code, CURLE_OK, "is well");
	is_str(buf_text(&got), "hello", "the answer");
	ok(wire_transfer(w) == &t, "of that transfer");
	wire_give(w, now);
	ok(may_go_again(), "its connection is used again");
	answer(ANSWER);
	ok(pump() && code == CURLE_OK, "with another answer");
	wire_give(w, now + 3999);
	now += 3999;
	set("http://127.0.0.1:8081/mcp", NULL, "{}", 2);
	is_int(wire_begin(&wires, &t, now, &w), WIRE_UNCONNECTED, "not for another port");
	set("http://127.0.0.1:808/mcp", NULL, "{}", 2);
	is_int(wire_begin(&wires, &t, now, &w), WIRE_UNCONNECTED, "nor for one whose name it begins with");
	set_plain();
	is_int(wire_begin(&others, &t, now, &w), WIRE_UNCONNECTED, "nor for another upstream");
	now += 3999;
	ok(may_go_again(), "it may be idle for nearly 4 s");
	answer(ANSWER);
	pump();
	wire_give(w, now);
	now += 4000;
	ok(!may_go_again(), "not for 4 s");
	ok(peer_sees_end(), "then it is closed");
	close(peer);

	exchange();
	for (int i = 0; i < 19; i++) {
		now += 3000;
		if (!may_go_again())
			break;
		answer(ANSWER);
		pump();
		wire_give(w, now);
	}
	ok(may_go_again(), "a busy one lives on for nearly a minute");
	now += 3000;
	answer(ANSWER);
	pump();
	wire_give(w, now);
	ok(!may_go_again() && peer_sees_end(), "but no longer");
	close(peer);
}

static const struct {
	const char *name, *text, *body;
} closing[] = {
	{ "more than the answer", ANSWER "x", "hello" },
	{ "a second answer", ANSWER ANSWER, "hello" },
	{ "Connection: close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok" },
	{ "HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok" },
	{ "a body where none may be", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", "" },
};

static const struct {
	const char *name, *text;
	CURLcode code;
} failing[] = {
	{ "no answer", "", CURLE_GOT_NOTHING },
	{ "half a head", "HTTP/1.1 200 OK\r\nConte", CURLE_PARTIAL_FILE },
	{ "half a body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", CURLE_PARTIAL_FILE },
	{ "no HTTP", "220 mail.example\r\n", CURLE_WEIRD_SERVER_REPLY },
	{ "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhello", CURLE_WEIRD_SERVER_REPLY },
};

static void test_not_again(void)
{
	for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]); i++) {
		set_plain();
		connect_new();
		received();
		answer(closing[i].text);
		ok(pump() && code == CURLE_OK, closing[i].name);
		is_str(buf_text(&got), closing[i].body, "is an answer");
		wire_give(w, now);
		ok(!may_go_again() && peer_sees_end(), "after which the connection is closed");
		close(peer);
	}
	for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
		set_plain();
		connect_new();
		received();
		answer(failing[i].text);
		shutdown(peer, SHUT_WR);
		if (!pump())
			pump();
		is_int(code, failing[i].code, failing[i].name);
		ok(code != CURLE_WEIRD_SERVER_REPLY || t.error[0], "it says why");
		wire_give(w, now);
		ok(!may_go_again() && peer_sees_end(), "after which the connection is closed");
		close(peer);
	}

	exchange();
	answer("HTTP/1.1 200 OK\r\n");
	ok(!may_go_again() && peer_sees_end(), "one that says something unasked is not used again");
	close(peer);
	exchange();
	answer("H");
	ok(!pump() && peer_sees_end() && !may_go_again(), "but closed as soon as it does");
	close(peer);
	exchange();
	close(peer);
	ok(!may_go_again(), "nor is one that the upstream has closed");
	exchange();
	close(peer);
	ok(!pump() && !wires.idle, "and it is not kept");

	set_plain();
	connect_new();
	received();
	wire_give(w, now);
	ok(!may_go_again() && peer_sees_end(), "a call that is cancelled before the answer takes its connection along");
	close(peer);
	set_plain();
	connect_new();
	received();
	answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
	pump();
	wire_give(w, now);
	ok(!may_go_again() && peer_sees_end(), "and so does one in the middle of it");
	close(peer);
	refuses = true;
	set_plain();
	connect_new();
	received();
	answer(ANSWER);
	ok(pump() && code == CURLE_WRITE_ERROR, "an answer that is not wanted");
	refuses = false;
	wire_give(w, now);
	ok(!may_go_again() && peer_sees_end(), "takes its connection along as well");
	close(peer);

	exchange();
	ok(may_go_again(), "a call on a connection that was used before");
	close(peer);
	pump();
	is_int(code, CURLE_GOT_NOTHING, "which then ends: it is not made again");
	wire_give(w, now);
}

static void test_pause(void)
{
	set_plain();
	connect_new();
	received();
	waits = true;
	answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
	ok(!pump(), "who wants to wait");
	answer("xxxx");
	ok(!pump() && epoll_wait(room.epoll, &(struct epoll_event){ .events = 0 }, 1, 0) == 0, "gets nothing meanwhile");
	ok(!wire_go_on(w, &code) && !got.len, "may go on waiting");
	waits = false;
	ok(!wire_go_on(w, &code), "and gets");
	is_str(buf_text(&got), "hello", "what there was");
	ok(pump() && code == CURLE_OK, "and then");
	is_str(buf_text(&got), "helloxxxx", "the rest");
	wire_give(w, now);
	ok(may_go_again(), "the connection is used again");
	waits = true;
	answer(ANSWER);
	pump();
	waits = false;
	ok(wire_go_on(w, &code) && code == CURLE_OK, "also where the whole answer had to wait");
	wire_give(w, now);
	ok(may_go_again(), "as before");
	answer(ANSWER);
	ok(pump(), "with the next answer");
	wire_give(w, now);
	wires_close_idle(&wires);
	close(peer);
}

static void test_large(void)
{
	const size_t n = 4 << 20;
	char *body = malloc(n);
	size_t came = 0;
	struct curl_slist *list = curl_slist_append(NULL, "X: y");

	memset(body, 'b', n);
	set(URL, list, body, n);
	connect_new();
	curl_slist_free_all(list);
	for (int i = 0; i < 10000 && came < n; i++) {
		const char *text = received();

		came += strspn(strstr(text, "\r\n\r\n") ? strstr(text, "\r\n\r\n") + 4 : text, "b");
		pump();
	}
	is_int(came, n, "a body of 4 MB goes out as the upstream takes it");
	answer(ANSWER);
	ok(pump() && code == CURLE_OK, "and is answered");
	wire_give(w, now);
	ok(wires.idle, "its connection is kept");
	wires_close_idle(&wires);
	close(peer);

	set(URL, NULL, body, n);
	connect_new();
	answer("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
	ok(pump() && code == CURLE_OK, "an answer may come before the request has left");
	wire_give(w, now);
	ok(!wires.idle && peer_sees_end(), "then its connection is closed");
	close(peer);

	set(URL, NULL, body, n);
	connect_new();
	answer("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
	close(peer);
	ok(pump() && code == CURLE_OK, "also if the upstream then closes it");
	is_str(buf_text(&got), "no", "with its body");
	wire_give(w, now);

	set(URL, NULL, body, n);
	connect_new();
	close(peer);
	ok(pump() && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR), "a request that cannot leave fails");
	wire_give(w, now);
	free(body);
}

/* Whoever changes a transfer while its connection is made gets nothing sent. */
static void test_unfit(void)
{
	set("https://127.0.0.1/", NULL, "{}", 2);
	connect_new();
	is_str(received(), "", "a request that is none is not sent");
	ok(pump() && code == CURLE_SEND_ERROR, "but fails");
	wire_give(w, now);
	close(peer);
}

static void test_number(void)
{
	struct wire *all[3];
	struct transfer transfers[3];
	int ends[3][2];

	for (int i = 0; i < 3; i++) {
		set_plain();
		transfers[i] = t;
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends[i]))
			abort();
		all[i] = wire_new(&wires, &transfers[i], ends[i][0], now);
		peer = ends[i][1];
		received();
		answer(ANSWER);
	}
	pump();
	for (int i = 0; i < 3; i++)
		wire_give(all[i], now);
	is_int(wires.idle_n, 2, "no more are kept than were said");
	ok(peer_sees_end(), "the rest is closed");
	wires_close_idle(&wires);
	is_int(wires.idle_n, 0, "in the end all are");
	for (int i = 0; i < 3; i++)
		close(ends[i][1]);
}

int main(void)
{
	wire_room_init(&room, epoll_create1(EPOLL_CLOEXEC));
	wires = (struct wires){ .room = &room, .idle_max = 2 };
	buf_init(&got, SIZE_MAX / 2);
	ok(!wire_of_tag(0) && !wire_of_tag(7) && !wire_of_tag(16), "tags of others are not ours");
	test_ways();
	test_request();
	test_again();
	test_not_again();
	test_pause();
	test_large();
	test_unfit();
	test_number();
	wire_room_release(&room);
	close(room.epoll);
	buf_release(&got);
	return done();
}
