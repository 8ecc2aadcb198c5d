/* SPDX-License-Identifier: Apache-2.0 */
/* Which token a call carries, and what to do when it does not serve. */
#include "config.h"

#include "mcp/credential.h"

#include "mcp/headers.h"
#include "upstream/challenge.h"
#include "upstream/discover.h"
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
	struct credential *k = &c->credential;
	const struct vault_place place = { "connection", k->connection_id, subject_of(c), c->upstream,
		db_text(rows, 0, 2) };
	const char *token;

	if (!vault_open(c->ring, c->req->arena, &place, "access_token", db_bytes_at(rows, 0, 6, c->req->arena),
		&token, e))
		return false;
	carry(c, token);
	return true;
}

static void read_expiry(struct credential *k, const struct db_rows *rows)
{
	bool known = db_text(rows, 0, 8) != NULL, renewable = db_bool_at(rows, 0, 7);
	int64_t left_ms = db_int_at(rows, 0, 8);

	k->expired = known && left_ms <= 0;
	/* one that cannot be renewed serves to its end */
	k->renew_first = known && left_ms < SKEW_MS && (renewable || k->expired);
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
	if (!rows.rows)
		return require(c, REQUIRED_CONNECT, e);
	if (strcmp(db_text(&rows, 0, 1), "connected") ||
	    !is_for_upstream(c, db_text(&rows, 0, 2), db_text(&rows, 0, 3)))
		return require(c, REQUIRED_RECONSENT, e);
	k->connection_id = db_text(&rows, 0, 0);
	k->generation = (int)db_int_at(&rows, 0, 9);
	k->requested_scope = db_text(&rows, 0, 10);
	read_expiry(k, &rows);
	return open_token(c, &rows, e);
}

/* ---- waiting */

static enum relay_verdict wait_for(struct call *c, enum renewal_kind kind, const char *scope, struct err *e)
{
	const struct renewal_want want = { kind, c->route, c->credential.connection_id, c->credential.generation,
		scope };

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
	c->relay.transfer.headers = headers_of(&c->upstream_request);
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

	if (!challenge_read(&said, a, head_get(head, "www-authenticate")) || !said.error || !said.scope ||
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
	if (c->credential.renewed)
		return wait_for(c, RENEW_LOSE, NULL, e);
	c->credential.renewed = true;
	return wait_for(c, RENEW, NULL, e);
}
