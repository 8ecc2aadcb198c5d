/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic client registration (RFC 7591; protocol §2.4). Anybody may register: a registration
 * gives no right, only a name to ask for one under. Members that are not understood are
 * ignored; what takes effect is answered.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "json/json.h"
#include "oauth/client_metadata.h"
#include "oauth/rate.h"
#include "oauth/token.h"

#include <string.h>

static bool has_secret(const char *auth_method)
{
	return !strcmp(auth_method, "client_secret_basic") ||
	       !strcmp(auth_method, "client_secret_post");
}

/*
 * SECRET gets the new secret, "" for a client without one. Such a client that says the same again
 * (with the same keys, if it has any) is the same client.
 */
static bool store(struct req *r, struct client_metadata *m, char secret[TOKEN_TEXT],
    struct db_rows *rows, struct err *e)
{
	const char *metadata = json_text(r->arena, m->effective), *pepper_id = NULL;
	struct db_param hash = DB_NULL, fingerprint = DB_NULL;
	unsigned char digest[HASH_LEN];
	const struct ring *ring;
	char client_id[UUID_TEXT];

	rand_uuid(client_id);
	secret[0] = '\0';
	if (!has_secret(m->auth_method)) {
		hash_sha256(digest, metadata, strlen(metadata));
		fingerprint = DB_BYTES(digest, sizeof(digest));
	} else {
		if (!req_ring(r, &ring, e))
			return false;
		token_make(secret, TOKEN_SECRET);
		hash = token_hash_new(ring, r->arena, secret, &pepper_id);
	}
	const struct db_param params[] = { DB_TEXT(client_id), DB_TEXT(m->name),
		DB_TEXT(m->auth_method), hash, DB_TEXT(pepper_id),
		db_text_array(r->arena, m->redirect_uris, m->redirect_uris_n), DB_TEXT(metadata),
		fingerprint };

	return db_call(r->app->db, STMT_CLIENT_REGISTER, params, 8, r->arena, rows, e);
}

static bool read_body(struct req *r, struct json_object **in, struct err *e)
{
	struct scan_limits limits = scan_limits_of(r->project->limits.form_body);
	struct err why = { .code = ERR_NONE };

	if (strcmp(r->content_type, "application/json"))
		return err_set(e, ERR_INVALID_CLIENT_METADATA, "the body must be application/json",
		    "content type '%.64s'", r->content_type);
	if (r->body_len > limits.bytes)
		return err_set(
		    e, ERR_TOO_LARGE, "the request body is too large", "%zu bytes", r->body_len);
	*in = json_parse(r->arena, r->body, r->body_len, &limits, &why);
	if (!*in || !json_object_is_type(*in, json_type_object))
		return err_set(e, ERR_INVALID_CLIENT_METADATA, "the body must be a JSON object",
		    "%s", why.text);
	return true;
}

bool ep_register(struct req *r, struct resp *p, struct err *e)
{
	struct json_object *in = NULL, *out;
	struct client_metadata m;
	char secret[TOKEN_TEXT];
	struct db_rows rows;

	if (!rate_take(r, p, RATE_REGISTER, NULL, e) || !read_body(r, &in, e) ||
	    !client_metadata_read(
		&m, r->arena, in, METADATA_REGISTRATION, r->project, e) ||
	    !store(r, &m, secret, &rows, e))
		return false;
	out = json_new_object(r->arena);
	json_add_string(out, "client_id", db_text(&rows, 0, 0));
	json_add_int(out, "client_id_issued_at", db_int_at(&rows, 0, 1));
	if (secret[0]) {
		json_add_string(out, "client_secret", secret);
		json_add_int(out, "client_secret_expires_at", 0);
		explicit_bzero(secret, sizeof(secret));
	}
	json_object_object_foreach(m.effective, name, value) json_add(out, name, value);
	resp_set(p, "Cache-Control", "no-store");
	return resp_json(p, 201, out);
}
