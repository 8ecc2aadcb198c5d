-- gatehousectl keys reencrypt and retire: see sql/fn/reencrypt.sql.

-- name: reencrypt_page :many
-- for: admin
-- $1 text  table
-- $2 text  the primary key's id
-- $3 text  rows after this one; empty: from the first on
-- $4 int4  rows at most
select row_id, subject, upstream_id, issuer, resource, token_endpoint, revocation_endpoint, first, second
from gatehouse.reencrypt_page($1, $2, $3, $4);

-- name: reencrypt_put :one
-- for: admin
-- $1 text  table
-- $2 int4  column: 1 or 2
-- $3 text[]  rows
-- $4 bytea[]  their cells as they were
-- $5 bytea[]  and as they are to be
select gatehouse.reencrypt_put($1, $2, $3, $4, $5);

-- name: sealed_rows :many
-- for: admin
-- $1 text  purpose
-- $2 text  the key's id
select kind, n, gone_by from gatehouse.sealed_rows($1, $2);
