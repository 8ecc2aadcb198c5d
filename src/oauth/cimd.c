/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and keeping the documents of clients. */
#include "config.h"

#include "oauth/cimd.h"

#include "oauth/remote.h"

#include <string.h>

enum { KEEP_MAX_S = 24 * 3600, KEPT_WITHOUT_ANSWER_S = 24 * 3600 };

bool cimd_is_url(const char *client_id)
{
	return !strncmp(client_id, "https://", 8) || !strncmp(client_id, "http://", 7);
}

static bool bad_url(struct err *e, const char *text)
{
	return err_reason(e, ERR_INVALID_CLIENT, "client_id_url", text, "");
}

bool cimd_check_url(struct arena *a, const char *client_id, bool development, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct uri u;

	if (strlen(client_id) > CIMD_URL_MAX)
		return bad_url(e, "the client_id is too long");
	if (!uri_parse(&u, a, client_id, &why)) {
		bad_url(e, "");
		return err_text(e, "the client_id is no address: %s", why.text);
	}
	if (!cimd_is_url(client_id) || !remote_url_is_sound(a, client_id, development))
		return bad_url(e,
		    "a client_id that is an address must be https, without user name and fragment");
	if (!*u.path || !strcmp(u.path, "/"))
		return bad_url(e, "a client_id that is an address must have a path");
	if (uri_has_dot_segment(a, u.path))
		return bad_url(e, "a client_id that is an address must not have dot segments");
	return true;
}

/* --- the document --- */

static bool bad_document(struct err *e, const char *text, const char *detail)
{
	err_reason(e, ERR_INVALID_CLIENT, "client_document", text, "%s", detail);
	return err_text(e, "this application's document is not valid: %s", text);
}

/* A secret in a document is none; who writes one there has not understood what it is. */
static bool has_secret(struct json_object *doc)
{
	json_object_object_foreach(doc, name, value)
	{
		(void)value;
		if (!strncmp(name, "client_secret", 13))
			return true;
	}
	return false;
}

bool cimd_read(struct client_metadata *m, struct arena *a, const char *url, const char *text,
    size_t n, const struct project *project, struct err *e)
{
	const struct scan_limits limits = scan_limits_of(CIMD_DOCUMENT_MAX);
	struct err why = { .code = ERR_NONE };
	struct json_object *doc = json_parse(a, text, n, &limits, &why);
	const char *id;

	if (!doc || !json_object_is_type(doc, json_type_object))
		return bad_document(e, "it is no JSON object", why.text);
	id = json_get_string(doc, "client_id");
	if (!id ||
	    strcmp(
		id, url)) /* byte by byte: ":443", another case, a slash more are other clients */
		return bad_document(e, "its client_id is not its own address", "");
	if (has_secret(doc))
		return bad_document(e, "it holds a client secret", "");
	if (!client_metadata_read(m, a, doc, METADATA_DOCUMENT, project, &why))
		return bad_document(e, why.text, why.detail);
	return true;
}

/* --- the copy --- */

struct copy {
	bool is_there;
	const char *etag;
	int64_t age_s, fresh_in_s;
};

static bool find_copy(struct req *r, const char *client_id, struct copy *copy, struct err *e)
{
	struct db_param id = DB_TEXT(client_id);
	struct db_rows rows;

	*copy = (struct copy){ .is_there = false };
	if (!db_call(r->app->db, STMT_CLIENT_DOCUMENT_FIND, &id, 1, r->arena, &rows, e))
		return false;
	if (rows.rows) {
		copy->is_there = true;
		copy->etag = db_text(&rows, 0, 0);
		copy->age_s = db_int_at(&rows, 0, 1);
		copy->fresh_in_s = db_int_at(&rows, 0, 2);
	}
	return true;
}

static bool touch(struct req *r, const char *client_id, int64_t keep_s, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(client_id), db_int(r->arena, keep_s) };

	return db_call(r->app->db, STMT_CLIENT_DOCUMENT_TOUCH, params, 2, r->arena, NULL, e);
}

static bool put(
    struct req *r, const char *client_id, const struct fetch *f, int64_t keep_s, struct err *e)
{
	struct client_metadata m;
	const char *outcome;
	struct db_rows rows;

	if (!cimd_read(&m, r->arena, client_id, f->body, f->body_len, r->project, e))
		return false;
	const struct db_param params[] = { DB_TEXT(client_id), DB_TEXT(m.name),
		DB_TEXT(m.auth_method), db_text_array(r->arena, m.redirect_uris, m.redirect_uris_n),
		DB_TEXT(json_text(r->arena, m.effective)), DB_TEXT(f->etag),
		db_int(r->arena, keep_s), DB_TEXT(r->request_id) };

	if (!db_call(r->app->db, STMT_CLIENT_DOCUMENT_PUT, params, 8, r->arena, &rows, e))
		return false;
	outcome = db_text(&rows, 0, 0);
	if (!strcmp(outcome, "registered"))
		return err_reason(e, ERR_INVALID_CLIENT, "unknown_client", "unknown client",
		    "id of a registered one");
	log_info(
	    &r->log, "a client's document was read", "client", client_id, "outcome", outcome, NULL);
	return true;
}

/* Asks for the document, and keeps what comes. */
static bool renew(struct req *r, const char *client_id, const struct copy *copy, struct err *e)
{
	struct fetch f = {
		.url = client_id, .if_none_match = copy->etag, .max = CIMD_DOCUMENT_MAX
	};
	struct err why = { .code = ERR_NONE };
	int64_t keep_s;

	if (!remote_get(r, &f, copy->is_there, &why)) {
		err_reason(e, why.code, why.reason, "", "%s", why.detail);
		return err_text(e, "this application's document cannot be read: %s", why.text);
	}
	keep_s = remote_keep_s(&f, KEEP_MAX_S);
	return f.status == 304 ? touch(r, client_id, keep_s, e) : put(r, client_id, &f, keep_s, e);
}

bool cimd_keep(struct req *r, const char *client_id, enum cimd_use use, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct copy copy;

	if (!r->project->oauth || !r->project->oauth->cimd_enabled)
		return err_reason(e, ERR_INVALID_CLIENT, "client_documents_off",
		    "an address is not accepted as client_id here", "gateway.cimdEnabled is false");
	if (!cimd_check_url(r->arena, client_id, r->project->development, e))
		return false;
	if (use == CIMD_KEPT)
		return true;
	if (!find_copy(r, client_id, &copy, e))
		return false;
	if (!copy.is_there && use == CIMD_KEYS) /* it was never granted anything */
		return err_reason(e, ERR_INVALID_CLIENT, "unknown_client", "unknown client",
		    "client '%.200s'", client_id);
	if (copy.is_there && copy.fresh_in_s > 0)
		return true;
	if (renew(r, client_id, &copy, &why))
		return true;
	if (why.code == ERR_UNAVAILABLE && use != CIMD_CONSENT && copy.is_there &&
	    copy.age_s < KEPT_WITHOUT_ANSWER_S)
		return true;
	*e = why;
	return false;
}
