-- The operators' pages: see sql/fn/console.sql.

-- name: session_mark_admin :exec
-- for: oauth
-- $1 bytea  hash of the session cookie
-- $2 text[]  marks
select gatehouse.session_mark_admin($1, $2);

-- name: session_of_admin :many
-- for: console
-- $1 bytea[]  hashes of the session cookie
select subject, name, email, marks from gatehouse.session_of_admin($1);

-- name: console_users :many
-- for: console
-- $1 text  search
-- $2 text  subjects after this one
-- $3 int4  rows at most
select subject, name, email, sessions, grants, connections, last_used from gatehouse.console_users($1, $2, $3);

-- name: console_sessions :many
-- for: console
-- $1 text  search
-- $2 text  behind this place, or ''
-- $3 int4  rows at most
select subject, name, email, begun, ends, place from gatehouse.console_sessions($1, $2, $3);

-- name: console_clients :many
-- for: console
-- $1 text  search
-- $2 text  ids after this one
-- $3 int4  rows at most
select client_id, name, kind, auth_method, redirect_uris, created, last_used, grants
from gatehouse.console_clients($1, $2, $3);

-- name: console_connections :many
-- for: console
-- $1 text  subject, or null
-- $2 text  upstream, or null
-- $3 uuid  after this one
-- $4 int4  rows at most
select connection_id, upstream_id, subject, state, state_reason, issuer, scope, created, refreshed, expires
from gatehouse.console_connections($1, $2, $3, $4);

-- name: console_upstreams :many
-- for: console
select upstream_id, connected, lost, calls, failed, p95_us from gatehouse.console_upstreams();

-- name: console_grant :many
-- for: console
-- $1 uuid  grant
select subject, client_name, operation_id from gatehouse.console_grant($1);

-- name: connection_end :one
-- for: console
-- $1 uuid  connection
-- $2 text  who did it
-- $3 text  request id
select outcome from gatehouse.connection_end($1, $2, $3);

-- name: sessions_end :one
-- for: console
-- $1 text  subject
-- $2 text  who did it
-- $3 text  request id
select sessions from gatehouse.sessions_end($1, $2, $3);
