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
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_MS = 5000, SEND_MS = 10000, END_MS = 10000, DATAGRAM_MAX = 8192, MSGID_MAX = 32, HOST_MAX = 255,
	TOGETHER = 32 /* datagrams of one system call */ };

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
	size_t from, head, len;
	const char *line; /* NULL: in B */
};

static void set_parts(struct iovec iov[2], const struct buf *b, const struct parts *p)
{
	iov[0] = (struct iovec){ b->data + p->from, p->head };
	iov[1] = (struct iovec){ p->line ? (void *)(uintptr_t)p->line : b->data + p->from + p->head, p->len };
	if (p->head + p->len > DATAGRAM_MAX)
		iov[1].iov_len = DATAGRAM_MAX - p->head; /* a head is far shorter */
}

/* N messages; an error of the one before is told at the next, hence the second try. */
static bool send_some(int fd, const struct buf *b, const struct parts *parts, unsigned n, struct err *e)
{
	struct mmsghdr messages[TOGETHER] = { 0 };
	struct iovec iov[TOGETHER][2];
	unsigned done = 0, failures = 0;

	for (unsigned i = 0; i < n; i++) {
		set_parts(iov[i], b, &parts[i]);
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = iov[i], .msg_iovlen = 2 };
	}
	while (done < n) {
		int sent = sendmmsg(fd, messages + done, n - done, MSG_NOSIGNAL);

		if (sent > 0) {
			done += (unsigned)sent;
			failures = 0;
		} else if (++failures == 2) {
			return err_set(e, ERR_UPSTREAM, "the receiver cannot be reached", "%s", strerror(errno));
		}
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
		return;
	}
	form_write(b, d->form, t);
	p->len = b->len - p->from - p->head;
}

static enum out_end send_datagrams(struct out *o, const struct told *t, size_t n, struct err *e)
{
	int fd = udp_socket(o, e);
	struct parts parts[TOGETHER];
	bool ok = true;

	if (fd < 0)
		return OUT_RETRY;
	for (size_t i = 0; ok && i < n; i += TOGETHER) {
		unsigned some = n - i < TOGETHER ? (unsigned)(n - i) : TOGETHER;
		struct buf *b = out_text(o, TOGETHER * (FORM_LINE_MAX + 1024));

		for (unsigned j = 0; j < some; j++)
			add_parts(&parts[j], b, o->to, &t[i + j]);
		ok = send_some(fd, b, parts, some, e);
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
