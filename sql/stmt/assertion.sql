-- Connections by identity assertion: see sql/fn/assertion.sql.

-- name: assertion_lease :one
-- for: mcp
-- $1 uuid  connection_id, if there is none yet
-- $2 text  upstream id
-- $3 text  subject
-- $4 text  issuer of the resource's authorization server
-- $5 text  resource
-- $6 text  its token endpoint
-- $7 text  our client_id there
-- $8 text  scope
-- $9 int4  generation that does not serve; 0: none does
-- $10 uuid  of this exchange
-- $11 int4  seconds that it may take
select outcome, connection_id, generation, access_token
from gatehouse.assertion_lease($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: assertion_find :one
-- for: mcp
-- $1 text  subject
select login_id, issuer, tokens from gatehouse.assertion_find($1);

-- name: assertion_renew :one
-- for: mcp
-- $1 uuid  login_id
-- $2 uuid  of this renewal
-- $3 int4  seconds that it may take
select outcome, tokens from gatehouse.assertion_renew($1, $2, $3);

-- name: assertion_adopt :one
-- for: connect
-- $1 bytea[]  hashes of the session cookie
-- $2 int8  seconds that the session may be old
select outcome from gatehouse.assertion_adopt($1, $2);
