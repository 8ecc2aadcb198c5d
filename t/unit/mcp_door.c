/* SPDX-License-Identifier: Apache-2.0 */
/* The door: who is let in, who waits and for how long, and that nobody who has knocked is forgotten. */
#include "config.h"

#include "mcp/door.h"

#include "base/buf.h"
#include "base/log.h"
#include "http/fcgi.h"

#include "tap.h"

#include <stdlib.h>
#include <sys/epoll.h>
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

static void begin(int fd)
{
	static const char method[] = "\16\4REQUEST_METHODPOST";

	record(fd, 1, "\0\1\0\0\0\0\0\0", 8);
	record(fd, 4, method, sizeof(method) - 1);
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
		door_event(&door, events[i].data.u64);
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

/* The kernel tells of a connection once: the process that ends has to take it. */
static void test_shut(void)
{
	struct epoll_event event;
	int knocked = come(), late;

	begin(knocked);
	end_variables(knocked);
	is_int(epoll_wait(door.epoll, &event, 1, 0), 1, "a knock is heard");
	door_shut(&door);
	door_event(&door, event.data.u64);
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
	close(knocked);
	close(late);
}

int main(void)
{
	log_init("door");
	listen_here();
	door.epoll = epoll_create1(EPOLL_CLOEXEC);
	door_open(&door);
	ok(door.listener, "there is a socket to listen on");
	ok(!door_event(&door, 0) && !door_event(&door, 6) && !door_event(&door, 5), "other tags are not the door's");
	test_hands();
	test_parts();
	test_slow_body();
	test_nobody();
	test_shut();
	door_release(&door);
	close(door.epoll);
	return done();
}
