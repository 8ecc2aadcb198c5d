-- Rate limits and quotas: see sql/fn/rate.sql.

-- name: rate_take :one
-- for: mcp
-- $1 bytea[]  keys, in order, each once
-- $2 int8[]  how much of each
-- $3 int8  the window, in milliseconds
-- $4 int8  how much is allowed in it
select wait_ms from gatehouse.rate_take($1, $2, $3, $4);

-- name: rate_add :many
-- for: mcp
-- $1 uuid  id of the batch
-- $2 bytea[]  keys, in order, each once
-- $3 int8[]  how much of each since the last batch
-- $4 int8[]  their windows, in milliseconds
select rate_key, n, before, passed_ms from gatehouse.rate_add($1, $2, $3, $4);

-- name: quota_take :one
-- for: mcp
-- $1 bytea  key
-- $2 int8  how much
-- $3 int8  how much is allowed in a period
-- $4 text  period: hourly, daily, weekly, monthly
-- $5 timestamptz  where periods begin; null: the first call
select wait_ms, starts_at from gatehouse.quota_take($1, $2, $3, $4, $5);

-- name: quota_settle :exec
-- for: mcp
-- $1 uuid  id of the batch
-- $2 bytea[]  keys, in order
-- $3 timestamptz[]  the period that each was taken in
-- $4 int8[]  how much more
select gatehouse.quota_settle($1, $2, $3, $4);
