/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 5424 over UDP (RFC 5426), TCP (RFC 6587, octet counting) and TLS (RFC 5425). A receiver says nothing of what it
 * took. So that a restart of it loses nothing, a page has a connection of its own, which we end first: what
 * then comes back is the end of a receiver that has read everything, or a reset by one that has not.
 */
#include "config.h"

#include "keeper/out.h"

#include "base/clock.h"
#include "keeper/lines.h"
#include "net/transfer.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_MS = 5000, SEND_MS = 10000, END_MS = 10000, DATAGRAM_MAX = 8192, MSGID_MAX = 32, HOST_MAX = 255,
	TOGETHER = 64,           /* datagrams of one system call */
	TOGETHER_BYTES = 60000,  /* of one message of it */
	BREATH_MS = 1 };         /* after each: a receiver's buffer holds few hundred datagrams, and what is too much it loses */

/* Printable ASCII without blanks, or "-". */
static void add_word(struct buf *b, const char *text, size_t max)
{
	size_t from = b->len;

	for (; text && *text && b->len - from < max; text++)
		buf_char(b, *text > 0x20 && *text < 0x7f ? *text : '_');
	if (b->len == from)
		buf_char(b, '-');
}

static void add_head(struct buf *b, const struct destination *d, const struct told *t)
{
	const char *severity = told_get(t, T_SEVERITY);

	buf_char(b, '<');
	buf_int(b, d->facility * 8 + (severity && !strcmp(severity, "error") ? 3 : 6));
	buf_str(b, ">1 ");
	buf_str(b, told_column(t, TOLD_AT) ? told_column(t, TOLD_AT) : "-");
	buf_char(b, ' ');
	add_word(b, told_column(t, TOLD_NODE), HOST_MAX);
	buf_str(b, " gatehouse ");
	add_word(b, told_column(t, TOLD_PROGRAM), MSGID_MAX);
	buf_char(b, ' ');
	add_word(b, told_name(t), MSGID_MAX);
	buf_str(b, " - ");
}

/* ---- UDP ---- */

static int udp_socket(const struct out *o, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG }, *list = NULL;
	char port[8], host[HOST_MAX];
	const char *why = "no address";
	size_t n = strlen(o->to->host);
	int fd = -1;

	snprintf(port, sizeof(port), "%d", o->to->port);
	snprintf(host, sizeof(host), "%.*s", (int)(o->to->host[0] == '[' ? n - 2 : n), o->to->host + (o->to->host[0] == '['));
	if (getaddrinfo(host, port, &hints, &list))
		list = NULL;
	for (struct addrinfo *i = list; i && fd < 0; i = i->ai_next) {
		struct address address;

		if (!address_of_socket(&address, i->ai_addr) || !guard_allows(o->guard, o->to->name, &address, &why))
			continue;
		fd = socket(i->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, i->ai_addr, i->ai_addrlen) < 0) {
			why = strerror(errno);
			close(fd);
			fd = -1;
		}
	}
	if (list)
		freeaddrinfo(list);
	if (fd < 0)
		err_set(e, ERR_UPSTREAM, "the receiver cannot be reached",
		    "%s (an address that is not public: see outbound.allow)", why);
	return fd;
}

/* A message as a datagram of two parts: its head, which is B from FROM on, and the line: that of the page, or what of B comes behind it. */
struct parts {
	size_t from, head, len; /* together at most DATAGRAM_MAX */
	const char *line; /* NULL: in B */
};

static size_t size_of(const struct parts *p)
{
	return p->head + p->len;
}

static void set_parts(struct iovec iov[2], const struct buf *b, const struct parts *p)
{
	iov[0] = (struct iovec){ b->data + p->from, p->head };
	iov[1] = (struct iovec){ p->line ? (void *)(uintptr_t)p->line : b->data + p->from + p->head, p->len };
}

