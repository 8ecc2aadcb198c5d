-- The authorization server: see sql/fn/oauth-*.sql for what each answers.

-- name: client_register :one
-- for: oauth
-- $1 text  client_id
-- $2 text  name
-- $3 text  token_endpoint_auth_method
-- $4 bytea  the secret's hash, null for a public client
-- $5 text  the pepper's id, null for a public client
-- $6 text[]  redirect URIs
-- $7 jsonb  the metadata that took effect
-- $8 bytea  the metadata's fingerprint, null for a client with a secret
select client_id, created_at, is_new
from gatehouse.client_register($1, $2, $3, $4, $5, $6, $7, $8);

-- name: client_find :one
-- for: oauth
-- $1 text  client_id
select name, auth_method, secret_hash, pepper_id, redirect_uris, metadata
from gatehouse.client_find($1);

-- name: client_rehash :one
-- for: oauth
-- $1 text  client_id
-- $2 bytea  its secret's hash as it is
-- $3 bytea  the same under the primary pepper
-- $4 text  the primary pepper's id
select gatehouse.client_rehash($1, $2, $3, $4);

-- name: authorization_begin :one
-- for: oauth
-- $1 uuid  request_id
-- $2 bytea  hash of the attempt's cookie
-- $3 text  its pepper's id
-- $4 bytea[]  hashes of the session cookie, null if the browser sent none
-- $5 text  client_id
-- $6 text  redirect URI
-- $7 text  state, null if the client sent none
-- $8 text  code challenge (S256)
-- $9 text  resource
-- $10 text  operation_id
-- $11 text  scope
-- $12 text  issuer
-- $13 int4  seconds until it expires
select outcome
from gatehouse.authorization_begin($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: session_begin :one
-- for: oauth
-- $1 bytea  hash of the new session cookie
-- $2 text  its pepper's id
-- $3 text  subject
-- $4 text  name
-- $5 text  email
-- $6 bytea  sealed claims, null if the sign-in gave none
-- $7 int8  seconds until it expires
-- $8 uuid  the request that led to the sign-in
-- $9 bytea[]  hashes of the attempt's cookie
-- $10 bytea[]  hashes of the session cookie that the browser had, null for none
-- $11 text  request id, for the audit trail
select outcome
from gatehouse.session_begin($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: session_find :one
-- for: oauth consent connect
-- $1 bytea[]  hashes of the session cookie, the primary pepper's first
-- $2 text  the primary pepper's id
select subject, name, email, claims, expires_in
from gatehouse.session_present($1, $2);

-- name: consent_load :one
-- for: consent
-- $1 uuid  request_id
-- $2 bytea[]  hashes of the session cookie
-- $3 bytea[]  hashes of the attempt's cookie
select outcome, client_id, client_name, client_kind, redirect_uri, state, resource, operation_id,
	scope, issuer, subject, name, email
from gatehouse.consent_load($1, $2, $3);

-- name: consent_approve :one
-- for: consent
-- $1 uuid  request_id
-- $2 bytea[]  hashes of the session cookie
-- $3 bytea[]  hashes of the attempt's cookie
-- $4 uuid  grant_id
-- $5 bytea  the code's hash
-- $6 text  its pepper's id
-- $7 int4  seconds until the code expires
-- $8 int8  seconds until the grant expires
-- $9 text  request id, for the audit trail
select outcome, client_id, client_name, redirect_uri, state, issuer, operation_id, subject
from gatehouse.consent_approve($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: consent_deny :one
-- for: consent
-- $1 uuid  request_id
-- $2 bytea[]  hashes of the session cookie
-- $3 bytea[]  hashes of the attempt's cookie
-- $4 text  request id, for the audit trail
select outcome, client_id, client_name, redirect_uri, state, issuer, operation_id, subject
from gatehouse.consent_deny($1, $2, $3, $4);

-- name: code_redeem :one
-- for: oauth
-- $1 bytea[]  hashes of the code
-- $2 text  client_id
-- $3 text  S256 of the verifier, null if there was none
-- $4 text  redirect URI, null if there was none
-- $5 text  resource, null if there was none
-- $6 uuid  access token id
-- $7 bytea  access token hash
-- $8 uuid  refresh token id, null if the client may not refresh
-- $9 bytea  refresh token hash
-- $10 text  the primary pepper's id
-- $11 int8  seconds that the access token lives
-- $12 text  request id, for the audit trail
select outcome, grant_id, subject, operation_id, resource, scope, expires_in
from gatehouse.code_redeem($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: refresh_peek :one
-- for: oauth
-- $1 bytea[]  hashes of the refresh token
select grant_id, used from gatehouse.refresh_peek($1);

-- name: token_refresh :one
-- for: oauth
-- $1 bytea[]  hashes of the refresh token
-- $2 text  client_id
-- $3 text  scope, null for all
-- $4 text  resource, null if there was none
-- $5 uuid  access token id
-- $6 bytea  access token hash
-- $7 uuid  refresh token id
-- $8 bytea  refresh token hash
-- $9 text  the pepper's id
-- $10 bytea  the new pair, sealed under the presented token
-- $11 int8  seconds that the access token lives
-- $12 int4  seconds of grace for a repetition
-- $13 text  request id, for the audit trail
select outcome, grant_id, subject, operation_id, resource, scope, expires_in, pair
from gatehouse.token_refresh($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: token_introspect :one
-- for: oauth
-- $1 bytea[]  hashes of the access token, the primary pepper's first
-- $2 text  the primary pepper's id
select token_id, client_id, subject, scope, resource, operation_id, issued_at, expires_at
from gatehouse.token_introspect($1, $2);

-- name: token_revoke :one
-- for: oauth
-- $1 bytea[]  hashes of the token
-- $2 text  client_id
-- $3 text  request id, for the audit trail
select outcome, kind, grant_id, subject, operation_id
from gatehouse.token_revoke($1, $2, $3);
