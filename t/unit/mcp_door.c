/* SPDX-License-Identifier: Apache-2.0 */
/* The door: who is let in, who waits and for how long, that nobody who has knocked is forgotten, and who may stay for another request. */
#include "config.h"

#include "mcp/door.h"

#include "base/buf.h"
#include "base/log.h"
#include "http/fcgi.h"

#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address;
static socklen_t address_n = sizeof(address);
static struct door door;

/* A listening socket as descriptor 0, in the abstract space. */
static void listen_here(void)
{
	const struct sockaddr_un nameless = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&nameless, sizeof(sa_family_t)) || listen(fd, 128) || dup2(fd, 0) != 0)
		abort();
	close(fd);
	getsockname(0, (struct sockaddr *)&address, &address_n);
}

static void open_door(void)
{
	door = (struct door){ .epoll = epoll_create1(EPOLL_CLOEXEC) };
	door_open(&door);
	door_listen(&door, 1);
}

static void close_door(void)
{
	door_release(&door);
	close(door.epoll);
}

static int come(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_n))
		abort();
	return fd;
}

static void record(int fd, unsigned type, const char *content, size_t n)
{
	const unsigned char header[FCGI_HEADER] = { 1, (unsigned char)type, 0, 1, (unsigned char)(n >> 8), (unsigned char)n };

	if (send(fd, header, sizeof(header), MSG_NOSIGNAL) != (ssize_t)sizeof(header) ||
	    send(fd, content, n, MSG_NOSIGNAL) != (ssize_t)n)
		abort();
}

static void begin_with(int fd, char flags)
{
	static const char method[] = "\16\4REQUEST_METHODPOST";
	const char role[8] = { 0, 1, flags };

	record(fd, 1, role, sizeof(role));
	record(fd, 4, method, sizeof(method) - 1);
}

static void begin(int fd)
{
	begin_with(fd, 0);
}

static void end_variables(int fd)
{
	record(fd, 4, "", 0);
}

static void end_body(int fd)
{
	record(fd, 5, "{}", 2);
	record(fd, 5, "", 0);
}

/* What a turn of the loop does; returns the number of events. */
static int turn(int64_t now_ms)
{
	struct epoll_event events[16];
	int n = epoll_wait(door.epoll, events, 16, 0);

	for (int i = 0; i < n; i++)
		door_event(&door, events[i].data.u64, now_ms);
	door_admit(&door, now_ms);
	return n;
}

/* Serves the one who is here: whether there was a request. */
static bool serve_one(void)
{
	bool gone = true;
	struct io *io = guest_io(door_take(&door), &gone);
	bool has = !gone && io_param(io, "REQUEST_METHOD") && !strcmp(io_param(io, "REQUEST_METHOD"), "POST");

	io_end(io);
	return has;
}

/* As the relay does, where a call takes long. */
static void serve_one_watched(void)
{
	struct epoll_event event = { .events = EPOLLRDHUP, .data.u64 = 16 };
	bool gone;
	struct io *io = guest_io(door_take(&door), &gone);

	epoll_ctl(door.epoll, EPOLL_CTL_ADD, io_fd(io), &event);
	io_end(io);
}

/* A whole request on a connection that the web server wants to keep. */
static void ask(int fd)
{
	begin_with(fd, 1);
	end_variables(fd);
	end_body(fd);
}

/* Asks, and is served. */
static bool is_served(int fd)
{
	ask(fd);
	turn(1000);
	return door_has(&door) && serve_one();
}

static char said[4096];
static size_t said_n;

/* What has come is read, into SAID; whether more can come. */
static bool is_open(int fd)
{
	ssize_t n;

	said_n = 0;
	while ((n = recv(fd, said + said_n, sizeof(said) - said_n, MSG_DONTWAIT)) > 0)
		said_n += (size_t)n;
	return n < 0 && errno == EAGAIN;
}

/* Whether it is open and the web server was told, just now, that it should not be. */
static bool is_told(int fd)
{
	static const char farewell[] = "\1\7\0\1\0\0\0";

	return is_open(fd) && said_n == 8 && !memcmp(said, farewell, 8);
}

