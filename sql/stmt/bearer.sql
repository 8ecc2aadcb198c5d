-- Access tokens at a route: see sql/fn/bearer.sql.

-- name: bearer_find :one
-- for: mcp
-- $1 bytea[]  the token's hashes under every usable pepper, the primary's first
-- $2 text  the primary pepper's id
select outcome, token_id, grant_id, client_id, client_name, subject, scope, resource, operation_id,
	expires_in_ms, grant_expires_in_ms, claims
from gatehouse.bearer_find($1, $2);

-- name: lists_changed :exec
-- for: mcp
-- $1 text  operation_id of the route whose upstream has changed its lists: every process forgets them
select pg_notify('gatehouse_lists', 'lists:' || $1);
