/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MCP server of constant cost, to measure and test against: one thread, epoll, HTTP/1.1 with
 * keep-alive, always the same answer. The path says which:
 *
 *	/mcp        a JSON answer of 1 KB
 *	/list       a list of tools of 60 KB
 *	/introspect any token is good (RFC 7662)
 *	/slow       the same as /mcp, one second after the request (DELAY_MS in the environment: another time)
 *	/big        a JSON answer of 64 MB (BIG_MB: another size)
 *	/events     a stream of ten events, 100 ms apart, each with the time it was sent
 *	/silent     reads the request, answers nothing
 *	/garbage    what is no HTTP
 *	/status/NNN that status with a small JSON body
 *
 *	upstream PORT
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_MAX = 16384, EVENTS = 10, EVENT_MS = 100 };

struct conn {
	int fd;
	char in[IN_MAX];
	size_t in_len;
	uint64_t discard;      /* of the request's body */
	char head[512];        /* what is to be written first */
	size_t head_len, head_off;
	uint64_t body_left;    /* then so many bytes of filler, and the end of the object */
	int64_t due_us;        /* 0: no timer */
	int events_left;       /* of a stream */
	bool close_after, gone, wants_write;
	struct conn *next_due; /* timers, soonest first */
};

static int epoll_fd;
static struct conn *timers, *last_timer;
static char answer[1024];
static char list[65536];
static char filler[65536];
static uint64_t big_bytes = 64u << 20;
static int64_t delay_us = 1000000;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void timer_remove(struct conn *c)
{
	struct conn **p = &timers;

	while (*p && *p != c)
		p = &(*p)->next_due;
	if (*p)
		*p = c->next_due;
	if (last_timer == c)
		last_timer = NULL;
	c->due_us = 0;
}

/* New timers mostly belong to the end of the list, so the last one is remembered. */
static void timer_set(struct conn *c, int64_t after_us)
{
	struct conn **p = &timers;

	c->due_us = now_us() + after_us;
	if (last_timer && last_timer->due_us <= c->due_us)
		p = &last_timer->next_due;
	while (*p && (*p)->due_us <= c->due_us)
		p = &(*p)->next_due;
	c->next_due = *p;
	*p = c;
	if (!c->next_due)
		last_timer = c;
}

static void conn_close(struct conn *c)
{
	if (c->due_us)
		timer_remove(c);
	close(c->fd);
	c->gone = true;
}

