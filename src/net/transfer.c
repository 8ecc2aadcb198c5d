/* SPDX-License-Identifier: Apache-2.0 */
/* Configuring libcurl, once and for all transfers. */
#include "config.h"

#include "net/transfer.h"

#include "base/log.h"
#include "net/trust.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BUFFER_BYTES = 24 * 1024, /* an answer comes in pieces of at most this; a call in flight holds as much */
};

/*
 * Asked by GnuTLS when it is loaded, under this name of its own (its GNUTLS_SKIP_GLOBAL_INIT). It comes with libldap, which
 * libcurl and libpq bring along; whoever uses it begins it anyway, and here nobody does: 200 KB that each process is spared.
 */
int _gnutls_global_init_skip(void);

int _gnutls_global_init_skip(void)
{
	return 1;
}

void transfer_start(void)
{
	if (!curl_global_init(CURL_GLOBAL_DEFAULT))
		return;
	log_error(NULL, "libcurl does not start", NULL);
	abort();
}

bool transfer_is_allowed(const struct guard *guard, const char *upstream, const struct uri *uri, struct err *e)
{
	if (!strcmp(uri->scheme, "https") ||
	    (!strcmp(uri->scheme, "http") && guard_allows_http(guard, upstream, uri->host)))
		return true;
	return err_set(e, ERR_CONFIG, "plain http to this upstream is not allowed",
	    "use https, or name '%s' in outbound.insecureHttp", upstream);
}

/*
 * A connection that is used again may have been closed: libcurl then sends the request once more, also when the upstream has executed
 * it and only the answer was lost. Nobody but us decides that a POST is repeated (gatehouse(7), REPEATED CALLS).
 */
static int before_request(void *context, char *to, char *from, int to_port, int from_port)
{
	struct transfer *t = context;

	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	return t->tries++ && !t->repeatable ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct transfer *t = context;
	struct address address;
	const char *why = "unknown family";

	if (purpose == CURLSOCKTYPE_IPCXN && address_of_socket(&address, &to->addr) &&
	    guard_allows(t->guard, t->upstream, &address, &why))
		return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	t->refused = why;
	return CURL_SOCKET_BAD;
}

static CURLcode set_trust(CURL *easy, void *ssl_ctx, void *context)
{
	const struct transfer *t = context;

	(void)easy;
	return trust_use(ssl_ctx, guard_ca_file(t->guard)) ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

static void configure_protocol(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

static void configure_connection(struct transfer *t, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_ms);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* else the end of a transfer waits for its resolver's thread, and with the relay every call of the process */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)TRANSFER_IDLE_S);
#if LIBCURL_VERSION_NUM >= 0x075000
	curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)TRANSFER_CONNECTION_S);
#endif
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	/* handles are used again: what another upstream was shown must not stay (NULL unsets it); libcurl reuses a
	 * connection only for the certificate that it was made with */
	curl_easy_setopt(easy, CURLOPT_SSLCERT, t->cert);
	curl_easy_setopt(easy, CURLOPT_SSLKEY, t->cert_key);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, set_trust);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t);
}

static void configure_request(struct transfer *t, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
	if (strcmp(t->method, "POST") != 0) {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->method);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_len);
	/* not through a callback: head and body of a small call leave in one packet */
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->body_len ? t->body : "");
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
}

void transfer_reset(struct transfer *t)
{
	t->tries = 0;
	t->refused = NULL;
	t->error[0] = '\0';
}

static void configure(struct transfer *t, CURL *easy)
{
	transfer_reset(t);
	curl_easy_reset(easy);
	configure_protocol(easy);
	configure_connection(t, easy);
	curl_easy_setopt(easy, CURLOPT_URL, t->url);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t->context);
}

void transfer_configure(struct transfer *t, CURL *easy)
{
	configure(t, easy);
	configure_request(t, easy);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, t->on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t->context);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, t->on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t->context);
}

void transfer_connect(struct transfer *t, CURL *easy)
{
	configure(t, easy);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
}

/* libcurl closes what it has made when the handle leaves its multi handle: the copy stays. */
int transfer_socket(CURL *easy)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

bool transfer_fault(const struct transfer *t, CURLcode code, struct err *e)
{
	const char *detail = t->error[0] ? t->error : curl_easy_strerror(code);

	switch (code) {
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_ENGINE_INITFAILED:
		return err_reason(e, ERR_UPSTREAM, "upstream_tls", "no secure connection to the upstream",
		    "upstream '%s': %s", t->upstream, detail);
	case CURLE_OK: /* libcurl is content with a head that broke off */
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_ABORTED_BY_CALLBACK: /* before_request() */
		return err_reason(e, ERR_UPSTREAM, "upstream_closed", "the upstream broke off",
		    "upstream '%s': %s", t->upstream, detail);
	case CURLE_UNSUPPORTED_PROTOCOL: /* an answer that is no HTTP/1 */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
	case CURLE_BAD_CONTENT_ENCODING:
		return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed",
		    "upstream '%s': %s", t->upstream, detail);
	default:
		break;
	}
	if (t->refused)
		return err_reason(e, ERR_UPSTREAM, "upstream_unreachable", "the upstream cannot be reached",
		    "upstream '%s' has an address that is not allowed (%s): see outbound.allow", t->upstream,
		    t->refused);
	return err_reason(e, ERR_UPSTREAM, "upstream_unreachable", "the upstream cannot be reached",
	    "upstream '%s': %s", t->upstream, detail);
}
