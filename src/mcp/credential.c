/* SPDX-License-Identifier: Apache-2.0 */
/* Which token a call carries, and what to do when it does not serve. */
#include "config.h"

#include "mcp/credential.h"

#include "upstream/challenge.h"
#include "upstream/discover.h"
#include "upstream/id_jag.h"
#include "upstream/vault.h"

#include <string.h>

/* A token that has less left than this is renewed first: the call is still to travel. */
enum { SKEW_MS = 30000 };

static struct upstream up_of(const struct call *c)
{
	return (struct upstream){
		.arena = c->req->arena,
		.project = c->req->project,
		.route = c->route,
		.conf = c->route->exchange,
		.origin = c->req->origin,
	};
}

static const char *subject_of(const struct call *c)
{
	return c->route->exchange->mode == EXCHANGE_SHARED || !c->who ? "" : c->who->subject;
}

static bool require(struct call *c, enum required_state state, struct err *e)
{
	const struct upstream u = up_of(c);

	if (state == REQUIRED_CONNECT && c->route->exchange->mode == EXCHANGE_SHARED)
		state = REQUIRED_ADMIN;
	c->required = state;
	return err_reason(e, ERR_FORBIDDEN, "connect_required", required_message(&u, state), "upstream '%s': %s",
	    c->upstream, required_name(state));
}

/* ---- on the way up */

/* The token goes to whom it was given for (product §8): another issuer's or resource's is not sent. */
static bool is_for_upstream(const struct call *c, const char *issuer, const char *resource)
{
	const struct upstream u = up_of(c);

	return upstream_is_resource(&u, *resource ? resource : issuer);
}

static void carry(struct call *c, const char *token)
{
	struct upstream_request *u = &c->upstream_request;

	upstream_header_set(u, "Authorization", arena_printf(c->req->arena, "Bearer %s", token), true);
	upstream_secret(u, token);
}

static bool open_token(struct call *c, const struct db_rows *rows, struct err *e)
{
	const struct vault_place place = {
		.table = "connection",
		.row = c->credential.connection_id,
		.subject = subject_of(c),
		.upstream = c->upstream,
		.issuer = db_text(rows, 0, 2),
		.resource = db_text(rows, 0, 3),
		.token_endpoint = db_text(rows, 0, 12),
		.revocation_endpoint = db_text(rows, 0, 13),
	};
	const char *token;

	if (!vault_open(c->ring, c->req->arena, &place, "access_token", db_bytes_at(rows, 0, 6, c->req->arena),
		&token, e))
		return false;
	carry(c, token);
	return true;
}

/* Somebody has written to the row who may not: none of it is used any more. */
static bool give_up_changed(struct call *c, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(c->credential.connection_id),
		db_int(c->req->arena, c->credential.generation), DB_TEXT(VAULT_CHANGED), DB_TEXT(c->req->request_id) };

	log_error(&c->req->log, "a connection in the database was changed by another hand, and is not used",
	    "upstream", c->upstream, "detail", e->detail, NULL);
	err_clear(e);
	return db_call(c->req->app->db, STMT_CONNECTION_LOSE, params, 4, c->req->arena, NULL, e) &&
	    require(c, REQUIRED_RECONSENT, e);
}

static void read_expiry(struct credential *k, const struct db_rows *rows, bool renewable)
{
	bool known = db_text(rows, 0, 8) != NULL;
	int64_t left_ms = db_int_at(rows, 0, 8);

	k->expired = known && left_ms <= 0;
	/* one that cannot be renewed serves to its end */
	k->renew_first = known && left_ms < SKEW_MS && (renewable || k->expired);
}

static bool is_by_assertion(const struct call *c)
{
	return c->route->exchange->mode == EXCHANGE_ID_JAG;
}

/* Whether the token was given for what the configuration says now. */
static bool is_as_configured(const struct call *c, const struct db_rows *rows)
{
	const struct id_jag_conf *j = c->route->exchange->id_jag;

	return !strcmp(db_text(rows, 0, 1), "connected") && !strcmp(db_text(rows, 0, 2), j->audience) &&
	    !strcmp(db_text(rows, 0, 3), id_jag_resource(c->route->exchange, c->route)) &&
	    !strcmp(db_text(rows, 0, 4), "assertion") && !strcmp(db_text(rows, 0, 5), j->as_client.id) &&
	    !strcmp(db_text(rows, 0, 10), j->scopes) && !strcmp(db_text(rows, 0, 12), j->as_token_url);
}

/*
 * A token by assertion needs nobody's hand: one that is not there, is over, or does not open is exchanged
 * anew before the call.
 */
static void find_assertion(struct call *c, const struct db_rows *rows)
{
	struct credential *k = &c->credential;
	struct err why = { .code = ERR_NONE };

	k->renew_first = k->expired = true;
	if (!rows->rows)
		return;
	k->connection_id = db_text(rows, 0, 0);
	k->generation = (int)db_int_at(rows, 0, 9);
	if (!is_as_configured(c, rows) || !k->generation)
		return;
	if (open_token(c, rows, &why))
		read_expiry(k, rows, true);
	else
		log_warn(&c->req->log, "a token by assertion does not open, and is exchanged anew", "upstream",
		    c->upstream, "reason", err_reason_of(&why), NULL);
}

