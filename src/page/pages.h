/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each page shows: struct page_NAME holds the values of share/page/NAME.html.
 *
 * gen-pages.pl reads this file: it makes the table by which templates find the members, and ends
 * the build when a template names a member that its struct lacks, or leaves one out. It knows
 * these lines only:
 *
 *   const char *x;                      a text; NULL or "" is "not set"
 *   struct page_url x;                  a URL
 *   bool x;                             a flag
 *   struct page_NAME_row *xs;           rows; their number is
 *   size_t xs_n;
 *
 * Texts are shown as they are: foreign ones pass html_clean() first.
 */
#ifndef GATEHOUSE_PAGE_PAGES_H
#define GATEHOUSE_PAGE_PAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "page/template.h"

/* Something went wrong; also what a person reads after pressing "back" too late. */
struct page_error {
	const char *host;    /* the gateway's, as the browser addressed it */
	const char *title;
	const char *what;    /* a sentence: what went wrong */
	const char *remedy;  /* a sentence or two: what to do now */
	const char *bucket;  /* whose side it is on: "Gateway configuration", ... */
	const char *code;    /* "invalid_request" */
	const char *reason;  /* the reason code of the event and the log line */
	const char *request_id;
	const char *time;    /* RFC 3339, UTC */
	bool calm;           /* nothing is broken: no colour of alarm */
};

struct page_consent_row { /* one thing that the client will be able to do */
	const char *permission;
};

struct page_consent_host_row { /* a host in pieces, each with its dot: lines may end there */
	const char *piece;
};

struct page_consent {
	const char *host;
	const char *client_name;      /* not set: the client gave none */
	const char *client_host;      /* whose document its id is; not set: it registered itself */
	bool client_verified;         /* and the answer goes where no other program can take it */
	const char *service_name;     /* the route's upstream, for people */
	const char *service_summary;
	const char *upstream_host;
	/* where the answer goes: one of the three is set */
	bool redirect_web;            /* a web site: its host, with any port of its own */
	struct page_consent_host_row *redirect_host;
	size_t redirect_host_n;
	const char *redirect_local;   /* an app on this computer: "localhost:33418" */
	const char *redirect_scheme;  /* an app that owns this scheme */
	struct page_consent_row *permissions;
	size_t permissions_n;
	const char *user;             /* who is signed in: the name, else what there is */
	const char *user_detail;      /* e-mail address or subject, where it says more */
	const char *connect;          /* why the upstream has to be connected first; not set: it need not */
	bool connect_admin;           /* it has to be, and an administrator must do it */
	bool blocked;                 /* either of them: there is nothing to authorize yet */
	struct page_url action;
	const char *request;
	const char *csrf;
	struct page_url grants;       /* the page of grants */
};

struct page_grants_row {
	const char *grant_id;
	const char *client_name;
	const char *service_name;
	const char *since;            /* dates for people */
	const char *last_used;
	const char *since_time;       /* and for machines: RFC 3339 */
	const char *last_used_time;
};

struct page_grants_connection_row { /* an upstream that is used in the user's name */
	const char *connection_id;    /* the upstream's id */
	const char *connection_name;
	const char *issuer;
	const char *connected;
	const char *connected_time;
	bool lost;                    /* it has ended at the other side */
	struct page_url disconnect;
};

struct page_grants {
	const char *host;
	const char *user;
	const char *user_detail;
	struct page_grants_row *grants;
	size_t grants_n;
	struct page_grants_connection_row *connections;
	size_t connections_n;
	const char *disconnect_csrf;
	struct page_url action;
	const char *csrf;
	struct page_url logout;       /* the sign-out form */
	const char *logout_csrf;
	bool revoked;                 /* one has just been revoked */
	bool more;                    /* there are more than the page shows */
};

struct page_signed_out {
	const char *host;
	const char *provider;         /* the host where the person is still signed in; not set: none */
	struct page_url provider_url; /* its sign-out */
};

/* An upstream was connected, and no consent page waits for it. */
struct page_connected {
	const char *host;
	const char *service_name;
	bool shared;                  /* the connection of everybody */
};

/*
 * On the way from the consent page to the upstream: a page, not a redirect, because browsers hold the
 * form's CSP against every redirect that follows it, and the upstream's addresses are not known yet.
 */
struct page_continue {
	const char *host;
	const char *service_name;
	struct page_url url;
};

