-- Clients that are a document, key sets, assertions: see sql/fn/oauth-document.sql.

-- name: client_document_find :one
-- for: oauth
-- $1 text  client_id
select etag, age, fresh_in from gatehouse.client_document_find($1);

-- name: client_document_put :one
-- for: oauth
-- $1 text  client_id
-- $2 text  name
-- $3 text  token_endpoint_auth_method
-- $4 text[]  redirect URIs
-- $5 jsonb  the metadata that takes effect
-- $6 text  entity tag, null for none
-- $7 int8  seconds that it may be kept
-- $8 text  request id, for the audit trail
select outcome from gatehouse.client_document_put($1, $2, $3, $4, $5, $6, $7, $8);

-- name: client_document_touch :exec
-- for: oauth
-- $1 text  client_id
-- $2 int8  seconds that it may be kept
select gatehouse.client_document_touch($1, $2);

-- name: client_keys_find :one
-- for: oauth
-- $1 text  client_id
-- $2 text  where its keys are
select jwks, age, fresh_in from gatehouse.client_keys_find($1, $2);

-- name: client_keys_put :exec
-- for: oauth
-- $1 text  client_id
-- $2 text  where they came from
-- $3 text  the key set
-- $4 int8  seconds that it may be kept
select gatehouse.client_keys_put($1, $2, $3, $4);

-- name: assertion_use :one
-- for: oauth
-- $1 text  client_id
-- $2 bytea  SHA-256 of the jti
-- $3 uuid  of this use
-- $4 int8  exp
-- $5 int8  iat, null for none
-- $6 int8  nbf, null for none
-- $7 int4  seconds that the client's clock may be ahead
-- $8 int4  seconds that an assertion may still live
select outcome from gatehouse.assertion_use($1, $2, $3, $4, $5, $6, $7, $8);
