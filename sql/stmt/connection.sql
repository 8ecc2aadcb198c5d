-- Connections to upstreams: see sql/fn/connection.sql.

-- name: registration_find :one
-- for: connect
-- $1 text  upstream id
-- $2 text  issuer
-- $3 text  our callback
select registration_id, client_id, client_secret, auth_method
from gatehouse.registration_find($1, $2, $3);

-- name: registration_put :one
-- for: connect
-- $1 uuid  registration_id
-- $2 text  upstream id
-- $3 text  issuer
-- $4 text  our callback
-- $5 text  client_id
-- $6 bytea  client secret, sealed; null: none
-- $7 text  token_endpoint_auth_method
-- $8 int8  when the secret expires, seconds since 1970; null: never
-- $9 text  request id, for the audit trail
select registration_id, client_id, client_secret, auth_method
from gatehouse.registration_put($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: registration_drop :exec
-- for: connect
-- $1 uuid  registration_id
select gatehouse.registration_drop($1);

-- name: registration_pin :one
-- for: connect
-- $1 uuid  row, if there is none yet
-- $2 text  upstream
-- $3 text  issuer
-- $4 text  client
-- $5 text  request id, for the audit trail
select issuer from gatehouse.registration_pin($1, $2, $3, $4, $5);

-- name: connect_begin :one
-- for: connect
-- $1 uuid  ticket
-- $2 int8  seconds that the ticket may live
-- $3 uuid  attempt
-- $4 bytea  hash of the state
-- $5 bytea  hash of the attempt's cookie
-- $6 text  pepper_id of both
-- $7 text  upstream id
-- $8 text  subject; empty: the shared connection
-- $9 text  operation_id
-- $10 uuid  authorization request to go back to; null: none
-- $11 bytea  PKCE verifier, sealed
-- $12 text  issuer
-- $13 bool  the server says that it sends iss
-- $14 text  resource
-- $15 text  scope
-- $16 text  token endpoint
-- $17 text  revocation endpoint; null: none
-- $18 text  what kind of client we are
-- $19 text  client_id
-- $20 uuid  registration_id; null: none
-- $21 text  token_endpoint_auth_method
-- $22 text  our callback
-- $23 int8  seconds that the attempt may take
select outcome from gatehouse.connect_begin($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
	$14, $15, $16, $17, $18, $19, $20, $21, $22, $23);

-- name: connect_take :one
-- for: connect
-- $1 uuid  attempt
-- $2 bytea[]  hashes of the state
-- $3 bytea[]  hashes of the attempt's cookie
-- $4 bytea[]  hashes of the session cookie
-- $5 text  upstream id
-- $6 uuid  of this use
select outcome, subject, operation_id, request_id, verifier, issuer, iss_required, resource, scope,
	token_endpoint, revocation_endpoint, client_kind, client_id, registration_id, client_secret,
	auth_method, redirect_uri
from gatehouse.connect_take($1, $2, $3, $4, $5, $6);

-- name: connection_put :exec
-- for: connect
-- $1 uuid  connection_id
-- $2 text  upstream id
-- $3 text  subject; empty: the shared connection
-- $4 text  issuer
-- $5 text  resource
-- $6 text  token endpoint
-- $7 text  revocation endpoint; null: none
-- $8 text  what kind of client we are
-- $9 text  client_id
-- $10 uuid  registration_id; null: none
-- $11 text  scope that was asked for
-- $12 text  scope that was given
-- $13 bytea  access token, sealed
-- $14 bytea  refresh token, sealed; null: none
-- $15 int8  seconds that the access token lives; null: unknown
-- $16 text  request id, for the audit trail
select gatehouse.connection_put($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: connection_wants :one
-- for: connect
-- $1 text  upstream id
-- $2 text  subject; empty: the shared connection
select scope from gatehouse.connection_wants($1, $2);

-- name: connection_drop_own :one
-- for: connect
-- $1 bytea[]  hashes of the session cookie
-- $2 text  upstream id
-- $3 text  request id, for the audit trail
select connection_id, subject, issuer, revocation_endpoint, client_kind, client_id, registration_id,
	client_secret, auth_method, access_token, refresh_token, resource, token_endpoint
from gatehouse.connection_drop_own($1, $2, $3);

-- name: connection_state :one
-- for: consent
-- $1 bytea[]  hashes of the session cookie
-- $2 text  upstream id
-- $3 bool  the shared connection
select state from gatehouse.connection_state($1, $2, $3);

-- name: connections_of_session :many
-- for: consent
-- $1 bytea[]  hashes of the session cookie
-- $2 int4  rows at most
select upstream_id, state, issuer, scope, since from gatehouse.connections_of_session($1, $2);

-- name: connection_find :one
-- for: mcp
-- $1 text  upstream id
-- $2 text  subject; empty: the shared connection
select connection_id, state, issuer, resource, client_kind, client_id, access_token, refreshable,
	expires_in_ms, generation, requested_scope, scope, token_endpoint, revocation_endpoint
from gatehouse.connection_find($1, $2);

-- name: connection_lease :one
-- for: mcp
-- $1 uuid  connection_id
-- $2 int4  generation that is to be refreshed
-- $3 uuid  of this refresh
-- $4 int4  seconds that it may take
select outcome, generation, upstream_id, subject, issuer, resource, token_endpoint, client_kind,
	client_id, registration_id, client_secret, auth_method, access_token, refresh_token,
	revocation_endpoint
from gatehouse.connection_lease($1, $2, $3, $4);

-- name: connection_renew :one
-- for: mcp
-- $1 uuid  connection_id
-- $2 int4  generation that was refreshed
-- $3 uuid  of this refresh
-- $4 bytea  access token, sealed
-- $5 bytea  refresh token, sealed; null: the old one stays
-- $6 int8  seconds that the access token lives; null: unknown
-- $7 text  scope; null: unchanged
select outcome from gatehouse.connection_renew($1, $2, $3, $4, $5, $6, $7);

-- name: connection_release :exec
-- for: mcp
-- $1 uuid  connection_id
-- $2 uuid  of this refresh
select gatehouse.connection_release($1, $2);

-- name: connection_lose :one
-- for: mcp
-- $1 uuid  connection_id
-- $2 int4  generation that was refused
-- $3 text  why
-- $4 text  request id, for the audit trail
select outcome from gatehouse.connection_lose($1, $2, $3, $4);

-- name: connection_want :exec
-- for: mcp
-- $1 uuid  connection_id
-- $2 text  scopes
select gatehouse.connection_want($1, $2);
