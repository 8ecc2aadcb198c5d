/* SPDX-License-Identifier: Apache-2.0 */
/* The error page: a table of advice, from the narrowest match to the widest. */
#include "config.h"

#include "page/error.h"

#include <string.h>

#include "base/clock.h"
#include "page/html.h"
#include "page/page.h"

#define START_OVER "Go back to your app and connect again. It will open a new page for you."
#define ASK_OPERATOR                                                                               \
	"There is nothing you can do here. Tell the people who run this gateway, and give them "   \
	"the details below."

#define SIGN_IN_FAILED "You could not be signed in"
#define TRY_AGAIN                                                                                  \
	"Go back to your app and connect again. If it happens again, tell the people who run this " \
	"gateway, and give them the details below."

struct advice {
	enum err_code code;
	const char *reason; /* NULL: any; one that ends in "_": any that begins so */
	bool calm;
	const char *title, *remedy;
};

static const struct advice advice[] = {
	{ ERR_INVALID_REQUEST, "request_decided", true, "You have already answered",
	    "If your app went on, you can close this page. If it did not, start again from your "
	    "app." },
	{ ERR_INVALID_REQUEST, "request_expired", true, "This request has expired", START_OVER },
	{ ERR_INVALID_REQUEST, "request_unknown", true, "This request is not known", START_OVER },
	{ ERR_INVALID_REQUEST, "route_gone", true, "This service is no longer here", START_OVER },
	{ ERR_FORBIDDEN, "other_browser", true, "This request began in another browser",
	    "For your safety a request can only be answered where it began. Go back to your app "
	    "and connect again, and stay in the browser that it opens. If somebody sent you this"
	    " link, close the page." },
	{ ERR_FORBIDDEN, "no_session", true, "You are not signed in",
	    "Your sign-in has ended, or your browser sent no cookies. " START_OVER },
	{ ERR_FORBIDDEN, "session_changed", true, "You are signed in as somebody else now",
	    "The sign-in in this browser changed after this request began, so it cannot be "
	    "answered any more. " START_OVER },
	{ ERR_FORBIDDEN, "csrf_token", false, "This answer was not accepted",
	    "Nothing was changed. Go back to your app and connect again; answer on the page "
	    "itself, with cookies allowed." },
	{ ERR_FORBIDDEN, "cross_site", false, "This answer was not accepted",
	    "Another web site tried to answer for you. Nothing was changed. If you did not "
	    "expect this, close the page you came from." },
	{ ERR_INVALID_REQUEST, "state_used", true, "You have already signed in",
	    "If your app went on, you can close this page. If it did not, start again from your "
	    "app." },
	{ ERR_INVALID_REQUEST, "expired_request", true, "This sign-in has expired", START_OVER },
	{ ERR_INVALID_REQUEST, "unknown_request", true, "This sign-in is not known", START_OVER },
	{ ERR_INVALID_REQUEST, "other_browser", true, "This sign-in began in another browser",
	    "For your safety a sign-in can only end where it began. Go back to your app and connect "
	    "again, and stay in the browser that it opens, with cookies allowed. If somebody sent "
	    "you this link, close the page." },
	{ ERR_INVALID_REQUEST, "provider_issuer", false, "This sign-in was not accepted",
	    "Nothing was changed. " TRY_AGAIN },
	{ ERR_INVALID_REQUEST, "provider_refused_code", true, "This sign-in has expired",
	    TRY_AGAIN },
	{ ERR_INVALID_REQUEST, NULL, false, "This request cannot be served", START_OVER },
	{ ERR_INVALID_CLIENT, NULL, false, "This app is not known here",
	    "Its registration may have ended. Remove this server from your app and add it again." },
	{ ERR_INVALID_REDIRECT_URI, NULL, false,
	    "This app asked to be answered at the wrong address",
	    "For your safety nothing was sent there. Remove this server from your app and add it"
	    " again; if that does not help, tell the makers of the app." },
	{ ERR_ACCESS_DENIED, "provider_denied", false, "You were not signed in",
	    "If you pressed \"cancel\", go back to your app. If you should have access, ask the "
	    "people who run this gateway." },
	{ ERR_ACCESS_DENIED, NULL, false, "Access was refused",
	    "If you should have access, ask the people who run this gateway." },
	{ ERR_FORBIDDEN, NULL, false, "This is not allowed",
	    "If you should have access, ask the people who run this gateway." },
	{ ERR_NOT_FOUND, NULL, true, "There is nothing here",
	    "Check the address, or start again from your app." },
	{ ERR_METHOD, NULL, false, "This page cannot be used that way", START_OVER },
	{ ERR_MISDIRECTED, NULL, false, "This gateway does not answer to that name",
	    "Check the address. If it is right, the gateway's publicOrigins must list it." },
	{ ERR_TOO_LARGE, NULL, false, "That was too much", START_OVER },
	{ ERR_URI_TOO_LONG, NULL, false, "That address is too long", START_OVER },
	{ ERR_RATE, NULL, true, "Too many requests", "Wait a minute, then try again." },
	{ ERR_CONFIG, "provider_", false, "Sign-in is not set up correctly", ASK_OPERATOR },
	{ ERR_CONFIG, NULL, false, "The gateway is not set up correctly", ASK_OPERATOR },
	{ ERR_UNAVAILABLE, NULL, false, "The gateway is not available right now",
	    "Wait a few seconds and load this page again. If it stays like this, tell the people"
	    " who run this gateway." },
	{ ERR_UPSTREAM, "fetch_", false, SIGN_IN_FAILED, TRY_AGAIN },
	{ ERR_UPSTREAM, "provider_", false, SIGN_IN_FAILED, TRY_AGAIN },
	{ ERR_UPSTREAM, "discovery_", false, SIGN_IN_FAILED, TRY_AGAIN },
	{ ERR_UPSTREAM, "token_", false, SIGN_IN_FAILED, TRY_AGAIN },
	{ ERR_UPSTREAM, "jws_", false, SIGN_IN_FAILED, TRY_AGAIN },
	{ ERR_UPSTREAM, "jwks_", false, SIGN_IN_FAILED, TRY_AGAIN },
	{ ERR_UPSTREAM, "userinfo_", false, SIGN_IN_FAILED, TRY_AGAIN },
	{ ERR_UPSTREAM_TIMEOUT, "fetch_", false, SIGN_IN_FAILED, TRY_AGAIN },
	{ ERR_UPSTREAM, NULL, false, "The service behind the gateway did not answer properly",
	    "Try again in a little while. If it stays like this, tell the people who run this "
	    "gateway." },
	{ ERR_UPSTREAM_TIMEOUT, NULL, false,
	    "The service behind the gateway did not answer in time",
	    "Try again in a little while. If it stays like this, tell the people who run this "
	    "gateway." },
	{ ERR_NONE, NULL, false, "Something went wrong",
	    "Try again. If it happens again, tell the people who run this gateway, and give them"
	    " the details below." },
};

