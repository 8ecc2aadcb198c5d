/* SPDX-License-Identifier: Apache-2.0 */
/* FastCGI on real sockets: requests as they come, answers as they leave, connections that bring nothing. */
#include "config.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/may_block.h"
#include "http/fcgi.h"
#include "http/io.h"

#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_storage address;
static socklen_t address_n;
static int kind, stop_fd;
static struct io_listener *listener;

/* A listening socket as descriptor 0: Unix (its name in the abstract space), or TCP on loopback. */
static void listen_on(int family, int type)
{
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	bool is_inet = family == AF_INET;

	kind = type;
	io_listener_free(listener);
	/* without a name, the kernel chooses one */
	if (fd < 0 || bind(fd, is_inet ? (struct sockaddr *)&inet : (struct sockaddr *)&local, is_inet ? sizeof(inet) : sizeof(sa_family_t)) ||
	    listen(fd, 128) || dup2(fd, 0) != 0)
		abort();
	close(fd);
	address_n = sizeof(address);
	getsockname(0, (struct sockaddr *)&address, &address_n);
	listener = io_listen(stop_fd);
}

static int connect_now(void)
{
	int fd = socket(address.ss_family, kind | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_n))
		abort();
	return fd;
}

static void record(struct buf *to, unsigned type, const void *content, size_t n)
{
	const unsigned char header[FCGI_HEADER] = { 1, (unsigned char)type, 0, 1, (unsigned char)(n >> 8), (unsigned char)n };

	buf_add(to, header, sizeof(header));
	buf_add(to, content, n);
}

static void text(struct buf *to, unsigned type, const char *content)
{
	record(to, type, content, strlen(content));
}

static void head_with(struct buf *to, char flags)
{
	const char role[8] = { 0, 1, flags };

	record(to, 1, role, sizeof(role));
	text(to, 4, "\16\4REQUEST_METHODPOST\13\2REQUEST_URI/a");
	text(to, 4, "");
}

static void head(struct buf *to)
{
	head_with(to, 0);
}