bool credential_find(struct call *c, struct err *e)
{
	struct credential *k = &c->credential;
	struct db_rows rows;

	if (!c->route->exchange)
		return true;
	const struct db_param params[] = { DB_TEXT(c->upstream), DB_TEXT(subject_of(c)) };

	if (!db_call(c->req->app->db, STMT_CONNECTION_FIND, params, 2, c->req->arena, &rows, e))
		return false;
	if (is_by_assertion(c)) {
		find_assertion(c, &rows);
		return true;
	}
	if (!rows.rows)
		return require(c, REQUIRED_CONNECT, e);
	if (strcmp(db_text(&rows, 0, 1), "connected") ||
	    !is_for_upstream(c, db_text(&rows, 0, 2), db_text(&rows, 0, 3)))
		return require(c, REQUIRED_RECONSENT, e);
	k->connection_id = db_text(&rows, 0, 0);
	k->generation = (int)db_int_at(&rows, 0, 9);
	k->requested_scope = db_text(&rows, 0, 10);
	read_expiry(k, &rows, db_bool_at(&rows, 0, 7));
	if (open_token(c, &rows, e))
		return true;
	return !strcmp(err_reason_of(e), VAULT_CHANGED) && give_up_changed(c, e);
}

/* ---- waiting */

static enum relay_verdict wait_for(struct call *c, enum renewal_kind kind, const char *scope, struct err *e)
{
	const struct renewal_want want = {
		.kind = kind,
		.route = c->route,
		.connection_id = c->credential.connection_id,
		.subject = is_by_assertion(c) ? c->who->subject : NULL,
		.generation = c->credential.generation,
		.scope = scope,
	};

	c->relay.waits_for = renewals_join(c->mcp->renewals, &want, c->req, mcp_site_of(c->req)->guard);
	if (c->relay.waits_for)
		return RELAY_PARK;
	err_reason(e, ERR_UNAVAILABLE, "stopping", "the gateway restarts", "");
	return RELAY_REFUSE;
}

enum relay_verdict credential_begin(struct relay_call *rc, struct err *e)
{
	struct call *c = (struct call *)rc;

	return c->credential.renew_first ? wait_for(c, RENEW, NULL, e) : RELAY_PASS;
}

static enum relay_verdict go_on(struct call *c, const struct renewal *r)
{
	c->credential.generation = r->generation;
	carry(c, r->access);
	c->relay.transfer.headers = errand_headers(c);
	return RELAY_AGAIN;
}

enum relay_verdict credential_resume(struct relay_call *rc, const void *key, struct err *e)
{
	struct call *c = (struct call *)rc;
	const struct renewal *r = key;
	bool before = c->credential.renew_first;

	c->credential.renew_first = false;
	switch (r->end) {
	case RENEWAL_DONE:
		return go_on(c, r);
	case RENEWAL_LOST:
		require(c, REQUIRED_RECONSENT, e);
		return RELAY_REFUSE;
	case RENEWAL_FAILED:
		break;
	}
	/* it was only to be renewed in good time: the provider's fault is nobody's yet */
	if (before && !c->credential.expired)
		return RELAY_AGAIN;
	*e = r->err;
	return RELAY_REFUSE;
}

/* ---- on the way back */

/*
 * 403 insufficient_scope: the user is asked for the rights that are missing, unless they were asked for
 * already: then the upstream's answer stands (product §7: at most once per set).
 */
static enum relay_verdict judge_scope(struct call *c, const struct head *head, struct err *e)
{
	struct arena *a = c->req->arena;
	const char *delimiter = c->route->exchange->scope_delimiter;
	struct challenge said;

	/* by assertion nobody can be asked for more */
	if (is_by_assertion(c) || !challenge_read(&said, a, head_get(head, "www-authenticate")) || !said.error || !said.scope ||
	    strcmp(said.error, "insufficient_scope") ||
	    scope_holds(a, c->credential.requested_scope, said.scope, delimiter))
		return RELAY_PASS;
	return wait_for(c, RENEW_WANT, scope_union(a, c->credential.requested_scope, said.scope, delimiter), e);
}

enum relay_verdict credential_judge(struct call *c, const struct head *head, struct err *e)
{
	if (!c->route->exchange)
		return RELAY_PASS;
	if (head->status == 403)
		return judge_scope(c, head, e);
	if (head->status != 401)
		return RELAY_PASS;
	if (c->credential.renewed && is_by_assertion(c)) {
		err_reason(e, ERR_UPSTREAM, "upstream_auth", "the upstream refuses the access that it gave", "upstream '%s'",
		    c->upstream);
		return RELAY_REFUSE;
	}
	if (c->credential.renewed)
		return wait_for(c, RENEW_LOSE, NULL, e);
	c->credential.renewed = true;
	return wait_for(c, RENEW, NULL, e);
}