/* An older kernel does not know of it, and would send one large datagram. */
static bool can_join(int fd)
{
	int size;
	socklen_t n = sizeof(size);

	return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, &n) == 0;
}

/* How many of N the kernel may cut out of one message: those of one size, of which the last may be smaller. Most calls are alike. */
static unsigned joined(const struct parts *p, unsigned n)
{
	size_t all = size_of(p);
	unsigned i = 1;

	while (i < n && size_of(&p[i - 1]) == size_of(p) && size_of(&p[i]) <= size_of(p) && all + size_of(&p[i]) <= TOGETHER_BYTES)
		all += size_of(&p[i++]);
	return i;
}

struct flight {
	struct mmsghdr messages[TOGETHER];
	struct iovec iov[TOGETHER][2];
	unsigned n[TOGETHER]; /* datagrams of each message */
	_Alignas(struct cmsghdr) char size[TOGETHER][CMSG_SPACE(sizeof(uint16_t))];
};

static void set_size(struct msghdr *m, char *room, uint16_t size)
{
	struct cmsghdr *c;

	m->msg_control = room;
	m->msg_controllen = CMSG_SPACE(sizeof(size));
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* How many of N datagrams the kernel took; 0: see errno. */
static unsigned send_once(int fd, bool join, const struct buf *b, const struct parts *p, unsigned n)
{
	struct flight f = { 0 };
	unsigned messages = 0, taken = 0;
	int sent;

	for (unsigned i = 0; i < n; i += f.n[messages++]) {
		struct msghdr *m = &f.messages[messages].msg_hdr;

		f.n[messages] = join ? joined(p + i, n - i) : 1;
		for (unsigned j = i; j < i + f.n[messages]; j++)
			set_parts(f.iov[j], b, &p[j]);
		m->msg_iov = f.iov[i];
		m->msg_iovlen = 2 * (size_t)f.n[messages];
		if (f.n[messages] > 1)
			set_size(m, f.size[messages], (uint16_t)size_of(p + i));
	}
	sent = sendmmsg(fd, f.messages, messages, MSG_NOSIGNAL);
	for (int i = 0; i < sent; i++)
		taken += f.n[i];
	return taken;
}

/* A datagram that is larger than the network's, or a device that cannot cut: as they are, then. */
static bool cannot_join(int why)
{
	return why == EINVAL || why == EMSGSIZE || why == EIO;
}

/* N messages; an error of the one before is told at the next, hence the second try. */
static bool send_some(int fd, bool *join, const struct buf *b, const struct parts *parts, unsigned n, struct err *e)
{
	unsigned done = 0, failures = 0;

	while (done < n) {
		unsigned sent = send_once(fd, *join, b, parts + done, n - done);

		done += sent;
		if (sent)
			failures = 0;
		else if (*join && cannot_join(errno))
			*join = false;
		else if (++failures == 2)
			return err_set(e, ERR_UPSTREAM, "the receiver cannot be reached", "%s", strerror(errno));
	}
	return true;
}

static void add_parts(struct parts *p, struct buf *b, const struct destination *d, const struct told *t)
{
	p->from = b->len;
	add_head(b, d, t);
	p->head = b->len - p->from;
	p->line = lines_of(d->form, t, 1, &p->len);
	if (p->line) {
		p->len -= p->len > 0; /* without its end */
	} else {
		form_write(b, d->form, t);
		p->len = b->len - p->from - p->head;
	}
	if (size_of(p) > DATAGRAM_MAX)
		p->len = DATAGRAM_MAX - p->head; /* a head is far shorter */
}

static enum out_end send_datagrams(struct out *o, const struct told *t, size_t n, struct err *e)
{
	int fd = udp_socket(o, e);
	struct parts parts[TOGETHER];
	bool ok = true, join;

	if (fd < 0)
		return OUT_RETRY;
	join = can_join(fd);
	for (size_t i = 0; ok && i < n; i += TOGETHER) {
		unsigned some = n - i < TOGETHER ? (unsigned)(n - i) : TOGETHER;
		struct buf *b = out_text(o, TOGETHER * (FORM_LINE_MAX + 1024));

		if (i)
			poll(NULL, 0, BREATH_MS);
		for (unsigned j = 0; j < some; j++)
			add_parts(&parts[j], b, o->to, &t[i + j]);
		ok = send_some(fd, &join, b, parts, some, e);
	}
	close(fd);
	return ok ? OUT_TAKEN : OUT_RETRY;
}

/* ---- TCP and TLS ---- */

static bool failed(struct err *e, const struct transfer *c, CURLcode code)
{
	return err_set(e, ERR_UPSTREAM, "the receiver cannot be reached", "%s%s",
	    c->refused ? "an address that is not allowed, see outbound.allow: " : "",
	    c->refused ? c->refused : c->error[0] ? c->error : curl_easy_strerror(code));
}

static bool wait_for(int fd, short events, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, clock_left_ms(until)) > 0;
}

