/* SPDX-License-Identifier: Apache-2.0 */
/* The development sign-in: every condition alone keeps it shut. */
#include "config.h"

#include "fake_io.h"
#include "tap.h"

#include "http/http_internal.h"
#include "idp/dev_login.h"

static const char *const proxies[] = { NULL };
static const struct oauth_conf here = { .dev_login = true }, elsewhere = { .dev_login = false };
static const struct origin loopback[] = {
	{ .text = "http://127.0.0.1:8080", .scheme = "http", .host = "127.0.0.1", .port = 8080,
	    .loopback = true },
}, mixed[] = {
	{ .text = "http://127.0.0.1:8080", .scheme = "http", .host = "127.0.0.1", .port = 8080,
	    .loopback = true },
	{ .text = "https://mcp.example.com", .scheme = "https", .host = "mcp.example.com",
	    .port = 443 },
};

static const struct {
	const struct oauth_conf *oauth;
	const struct origin *origins;
	size_t origins_n;
	const char *peer, *header, *reason; /* NULL: it signs in */
	const char *name;
} rows[] = {
	{ &here, loopback, 1, "127.0.0.1", NULL, NULL, "on this computer it signs in" },
	{ &here, loopback, 1, "::1", NULL, NULL, "also over IPv6" },
	{ NULL, loopback, 1, "127.0.0.1", NULL, "dev_login_off", "not without a policy" },
	{ &elsewhere, loopback, 1, "127.0.0.1", NULL, "dev_login_off", "not where the policy names a provider" },
	{ &here, mixed, 2, "127.0.0.1", NULL, "dev_login_public", "not with one public origin among them" },
	{ &here, loopback, 1, "192.0.2.1", NULL, "dev_login_remote", "not for another computer" },
	{ &here, loopback, 1, "10.0.0.1", NULL, "dev_login_remote", "not for a neighbour" },
	{ &here, loopback, 1, "::ffff:192.0.2.1", NULL, "dev_login_remote", "not in another spelling" },
	{ &here, loopback, 1, "", NULL, "dev_login_remote", "not for nobody knows whom" },
	{ &here, loopback, 1, "127.0.0.1", "HTTP_FORWARDED=for=1.2.3.4", "dev_login_forwarded", "not with Forwarded" },
	{ &here, loopback, 1, "127.0.0.1", "HTTP_X_FORWARDED_FOR=127.0.0.1", "dev_login_forwarded", "not with X-Forwarded-For" },
	{ &here, loopback, 1, "127.0.0.1", "HTTP_X_FORWARDED_HOST=x", "dev_login_forwarded", "not with X-Forwarded-Host" },
	{ &here, loopback, 1, "127.0.0.1", "HTTP_X_FORWARDED_PROTO=https", "dev_login_forwarded", "not with X-Forwarded-Proto" },
	{ &here, loopback, 1, "127.0.0.1", "HTTP_X_FORWARDED_PORT=", "dev_login_forwarded", "not with an empty one" },
	{ &here, loopback, 1, "127.0.0.1", "HTTP_VIA=1.1 x", "dev_login_forwarded", "not with Via" },
	{ &here, loopback, 1, "127.0.0.1", "HTTP_X_REAL_NAME=x", NULL, "other headers say nothing" },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct project project = { .origins = rows[i].origins, .origins_n = rows[i].origins_n,
			.oauth = rows[i].oauth, .base_path = "", .config_file = "gateway.jsonc",
			.trusted_proxies = proxies, .limits = { .url = 4096 } };
		struct arena *a = arena_new();
		struct io io = { .params = { "REQUEST_METHOD=GET", "REQUEST_URI=/oauth/dev-login",
			"HTTP_HOST=127.0.0.1:8080",
			arena_printf(a, "REMOTE_ADDR=%s", rows[i].peer), rows[i].header } };
		struct site site = { .project = &project };
		struct req r = { .arena = a, .io = &io, .site = &site, .project = &project };
		struct err e = { .code = ERR_NONE };
		struct identity who = { .subject = NULL };

		if (!req_read(&r, &e)) {
			ok(false, rows[i].name);
		} else if (rows[i].reason) {
			ok(!dev_login(&r, &who, &e) && e.code == ERR_FORBIDDEN, rows[i].name);
			is_str(err_reason_of(&e), rows[i].reason, "and the reason says why");
		} else {
			ok(dev_login(&r, &who, &e), rows[i].name);
			is_str(who.subject, "dev-browser-user", "as the one it always is");
		}
		arena_free(a);
	}
	return done();
}
