-- Sign-in through an identity provider: see sql/fn/login.sql.

-- name: login_return :one
-- for: oauth
-- $1 uuid  request_id
-- $2 bytea[]  hashes of the attempt's cookie
-- $3 uuid  of this return, null to look only
select outcome, client_id, client_name, operation_id from gatehouse.login_return($1, $2, $3);

-- name: login_finish :one
-- for: oauth
-- $1 bytea  hash of the new session cookie
-- $2 text  its pepper's id
-- $3 text  subject
-- $4 text  name
-- $5 text  email
-- $6 bytea  sealed claims
-- $7 int8  seconds until it expires
-- $8 uuid  the request that led to the sign-in
-- $9 bytea[]  hashes of the attempt's cookie
-- $10 bytea[]  hashes of the session cookie that the browser had, null for none
-- $11 text  request id, for the audit trail
-- $12 uuid  login_id
-- $13 text  the provider's issuer
-- $14 bytea  SHA-256 of issuer and sid, null for none
-- $15 bytea  sealed tokens of the provider, null for none
select outcome
from gatehouse.login_finish($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: session_logout :many
-- for: oauth
-- $1 bytea[]  hashes of the session cookie
-- $2 text  request id, for the audit trail
select subject, login_id, tokens from gatehouse.session_logout($1, $2);

-- name: provider_document_find :one
-- for: oauth mcp
-- $1 text  URL
select body, age, fresh_in, fetched_at from gatehouse.provider_document_find($1);

-- name: provider_document_put :exec
-- for: oauth mcp
-- $1 text  URL
-- $2 text  what stands there
-- $3 int8  seconds that it may be kept
select gatehouse.provider_document_put($1, $2, $3);

-- name: provider_document_ask :one
-- for: oauth mcp
-- $1 text  URL
-- $2 int4  seconds between two that ask
select may, asking from gatehouse.provider_document_ask($1, $2);

-- name: login_due :one
-- for: oauth
-- $1 uuid  grant_id
-- $2 int8  seconds that claims may be old
-- $3 uuid  of this renewal
-- $4 int4  seconds that it may take
select outcome, login_id, issuer, subject, tokens from gatehouse.login_due($1, $2, $3, $4);

-- name: login_renew :exec
-- for: oauth mcp
-- $1 uuid  login_id
-- $2 uuid  of this renewal
-- $3 text  'renewed', 'failed', 'kept' or 'lost'
-- $4 bytea  sealed claims, null for those that are there
-- $5 bytea  sealed tokens, null for those that are there
-- $6 text  request id, for the audit trail
select gatehouse.login_renew($1, $2, $3, $4, $5, $6);