/* An upstream was not connected. */
struct page_failed {
	const char *host;
	const char *service_name;
	const char *what;             /* a sentence: what went wrong */
	const char *remedy;
	const char *bucket;           /* "Gateway configuration", "Upstream OAuth setup", "Upstream response" */
	const char *code;
	const char *reason;
	const char *request_id;
	const char *time;             /* RFC 3339, UTC */
	const char *upstream_page;    /* HTML with which the upstream answered: shown in a sandbox */
};

/* ---- the operators' pages: one template, whose parts are shown where they are set */

struct page_console_link_row {
	const char *text;
	struct page_url url;
	bool current;
};

struct page_console_text_row {
	const char *text;
	bool alarm;
};

struct page_console_card_row {
	const char *label;
	const char *value;
	const char *detail;
	struct page_url url;          /* not set: the value is no link */
	bool on;                      /* the link takes its filter away again */
	bool alarm;
};

struct page_console_bar_row {     /* of the chart; lengths in its units */
	const char *x;                /* its middle */
	const char *good;             /* heights; not set: none */
	const char *other_y;          /* where it stands */
	const char *other;
	const char *bad_y;
	const char *bad;
	const char *about;
};

struct page_console_tick_row {
	const char *x;
	const char *text;
};

struct page_console_head_row {
	const char *text;
	bool number;
};

struct page_console_cell_row {
	const char *text;
	struct page_url url;
	bool linked;                  /* url is set */
	bool number;
	bool alarm;
	bool on;
	const char *share;            /* percent, drawn below */
};

struct page_console_line_row {
	struct page_console_cell_row *cells;
	size_t cells_n;
};

struct page_console_panel_row {
	const char *id;
	const char *title;
	const char *note;
	struct page_console_head_row *heads;
	size_t heads_n;
	struct page_console_line_row *lines;
	size_t lines_n;
	const char *empty;            /* said where there are no lines */
	bool wide;
	struct page_url all;          /* as a table of its own */
	struct page_url csv;
	struct page_url json;
};

struct page_console_fact_row {
	const char *name;
	const char *value;
	struct page_url url;
	bool code;                    /* for machines: as it is, to be copied */
};

struct page_console_step_row {    /* of a call's story */
	const char *time;
	const char *title;
	const char *text;
	bool alarm;
	struct page_console_fact_row *facts;
	size_t facts_n;
};

struct page_console_hidden_row {
	const char *name;
	const char *value;
};

struct page_console {
	const char *host;
	const char *title;
	const char *intro;
	const char *user;
	struct page_console_link_row *nav;
	size_t nav_n;
	struct page_console_text_row *notes;
	size_t notes_n;
	struct page_console_link_row *ranges;
	size_t ranges_n;
	const char *range;            /* what is shown, in words */
	struct page_console_link_row *filters;  /* each leads to the page without it */
	size_t filters_n;
	struct page_url search;       /* the form's address; not set: no search */
	const char *search_label;
	const char *search_text;
	struct page_console_hidden_row *search_hidden;
	size_t search_hidden_n;
	struct page_console_card_row *cards;
	size_t cards_n;
	const char *chart;            /* what it shows, in words */
	struct page_console_bar_row *bars;
	size_t bars_n;
	struct page_console_tick_row *ticks;
	size_t ticks_n;
	const char *bar_width;
	const char *top;              /* of the chart's scale */
	struct page_url chart_all;
	struct page_console_fact_row *facts;
	size_t facts_n;
	struct page_console_step_row *steps;
	size_t steps_n;
	struct page_console_panel_row *panels;
	size_t panels_n;
	struct page_console_link_row *more;     /* pages before and after, and what else there is to do */
	size_t more_n;
	struct page_url confirm;      /* where the form that changes something goes; not set: none */
	const char *confirm_text;
	const char *csrf;
	struct page_console_hidden_row *hidden;
	size_t hidden_n;
	struct page_url back;
};

enum page_id { PAGE_ERROR, PAGE_CONSENT, PAGE_GRANTS, PAGE_SIGNED_OUT, PAGE_CONNECTED, PAGE_CONTINUE, PAGE_FAILED, PAGE_CONSOLE, PAGES };

/* Generated: by page_id. */
struct page {
	const char *name; /* "consent" */
	const struct page_field *fields;
};
extern const struct page page_table[PAGES];

/*
 * Generated: the files as they were compiled in, by name ("consent.html"), ended by a row
 * without name.
 */
struct page_file {
	const char *name, *text;
};
extern const struct page_file page_files[];

#endif