static void want_write(struct conn *c, bool on)
{
	struct epoll_event e = { .events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = c };

	if (c->wants_write == on)
		return;
	c->wants_write = on;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

/* Writes what is left of head and body, as much as goes. */
static void conn_write(struct conn *c)
{
	while (c->head_off < c->head_len) {
		ssize_t n = send(c->fd, c->head + c->head_off, c->head_len - c->head_off, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			want_write(c, true);
			return;
		}
		if (n <= 0) {
			conn_close(c);
			return;
		}
		c->head_off += (size_t)n;
	}
	while (c->body_left > 0) {
		size_t want = c->body_left < sizeof filler ? (size_t)c->body_left : sizeof filler;
		/* the last two bytes close the string and the object */
		bool tail = c->body_left <= 2;
		const char *from = tail ? &"\"}"[2 - c->body_left] : filler;
		ssize_t n;

		if (!tail && want > c->body_left - 2)
			want = (size_t)c->body_left - 2;
		n = send(c->fd, from, want, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			want_write(c, true);
			return;
		}
		if (n <= 0) {
			conn_close(c);
			return;
		}
		c->body_left -= (uint64_t)n;
	}
	want_write(c, false);
	if (c->close_after && !c->due_us)
		conn_close(c);
}

static void say(struct conn *c, const char *text)
{
	size_t n = strlen(text);

	if (n > sizeof c->head)
		n = sizeof c->head;
	memcpy(c->head, text, n);
	c->head_len = n;
	c->head_off = 0;
	conn_write(c);
}

static void answer_json(struct conn *c)
{
	/* head and body in one segment, as real servers do for small answers */
	char text[sizeof answer + 160];
	int n = snprintf(text, sizeof text,
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", sizeof answer);

	memcpy(text + n, answer, sizeof answer);
	if (send(c->fd, text, (size_t)n + sizeof answer, MSG_NOSIGNAL) != (ssize_t)((size_t)n + sizeof answer))
		conn_close(c);
}

static void answer_text(struct conn *c, const char *json)
{
	static char text[sizeof list + 160];
	size_t n = (size_t)snprintf(text, sizeof text,
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(json), json);

	/* the socket's buffer holds it: nobody asks for a second one before it has the first */
	if (send(c->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		conn_close(c);
}

static void answer_event(struct conn *c)
{
	char data[128], text[256];
	struct timespec t;
	int n;

	clock_gettime(CLOCK_REALTIME, &t);
	n = snprintf(data, sizeof data,
	    "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tick\",\"params\":{\"at\":%lld.%06ld}}\n\n",
	    (long long)t.tv_sec, t.tv_nsec / 1000);
	snprintf(text, sizeof text, "%x\r\n%s\r\n%s", (unsigned)n, data, c->events_left == 1 ? "0\r\n\r\n" : "");
	if (--c->events_left > 0)
		timer_set(c, EVENT_MS * 1000);
	say(c, text);
}

static void answer_request(struct conn *c, const char *path)
{
	char text[512];

	if (strcmp(path, "/slow") == 0) {
		timer_set(c, delay_us);
	} else if (strcmp(path, "/big") == 0) {
		const char *start = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"";

		snprintf(text, sizeof text,
		    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %llu\r\n\r\n%s",
		    (unsigned long long)(big_bytes + strlen(start)), start);
		c->body_left = big_bytes;
		say(c, text);
	} else if (strcmp(path, "/list") == 0) {
		answer_text(c, list);
	} else if (strcmp(path, "/introspect") == 0) {
		answer_text(c, "{\"active\":true,\"sub\":\"bench\",\"client_id\":\"bench\",\"scope\":\"mcp:tools\",\"exp\":4102444800}");
	} else if (strcmp(path, "/events") == 0) {
		c->events_left = EVENTS;
		say(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
		       "Transfer-Encoding: chunked\r\n\r\n");
		timer_set(c, EVENT_MS * 1000);
	} else if (strcmp(path, "/silent") == 0) {
		;
	} else if (strcmp(path, "/garbage") == 0) {
		c->close_after = true;
		say(c, "this is no HTTP\r\n\r\n");
	} else if (strncmp(path, "/status/", 8) == 0) {
		snprintf(text, sizeof text,
		    "HTTP/1.1 %.3s Status\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"error\":\"off\"}",
		    path + 8);
		say(c, text);
	} else {
		answer_json(c);
	}
}

/* Takes one whole request head out of the buffer; its body is skipped, unread. */
static bool take_request(struct conn *c)
{
	char *end, *line, path[256] = "/";
	size_t head;

	if (c->discard > 0) {
		size_t n = c->discard < c->in_len ? (size_t)c->discard : c->in_len;

		memmove(c->in, c->in + n, c->in_len - n);
		c->in_len -= n;
		c->discard -= n;
		if (c->discard > 0)
			return false;
	}
	c->in[c->in_len] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	if (!end)
		return false;
	head = (size_t)(end + 4 - c->in);
	*end = '\0';
	line = strchr(c->in, ' ');
	if (line) {
		size_t n = strcspn(line + 1, " ?");

		if (n > 0 && n < sizeof path) {
			memcpy(path, line + 1, n);
			path[n] = '\0';
		}
	}
	for (line = c->in; (line = strstr(line, "\r\n")) != NULL;) {
		line += 2;
		if (strncasecmp(line, "content-length:", 15) == 0)
			c->discard = strtoull(line + 15, NULL, 10);
		if (strncasecmp(line, "expect:", 7) == 0)
			(void)!write(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	}
	memmove(c->in, c->in + head, c->in_len - head);
	c->in_len -= head;
	answer_request(c, path);
	return !c->gone;
}

static void conn_read(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - 1 - c->in_len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	c->in_len += (size_t)n;
	while (c->in_len > 0 && take_request(c))
		;
}

static void accept_all(int listener)
{
	int fd, one = 1, room = 4 * (int)sizeof list;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof *c);
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

		if (!c) {
			close(fd);
			return;
		}
		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
	}
}

static int run_timers(void)
{
	int64_t now = now_us();

	while (timers && timers->due_us <= now) {
		struct conn *c = timers;

		timer_remove(c);
		if (c->events_left > 0)
			answer_event(c);
		else
			answer_json(c);
		if (c->gone)
			free(c);
	}
	return timers ? (int)((timers->due_us - now + 999) / 1000) : -1;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0) {
		perror("upstream: cannot listen");
		exit(1);
	}
	return fd;
}

/* Tools as servers describe them; the last half of the names is what a filter hides. */
static void make_list(void)
{
	size_t n = (size_t)snprintf(list, sizeof list, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[");

	for (int i = 0; n < 60000; i++)
		n += (size_t)snprintf(list + n, sizeof list - n,
		    "%s{\"name\":\"tool_%03d\",\"description\":\"Looks up what is known of a thing, by its name or number, and says when "
		    "that was last changed.\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\","
		    "\"description\":\"A name or number\"},\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100}},"
		    "\"required\":[\"query\"]}}", i ? "," : "", i);
	snprintf(list + n, sizeof list - n, "]}}");
}

static void make_answer(void)
{
	const char *start = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"";
	const char *end = "\"}]}}";

	memset(filler, 'x', sizeof filler);
	memset(answer, 'x', sizeof answer);
	memcpy(answer, start, strlen(start));
	memcpy(answer + sizeof answer - strlen(end), end, strlen(end));
}

int main(int argc, char **argv)
{
	struct rlimit files = { 8192, 8192 };
	struct epoll_event e = { .events = EPOLLIN }, events[256];
	int listener;

	if (argc != 2) {
		fprintf(stderr, "usage: upstream PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	if (getenv("DELAY_MS"))
		delay_us = strtoll(getenv("DELAY_MS"), NULL, 10) * 1000;
	if (getenv("BIG_MB"))
		big_bytes = strtoull(getenv("BIG_MB"), NULL, 10) << 20;
	make_answer();
	make_list();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	listener = listen_on((uint16_t)strtoul(argv[1], NULL, 10));
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, 256, run_timers());

		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (!c) {
				accept_all(listener);
				continue;
			}
			if (events[i].events & EPOLLOUT)
				conn_write(c);
			if (!c->gone && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
				conn_read(c);
			if (c->gone)
				free(c);
		}
	}
}