static bool send_all(CURL *easy, int fd, const struct buf *b, const struct transfer *c, struct err *e)
{
	int64_t until = clock_ms() + SEND_MS;
	size_t done = 0, now;

	while (done < b->len) {
		CURLcode code = curl_easy_send(easy, b->data + done, b->len - done, &now);

		if (code == CURLE_OK)
			done += now;
		else if (code != CURLE_AGAIN || !wait_for(fd, POLLOUT, until))
			return failed(e, c, code);
	}
	return true;
}

/* Our end of the connection ends; then theirs must, in peace. */
static bool was_read(int fd, struct err *e)
{
	int64_t until = clock_ms() + END_MS;
	char bytes[512];
	ssize_t n = -1;

	shutdown(fd, SHUT_WR);
	while (wait_for(fd, POLLIN, until)) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			break;
	}
	return err_set(e, ERR_UPSTREAM, "the receiver did not take everything", "%s", n < 0 ? strerror(errno) : "no answer");
}

static bool deliver(struct out *o, struct arena *a, const struct buf *b, struct err *e)
{
	struct transfer c = {
		.method = "GET",
		.url = arena_printf(a, "%s://%s:%d/", o->to->transport == SYSLOG_TLS ? "https" : "http", o->to->host,
		    o->to->port),
		.upstream = o->to->name,
		.guard = o->guard,
		.connect_ms = CONNECT_MS,
	};
	CURL *easy = curl_easy_init();
	curl_socket_t fd = CURL_SOCKET_BAD;
	CURLcode code;
	bool ok;

	if (!easy)
		abort();
	transfer_configure(&c, easy);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)SEND_MS);
	code = curl_easy_perform(easy);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
	ok = (code == CURLE_OK && fd != CURL_SOCKET_BAD) || failed(e, &c, code);
	ok = ok && send_all(easy, fd, b, &c, e) && was_read(fd, e);
	curl_easy_cleanup(easy);
	return ok;
}

static enum out_end send_stream(struct out *o, struct arena *a, const struct told *t, size_t n, struct err *e)
{
	struct buf *all = out_text(o, (n + 1) * (FORM_LINE_MAX + 1024)), one;

	buf_init(&one, FORM_LINE_MAX + 1024);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&one);
		add_head(&one, o->to, &t[i]);
		lines_write(&one, o->to->form, &t[i]);
		buf_int(all, (int64_t)one.len);
		buf_char(all, ' ');
		buf_add(all, buf_text(&one), one.len);
	}
	buf_release(&one);
	return deliver(o, a, all, e) ? OUT_TAKEN : OUT_RETRY;
}

enum out_end out_syslog(struct out *o, struct arena *a, const struct told *t, size_t n, struct err *e)
{
	return o->to->transport == SYSLOG_UDP ? send_datagrams(o, t, n, e) : send_stream(o, a, t, n, e);
}