static void send_buf(int fd, struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = send(fd, b->data + at, b->len - at, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	buf_clear(b);
}

static struct buf out; /* what the web server is about to send */

/* A new connection with what OUT holds. */
static int request(void)
{
	int fd = connect_now();

	send_buf(fd, &out);
	return fd;
}

/* What came back: the content of its records, each of which is sound; whether it ended as it should. */
struct answer {
	struct buf text;
	size_t reads, longest;
	int end; /* -1: none */
	bool is_sound, reset;
};

static struct answer read_answer(int fd)
{
	struct answer a = { .end = -1, .is_sound = true };
	unsigned char piece[70000];
	struct buf all;
	ssize_t n;

	buf_init(&all, SIZE_MAX / 2);
	buf_init(&a.text, SIZE_MAX / 2);
	while ((n = recv(fd, piece, sizeof(piece), 0)) > 0) {
		buf_add(&all, piece, (size_t)n);
		a.reads++;
	}
	a.reset = n < 0;
	for (size_t at = 0; at < all.len;) {
		const unsigned char *p = (const unsigned char *)all.data + at;
		size_t content = all.len - at < 8 ? 0 : (size_t)(p[4] << 8 | p[5]);

		if (all.len - at < 8 || all.len - at - 8 < content || p[0] != 1 || p[2] || p[3] != 1 || p[6] || a.end >= 0) {
			a.is_sound = false;
			break;
		}
		if (p[1] == 6)
			buf_add(&a.text, p + 8, content);
		if (p[1] == 3)
			a.end = content == 8 ? p[12] : 99;
		if (content > a.longest)
			a.longest = content;
		at += 8 + content;
	}
	buf_release(&all);
	close(fd);
	return a;
}

static void is_answer(int fd, const char *want, const char *name)
{
	struct answer a = read_answer(fd);

	is_str(buf_text(&a.text), want, name);
	ok(a.is_sound && a.end == 0 && !a.reset, "... in sound records, with its end");
	buf_release(&a.text);
}

static void test_request(void)
{
	struct io *io;
	size_t n = 0;
	char got[8], *body;
	int fd;

	head(&out);
	text(&out, 5, "hello, world");
	text(&out, 5, "");
	fd = request();
	io = io_accept(listener);
	ok(io, "a request that came at once");
	is_str(io_param(io, "REQUEST_METHOD"), "POST", "... its variables");
	is_str(io_param(io, "REQUEST_URI"), "/a", "... all of them");
	is_str(io_param(io, "REQUEST"), NULL, "... and no others");
	ok(fcntl(io_fd(io), F_GETFD) & FD_CLOEXEC, "programs that we start do not have its descriptor");
	body = io_take_body(io, &n);
	ok(body && n == 12 && !strcmp(body, "hello, world"), "its body is taken whole");
	free(body);
	is_int(io_read(io, got, sizeof(got)), 0, "... once");
	io_read_done(io);
	is_str(io_param(io, "REQUEST_URI"), NULL, "its memory is given back before its end");
	ok(io_write(io, "Status: 200\r\n", 13) && io_write(io, "\r\nyes", 5), "and it is answered");
	io_end(io);
	is_answer(fd, "Status: 200\r\n\r\nyes", "the answer");

	head(&out);
	text(&out, 5, "hello");
	fd = request();
	io = io_accept(listener);
	ok(io, "variables without all of the body are accepted");
	is_str(io_take_body(io, &n), NULL, "... which is not there to be taken");
	is_int(io_read(io, got, 3), 3, "... but to be read");
	is_mem(got, "hel", 3, "... as far as it is wanted");
	text(&out, 5, ", world");
	text(&out, 5, "");
	send_buf(fd, &out);
	is_int(io_read(io, got, sizeof(got)), 2, "... piece by piece");
	is_mem(got, "lo", 2, "... in their order");
	is_int(io_read(io, got, sizeof(got)), 7, "... as they come");
	is_str(io_take_body(io, &n), NULL, "what was begun so is not to be taken");
	is_int(io_read(io, got, sizeof(got)), 0, "... to its end");
	is_int(io_read(io, got, sizeof(got)), 0, "... which stays");
	io_end(io);
	is_answer(fd, "", "an answer may be empty");

	head(&out);
	text(&out, 5, "hel");
	fd = request();
	io = io_accept(listener);
	shutdown(fd, SHUT_WR);
	is_int(io_read(io, got, sizeof(got)), 3, "of a body that breaks off the beginning is read");
	is_int(io_read(io, got, sizeof(got)), -1, "... and no end");
	io_end(io);
	is_answer(fd, "", "... nor does ending it wait for more");
}

/* Connections that bring no request: each is answered, or not, and closed; the next one is accepted. */
static void test_no_request(void)
{
	int silent, http, filter, aborted, pairs, good;
	struct answer a;
	struct io *io;

	silent = connect_now();
	shutdown(silent, SHUT_WR);
	buf_str(&out, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	http = request();
	record(&out, 1, "\0\3\0\0\0\0\0\0", 8);
	filter = request();
	record(&out, 1, "\0\1\0\0\0\0\0\0", 8);
	record(&out, 2, "", 0);
	aborted = request();
	record(&out, 1, "\0\1\0\0\0\0\0\0", 8);
	record(&out, 4, "\5\5ab", 4);
	record(&out, 4, "", 0);
	pairs = request();
	shutdown(pairs, SHUT_WR);
	head(&out);
	text(&out, 5, "");
	good = request();
	io = io_accept(listener);
	is_str(io_param(io, "REQUEST_URI"), "/a", "connections that bring no request are passed over");
	io_write(io, "good", 4);
	io_end(io);
	is_answer(good, "good", "... and the first that does is answered");
	a = read_answer(silent);
	ok(!a.text.len && a.end < 0, "a silent one is closed");
	a = read_answer(http);
	ok(!a.text.len && a.end < 0, "one that speaks something else as well");
	a = read_answer(filter);
	ok(a.end == 3 && a.is_sound, "a filter's is told why");
	a = read_answer(aborted);
	ok(a.end == 0 && a.is_sound && !a.text.len, "a request that was taken back is ended");
	a = read_answer(pairs);
	ok(a.end == 0 && a.is_sound && !strncmp(buf_text(&a.text), "Status: 400 ", 12), "one that is malformed is answered");
	buf_release(&a.text);
}

static struct io *accepted(enum io_state want, const char *name)
{
	struct io *io = io_accept_now(listener);

	if (!ok(io, name))
		abort();
	is_int(io_advance(io), want, "... and what has come of it is known at once");
	return io;
}

static void test_without_waiting(void)
{
	char zeros[60000] = "";
	struct io *io;
	size_t n;
	char *body;
	int fd;

	errno = 0;
	ok(!io_accept_now(listener) && errno == EAGAIN, "no connection, no waiting");
	fd = connect_now();
	io = accepted(IO_COMING, "a connection without a byte");
	head(&out);
	out.len -= 8; /* the last record of the variables */
	send_buf(fd, &out);
	is_int(io_advance(io), IO_COMING, "not all of its variables");
	text(&out, 4, "");
	send_buf(fd, &out);
	is_int(io_advance(io), IO_COMING, "not its body");
	text(&out, 5, "x");
	send_buf(fd, &out);
	is_int(io_advance(io), IO_COMING, "not all of it");
	text(&out, 5, "");
	send_buf(fd, &out);
	is_int(io_advance(io), IO_HERE, "all of it");
	is_int(io_advance(io), IO_HERE, "which it stays");
	body = io_take_body(io, &n);
	ok(body && n == 1 && *body == 'x', "its body");
	free(body);
	io_end(io);
	is_answer(fd, "", "it ends");

	head(&out);
	record(&out, 5, zeros, sizeof(zeros));
	record(&out, 5, zeros, sizeof(zeros));
	fd = request();
	io = accepted(IO_LARGE, "a request with a large body");
	is_str(io_param(io, "REQUEST_URI"), "/a", "... has its variables");
	is_str(io_take_body(io, &n), NULL, "... and not all of its body");
	text(&out, 5, "");
	send_buf(fd, &out);
	for (n = 0; n < 2 * sizeof(zeros);) {
		char piece[5000];
		long got = io_read(io, piece, sizeof(piece));

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	is_int(n, 2 * sizeof(zeros), "... which is read in pieces");
	is_int(io_read(io, zeros, 1), 0, "... to its end");
	io_end(io);
	is_answer(fd, "", "it ends");

	fd = connect_now();
	close(fd);
	io = accepted(IO_GONE, "one whose web server left");
	io_end(io);
	buf_str(&out, "GET / HTTP/1.1\r\n\r\n");
	fd = request();
	io = accepted(IO_GONE, "one that brings something else");
	io_end(io);
	close(fd);
	head(&out);
	text(&out, 2, "");
	fd = request();
	io = accepted(IO_GONE, "one that was taken back");
	ok(!io_write(io, "x", 1) && !io_flush(io), "... is not answered");
	io_end(io);
	is_answer(fd, "", "... but ended");
	record(&out, 1, "\0\1\0\0\0\0\0\0", 8);
	memset(zeros, 'x', sizeof(zeros));
	for (int i = 0; i < 3; i++)
		record(&out, 4, zeros, sizeof(zeros));
	fd = request();
	shutdown(fd, SHUT_WR);
	io = accepted(IO_GONE, "one with too many bytes of variables");
	io_end(io);
	struct answer a = read_answer(fd);
	ok(a.end == 0 && a.is_sound && !strncmp(buf_text(&a.text), "Status: 431 ", 12), "... is told so");
	buf_release(&a.text);
}

struct client {
	pthread_t thread;
	int fd;
	size_t body_n;
	struct answer answer;
	bool was_sent;
};

/* A web server that sends all of a body before it reads, or only reads. */
static void *client_run(void *arg)
{
	struct client *c = arg;
	char block[10000] = "";
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	c->was_sent = true;
	for (size_t at = 0; at < c->body_n; at += sizeof(block)) {
		record(&b, 5, block, sizeof(block));
		c->was_sent &= send(c->fd, b.data, b.len, MSG_NOSIGNAL) == (ssize_t)b.len;
		buf_clear(&b);
	}
	buf_release(&b);
	c->answer = read_answer(c->fd);
	return NULL;
}

static void test_refused_body(void)
{
	struct client c = { .body_n = 2000000 };
	struct io *io;

	head(&out);
	c.fd = request();
	io = io_accept(listener);
	pthread_create(&c.thread, NULL, client_run, &c);
	io_write(io, "no", 2);
	io_end(io);
	pthread_join(c.thread, NULL);
	ok(c.was_sent, "a web server that sends a body which nobody wants is not stopped");
	is_str(buf_text(&c.answer.text), "no", "... and reads the answer");
	ok(c.answer.end == 0 && !c.answer.reset, "... to its end");
	buf_release(&c.answer.text);
}

static void test_long_answer(void)
{
	struct client c = { .body_n = 0 };
	static char big[500000];
	struct io *io;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)('a' + i % 23);
	head(&out);
	text(&out, 5, "");
	c.fd = request();
	io = io_accept(listener);
	pthread_create(&c.thread, NULL, client_run, &c);
	ok(io_write(io, big, 100) && io_write(io, big + 100, 300000) && io_write(io, big + 300100, 5) &&
	    io_write(io, big + 300105, sizeof(big) - 300105), "an answer is longer than the socket has room");
	io_end(io);
	pthread_join(c.thread, NULL);
	ok(c.answer.text.len == sizeof(big) && !memcmp(c.answer.text.data, big, sizeof(big)), "... comes as it was written");
	ok(c.answer.is_sound && c.answer.end == 0 && c.answer.longest <= FCGI_CONTENT, "... in sound records");
	buf_release(&c.answer.text);
}

/* Each call that writes is a packet here. */
static void test_calls(void)
{
	static char kilobyte[1000], full[IO_BUFFER], large[20000], packet[70000];
	struct answer a;
	struct io *io;
	int fd;

	listen_on(AF_UNIX, SOCK_SEQPACKET);
	head(&out);
	text(&out, 5, "");
	fd = request();
	io = io_accept(listener);
	io_write(io, "Status: 200\r\n\r\n", 15);
	io_write(io, kilobyte, sizeof(kilobyte));
	io_end(io);
	a = read_answer(fd);
	ok(a.reads == 1 && a.is_sound && a.end == 0 && a.text.len == 1015, "an answer of a kilobyte leaves in one call");
	buf_release(&a.text);

	head(&out);
	text(&out, 5, "");
	fd = request();
	io = io_accept(listener);
	io_write(io, full, sizeof(full));
	struct pollfd p = { .fd = fd, .events = POLLIN };
	is_int(poll(&p, 1, 0), 0, "what fits into the buffer waits there");
	ok(io_flush(io) && io_flush(io), "... until it is sent");
	is_int(poll(&p, 1, 0), 1, "... which is at once");
	io_write(io, "x", 1);
	io_write(io, large, sizeof(large));
	is_int(recv(fd, packet, sizeof(packet), MSG_DONTWAIT), FCGI_HEADER + sizeof(full), "what was flushed");
	is_int(recv(fd, packet, sizeof(packet), MSG_DONTWAIT), FCGI_HEADER + 1 + sizeof(large) - IO_BUFFER,
	    "what does not fit leaves in one call, with what waited");
	is_int(recv(fd, packet, sizeof(packet), MSG_DONTWAIT), -1, "... but for the last of it, which waits for the end");
	io_end(io);
	a = read_answer(fd);
	ok(a.reads == 1 && a.text.len == IO_BUFFER && a.is_sound && a.end == 0, "... and leaves with it");
	buf_release(&a.text);
}

static void test_leaving(void)
{
	static char block[IO_BUFFER];
	struct io *io;
	int fd, n = 0;

	listen_on(AF_UNIX, SOCK_STREAM);
	head(&out);
	text(&out, 5, "");
	fd = request();
	io = io_accept(listener);
	ok(io_is_writable(io), "there is room for an answer");
	while (io_is_writable(io) && n++ < 1000)
		io_write(io, block, sizeof(block)), io_flush(io);
	ok(n > 1 && n < 1000, "until nobody takes it");
	close(fd);
	ok(io_is_writable(io), "that the web server leaves is known without waiting");
	io_write(io, "x", 1);
	ok(!io_flush(io), "... and said, not signalled");
	ok(!io_write(io, "x", 1), "... ever after");
	io_end(io);
}

static void test_stop(void)
{
	const uint64_t one = 1;
	int fds[60], served = 0;
	struct io *io;

	for (int i = 0; i < 60; i++) {
		head(&out);
		text(&out, 5, "");
		fds[i] = request();
	}
	if (write(stop_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	while (served < 60 && (io = io_accept(listener))) {
		io_end(io);
		served++;
	}
	ok(served < 60, "a thread stops, however many connections wait");
	ok(!io_accept(listener), "... and stays so");
	for (int i = 0; i < 60; i++)
		close(fds[i]);
	ok(fcntl(0, F_GETFD) >= 0, "the listening socket stays open");
}

static void test_addresses(void)
{
	struct answer a;
	struct io *io;
	int fd;

	setenv("FCGI_WEB_SERVER_ADDRS", "192.0.2.1, 127.0.0.1", 1);
	listen_on(AF_INET, SOCK_STREAM);
	head(&out);
	text(&out, 5, "");
	fd = request();
	io = io_accept(listener);
	ok(io, "a web server that FCGI_WEB_SERVER_ADDRS names is served");
	io_end(io);
	is_answer(fd, "", "... over TCP");

	setenv("FCGI_WEB_SERVER_ADDRS", "192.0.2.1,127.0.0.10,127.0.0", 1);
	listen_on(AF_INET, SOCK_STREAM);
	head(&out);
	text(&out, 5, "");
	fd = request();
	struct pollfd p = { .fd = 0, .events = POLLIN };
	poll(&p, 1, 10000);
	errno = 0;
	ok(!io_accept_now(listener) && errno == EAGAIN, "one that it does not name is not");
	a = read_answer(fd);
	ok(!a.text.len && a.end < 0, "... and hears nothing");
	unsetenv("FCGI_WEB_SERVER_ADDRS");
}

static struct io *brought; /* what came back of a connection */
static bool wanted = true, takes = true;

static bool is_wanted(void *own)
{
	return own == &brought && wanted;
}

static bool take_back(void *own, struct io *io)
{
	if (own == &brought)
		brought = io;
	return takes;
}

static const struct io_keeper keeper = { is_wanted, take_back };

static bool waited; /* for a web server that takes nothing */

static void note_waiting(void *own)
{
	*(bool *)own = true;
}

/* Ends the request that IO has, with an answer; whether it came back. */
static bool comes_back(struct io *io)
{
	brought = NULL;
	io_on_kept(io, &keeper, &brought);
	io_write(io, "yes", 3);
	io_end(io);
	return brought;
}

/* The answer's records: "yes", its end, and the request's; LAST: and that of an error stream, by which the web server is told to close. */
static void is_yes(int fd, bool last, const char *name)
{
	static const char want[] = "\1\6\0\1\0\3\0\0yes\1\6\0\1\0\0\0\0\1\3\0\1\0\10\0\0\0\0\0\0\0\0\0\0\1\7\0\1\0\0\0";
	char got[2 * sizeof(want)] = "";
	const size_t n = last ? 43 : 35;

	is_int(recv(fd, got, sizeof(got), MSG_DONTWAIT), n, name);
	is_mem(got, want, n, "... to its end");
}

static bool is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void test_kept(void)
{
	char zeros[60000] = "", got[8];
	struct io *io;
	int fd;

	head_with(&out, 1);
	text(&out, 5, "one");
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_HERE, "a request on a connection that the web server keeps");
	ok(comes_back(io), "it comes back when the request is answered");
	is_yes(fd, false, "... to the web server");
	ok(is_open(fd), "... and is open");
	ok(io == brought && !*io_params(io) && !io_param(io, "REQUEST_URI"), "nothing is left of the request");
	is_int(io_advance(io), IO_COMING, "the next one has not come yet");
	head_with(&out, 1);
	record(&out, 5, zeros, sizeof(zeros));
	record(&out, 5, zeros, sizeof(zeros));
	send_buf(fd, &out);
	is_int(io_advance(io), IO_LARGE, "it comes, with a large body");
	text(&out, 5, "");
	send_buf(fd, &out);
	while (io_read(io, zeros, sizeof(zeros)) > 0)
		;
	ok(comes_back(io), "... after which it comes back as well");
	is_yes(fd, false, "... when it is answered");
	head_with(&out, 1);
	text(&out, 5, "two");
	text(&out, 5, "");
	send_buf(fd, &out);
	is_int(io_advance(io), IO_HERE, "the third one");
	is_int(io_read(io, got, sizeof(got)), 3, "... has its own body");
	is_mem(got, "two", 3, "... and no other's");
	brought = NULL;
	io_on_kept(io, NULL, NULL);
	io_end(io);
	is_int(recv(fd, zeros, sizeof(zeros), 0), 32, "the last one has nobody to take it: behind its end the web server is told");
	ok(!brought && recv(fd, zeros, sizeof(zeros), 0) == 0, "... and it is closed");
	close(fd);

	wanted = false;
	head_with(&out, 1);
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_HERE, "another one");
	ok(!comes_back(io), "... does not come back where nobody wants it");
	is_yes(fd, true, "... the web server is told behind the answer's end");
	ok(!is_open(fd), "... and it is closed");
	close(fd);
	wanted = true;

	takes = false;
	head_with(&out, 1);
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_HERE, "one that is wanted");
	ok(comes_back(io), "... is offered");
	is_yes(fd, false, "... and answered");
	ok(!is_open(fd), "... and closed where nobody takes it after all");
	close(fd);
	takes = true;

	head_with(&out, 1);
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_HERE, "one that is idle");
	ok(comes_back(io), "... comes back");
	is_yes(fd, false, "... with its answer");
	io_farewell(io);
	is_int(recv(fd, got, sizeof(got), MSG_DONTWAIT), 8, "the web server is told to close it");
	is_mem(got, "\1\7\0\1\0\0\0", 8, "... by the end of an error stream of its last request");
	head_with(&out, 1);
	text(&out, 5, "");
	send_buf(fd, &out);
	is_int(io_advance(io), IO_HERE, "a request that was on its way");
	wanted = false;
	ok(!comes_back(io), "... is the last");
	is_yes(fd, true, "... and answered");
	close(fd);
	wanted = true;

	record(&out, 1, "\0\1\0\0\0\0\0\0", 8);
	text(&out, 4, "");
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_HERE, "one that the web server does not keep");
	ok(!comes_back(io), "... does not come back");
	is_yes(fd, false, "... nobody is told anything");
	ok(!is_open(fd), "... it is closed");
	close(fd);

	head_with(&out, 1);
	text(&out, 5, "one");
	fd = request();
	io = accepted(IO_COMING, "one whose body does not end");
	shutdown(fd, SHUT_WR);
	ok(!comes_back(io), "... does not come back");
	is_yes(fd, true, "... the web server is told");
	ok(!is_open(fd), "... and it is closed");
	close(fd);

	head_with(&out, 1);
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_HERE, "one whose web server leaves");
	close(fd);
	ok(!comes_back(io), "... does not come back");

	head_with(&out, 1);
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_HERE, "one that is left while it is idle");
	ok(comes_back(io), "... comes back");
	close(fd);
	is_int(io_advance(io), IO_GONE, "... and is gone then");
	io_end(io);

	head_with(&out, 1);
	text(&out, 5, "");
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_GONE, "one whose body goes on behind its end");
	ok(!comes_back(io), "... does not come back");
	close(fd);
}