static void test_hands(void)
{
	int fd[3];

	for (int i = 0; i < 3; i++) {
		fd[i] = come();
		begin(fd[i]);
		end_variables(fd[i]);
		end_body(fd[i]);
	}
	door_listen(&door, 0);
	is_int(turn(0), 0, "nobody is let in while no thread is free");
	door_listen(&door, 1);
	is_int(turn(0), 1, "a knock is heard when one is");
	ok(door_has(&door) && serve_one(), "a request is there");
	ok(!door_has(&door), "... and no more than one thread can serve");
	is_int(turn(0), 1, "the next one knocks as well");
	ok(serve_one(), "... and is served");
	ok(turn(0) == 1 && serve_one(), "so is the last");
	is_int(turn(0), 0, "then it is quiet");
	ok(!door_waits(&door), "... and the door wants no turns");
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

static void test_parts(void)
{
	int fd = come();

	turn(1000);
	ok(!door_has(&door) && door_waits(&door), "who says nothing is waited for");
	begin(fd);
	turn(1000);
	ok(!door_has(&door), "... as is who has said a part");
	door_check(&door, 2000);
	ok(!door_has(&door), "... also for long");
	end_variables(fd);
	turn(2000);
	ok(!door_has(&door), "the body may come yet");
	end_body(fd);
	turn(2000);
	ok(door_has(&door) && serve_one(), "all of it has come");
	ok(!door_waits(&door), "... and nobody is waited for any more");
	close(fd);
}

static void test_slow_body(void)
{
	int fd = come();

	begin(fd);
	end_variables(fd);
	turn(1000);
	door_check(&door, 1199);
	ok(!door_has(&door), "a body is waited for");
	door_check(&door, 1200);
	ok(door_has(&door) && !door_waits(&door), "... for a little while: then it is a thread's");
	end_body(fd);
	ok(serve_one(), "... which gets a request");
	close(fd);

	fd = come();
	begin(fd);
	end_variables(fd);
	turn(1000);
	door_check(&door, 1200);
	close(fd);
	ok(door_has(&door) && !turn(1200), "that one leaves while it waits for a thread does not keep the loop busy");
	serve_one();
}

static void test_nobody(void)
{
	int silent = come(), leaver = come(), babbler = come();

	for (int i = 0; i < 3; i++)
		turn(1000);
	close(leaver);
	turn(1000);
	ok(door_has(&door) && !serve_one(), "who leaves was nobody");
	if (send(babbler, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) != 18)
		abort();
	turn(1000);
	ok(door_has(&door) && !serve_one(), "who speaks something else neither");
	door_check(&door, 30999);
	ok(!door_has(&door), "who is silent is waited for");
	door_check(&door, 31000);
	ok(door_has(&door) && !serve_one(), "... half a minute");
	ok(!door_waits(&door), "nobody is left");
	close(silent);
	close(babbler);
}

static void test_kept(void)
{
	int fd = come();

	ok(is_served(fd) && is_open(fd), "a connection that the web server keeps stays open");
	ok(door.kept && !door_waits(&door), "... and wants no turns");
	door_check(&door, 3600000);
	ok(is_open(fd), "... for as long as it likes");
	ok(is_served(fd) && is_served(fd) && is_open(fd), "it brings one request after the other");
	begin_with(fd, 1);
	turn(1000);
	ok(!door_has(&door) && door_waits(&door) && !door.kept, "a part of one is waited for");
	door_check(&door, 30999);
	ok(!door_has(&door), "... like a new connection's");
	end_variables(fd);
	end_body(fd);
	turn(31000);
	ok(door_has(&door) && serve_one() && is_open(fd), "until all of it has come");
	begin_with(fd, 1);
	turn(1000);
	door_check(&door, 31000);
	ok(door_has(&door) && !serve_one() && !is_open(fd), "... or half a minute long");
	close(fd);

	fd = come();
	ok(is_served(fd) && door.kept, "another one is kept");
	close(fd);
	turn(1000);
	ok(door_has(&door) && !serve_one() && !door.kept, "... until the web server closes it");

	fd = come();
	ask(fd);
	turn(1000);
	door_listen(&door, 0);
	ok(serve_one() && is_open(fd) && is_served(fd), "another one is kept, and served, also while no thread is free to take new ones");
	door_listen(&door, 1);
	close(fd);
	turn(1000);
	serve_one();

	fd = come();
	begin(fd);
	end_variables(fd);
	end_body(fd);
	turn(1000);
	ok(serve_one() && !is_open(fd), "as is one that the web server does not keep");
	close(fd);

	fd = come();
	ask(fd);
	turn(1000);
	serve_one_watched();
	ok(is_open(fd) && is_served(fd), "one that the relay watched meanwhile is heard all the same");
	close(fd);
	turn(1000);
	serve_one();
}

/* No more descriptors: the web server is asked to close what it does not use. */
static void test_room(void)
{
	struct rlimit all, few;
	int one = come(), two = come(), next = come();

	ok(is_served(one) && is_served(two) && is_open(one) && is_open(two), "two connections are kept");
	getrlimit(RLIMIT_NOFILE, &all);
	few = all;
	few.rlim_cur = (rlim_t)next + 3; /* the other ends of two have the next numbers */
	setrlimit(RLIMIT_NOFILE, &few);
	ask(next);
	turn(1000);
	ok(!door_has(&door) && is_told(one) && is_told(two), "a third finds no room: the web server is told");
	door_check(&door, 1000000);
	ok(is_open(one) && is_open(two), "... and nothing is closed in its face");
	ok(is_served(two) && is_open(two), "a request that it sends all the same is served, and the connection kept");
	close(one);
	turn(1000);
	ok(door_has(&door) && !serve_one(), "what it closes");
	door_listen(&door, 0);
	door_listen(&door, 1);
	turn(1000);
	ok(door_has(&door) && serve_one() && is_open(next), "... is room for the third");
	one = come(); /* which is the number that the server's end of the first one left, and finds no other */
	door_check(&door, 2000000);
	door_listen(&door, 1);
	turn(2000000);
	ok(!door_has(&door) && is_told(two) && is_told(next), "another one finds no room: all are told");
	door_check(&door, 2004999);
	door_listen(&door, 1);
	turn(2004999);
	ok(is_open(two) && is_open(next), "... and waited for");
	door_check(&door, 2005000);
	door_listen(&door, 1);
	ask(two);
	turn(2005000);
	ok(!is_open(next), "... for five seconds, if there is still no room");
	ok(door_has(&door) && serve_one() && is_open(two), "but a request that has just come is served");
	door_check(&door, 2005250);
	door_listen(&door, 1);
	ask(one);
	turn(2005250);
	ok(door_has(&door) && serve_one() && is_open(one), "then there is room");
	setrlimit(RLIMIT_NOFILE, &all);
	close(next);
	for (int i = 0; i < 2; i++) {
		close(i ? one : two);
		turn(1000);
		serve_one();
	}
	ok(!door.kept, "nobody is left");
	door_check(&door, 1000);
	door_listen(&door, 1);
}

/* The kernel tells of a connection once: the process that ends has to take it. */
static void test_shut(void)
{
	struct epoll_event event;
	int knocked = come(), late;

	begin(knocked);
	end_variables(knocked);
	is_int(epoll_wait(door.epoll, &event, 1, 0), 1, "a knock is heard");
	door_shut(&door, 1000);
	door_event(&door, event.data.u64, 1000);
	door_admit(&door, 1000);
	ok(!door_is_done(&door), "the door is shut in the same moment: that one is let in");
	late = come();
	is_int(turn(1000), 0, "... and nobody who comes later");
	end_body(knocked);
	turn(1000);
	ok(!door_is_done(&door) && serve_one(), "it is served");
	ok(door_is_done(&door), "then nobody is left");
	door_listen(&door, 1);
	is_int(turn(1000), 0, "and the door stays shut");
	close(accept(0, NULL, NULL)); /* as a sibling process does */
	close(knocked);
	close(late);
}

/* The web server is asked to close them; what it sends all the same is served; who does not listen is left at last. */
static void test_shut_kept(void)
{
	int asked = come(), deaf = come(), late = come(), good = come();

	open_door();
	ok(is_served(asked) && is_served(deaf) && is_served(late) && is_served(good), "four connections are kept");
	ok(is_open(asked) && is_open(deaf) && is_open(late) && is_open(good), "... and open");
	door_shut(&door, 1000);
	ok(is_told(asked) && is_told(deaf) && is_told(late) && is_told(good), "when the door is shut, the web server is told");
	ok(door_waits(&door) && !door_is_done(&door), "... and waited for");
	close(good);
	turn(1000);
	ok(door_has(&door) && !serve_one(), "one is closed by the web server");
	ok(is_served(asked) && !is_open(asked), "one brings another request, its last");
	ok(said_n > 8 && !memcmp(said + said_n - 8, "\1\7\0\1\0\0\0", 8), "... behind whose answer the web server is told again");
	door_check(&door, 5999);
	ok(is_open(deaf) && is_open(late), "the others are waited for");
	ask(late);
	door_check(&door, 6000);
	ok(!is_open(deaf), "... for five seconds");
	ok(door_has(&door) && serve_one() && !is_open(late), "but a request that has just come is served");
	ok(door_is_done(&door), "then nobody is left");
	close_door();
	close(asked);
	close(deaf);
	close(late);

	open_door();
	deaf = come();
	ok(is_served(deaf) && is_open(deaf), "one is kept");
	close_door();
	ok(!is_open(deaf), "it is closed with the door, at the latest");
	close(deaf);
}

int main(void)
{
	log_init("door");
	listen_here();
	open_door();
	ok(door.listener, "there is a socket to listen on");
	ok(!door_event(&door, 0, 0) && !door_event(&door, 6, 0) && !door_event(&door, 5, 0), "other tags are not the door's");
	test_hands();
	test_parts();
	test_slow_body();
	test_nobody();
	test_kept();
	test_room();
	test_shut();
	close_door();
	test_shut_kept();
	return done();
}