static bool is_about(const struct advice *a, const char *reason)
{
	size_t n = a->reason ? strlen(a->reason) : 0;

	if (n && a->reason[n - 1] == '_')
		return !strncmp(a->reason, reason, n);
	return !a->reason || !strcmp(a->reason, reason);
}

static const struct advice *advice_find(const struct err *e)
{
	const struct advice *a = advice;

	while (a->code && (a->code != e->code || !is_about(a, err_reason_of(e))))
		a++;
	return a;
}

/* Whether what the identity provider said or did is to blame. */
static bool is_of_provider(const struct err *e)
{
	bool said = !strncmp(err_reason_of(e), "provider_", 9);

	return said || ((e->code == ERR_UPSTREAM || e->code == ERR_UPSTREAM_TIMEOUT) &&
			   advice_find(e)->reason);
}

/* Whose side the fault is on: so that the person who is asked for help knows where to look. */
static const char *bucket_of(const struct err *e)
{
	if (is_of_provider(e))
		return e->code == ERR_CONFIG ? "Identity provider setup" : "Identity provider response";
	switch (e->code) {
	case ERR_CONFIG:
	case ERR_MISDIRECTED:
		return "Gateway configuration";
	case ERR_UPSTREAM:
	case ERR_UPSTREAM_TIMEOUT:
		return "Upstream response";
	case ERR_UNAVAILABLE:
	case ERR_INTERNAL:
	case ERR_IO:
		return "Gateway operation";
	default:
		return "This request";
	}
}

bool error_page(struct req *r, struct resp *s, const struct err *e)
{
	const struct advice *a = advice_find(e);
	char now[CLOCK_TEXT];
	struct err fault = { .code = ERR_NONE };
	struct page_error page = {
		.host = page_host(r),
		.title = a->title,
		.what = *e->text ? html_sentence(s->arena, e->text) : NULL,
		.remedy = a->remedy,
		.bucket = bucket_of(e),
		.code = err_name(e->code),
		.reason = err_reason_of(e),
		.request_id = r->request_id,
		.time = now,
		.calm = a->calm,
	};
	int status = err_status(e->code);

	clock_text(now);
	/*
	 * 401 asks for credentials, and a page knows no scheme to ask with (protocol 2.6.3 wants
	 * 400)
	 */
	return page_send(r, s, status == 401 ? 400 : status, &page, NULL, &fault);
}