/* Nobody reads: nothing is written into a socket that is full, however small what is written, or however many requests it answers. */
static void test_room(void)
{
	char got[4096];
	int fd, n = 0, answers = 0;
	struct io *io;
	ssize_t came;
	bool sent = true;

	may_block_tell(note_waiting, &waited);
	head(&out);
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_HERE, "a request for which much is said in small pieces");
	for (; sent && n < 10000 && io_is_writable(io); n++)
		sent = io_write(io, "x", 1) && io_flush(io) && !waited;
	ok(sent && n > 10 && n < 10000, "there is room for some of them");
	close(fd);
	io_end(io);

	waited = false;
	may_block_tell(note_waiting, &waited);
	head_with(&out, 1);
	text(&out, 5, "");
	fd = request();
	io = accepted(IO_HERE, "a request on a connection that is kept");
	for (n = 0; n < 10000 && io_is_writable(io) && comes_back(io) && !waited; n++) {
		head_with(&out, 1);
		text(&out, 5, "");
		send_buf(fd, &out);
		if (io_advance(io) != IO_HERE)
			break;
	}
	ok(!waited && n > 10 && n < 10000, "there is room for some answers that nobody reads");
	while ((came = recv(fd, got, 35, MSG_DONTWAIT)) == 35)
		answers++;
	is_int(answers, n, "... each of which is there");
	ok(came < 0 && io_is_writable(io) && comes_back(io), "and then for more");
	is_yes(fd, false, "... for the one that had to wait");
	io_on_kept(brought, NULL, NULL);
	io_end(brought);
	close(fd);
}

int main(void)
{
	alarm(120); /* rather than wait for ever */
	log_init("http_io");
	buf_init(&out, SIZE_MAX / 2);
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ok(!io_listen(stop_fd), "descriptor 0 is no listening socket yet");
	listen_on(AF_UNIX, SOCK_STREAM);
	test_request();
	test_no_request();
	test_without_waiting();
	test_refused_body();
	test_long_answer();
	test_calls();
	test_leaving();
	test_kept();
	test_room();
	test_addresses();
	listen_on(AF_UNIX, SOCK_STREAM);
	test_stop();
	io_listener_free(listener);
	close(stop_fd);
	buf_release(&out);
	return done();
}
