-- Events on their way out: see sql/fn/forward.sql. A page has the columns of `enum piece_column` (src/keeper/told.h).

-- name: forward_next :many
-- for: consent admin
-- $1 text  destination
-- $2 uuid  who asks
-- $3 int8  how many may wait for it
-- $4 text[]  families: call, auth, policy, audit
-- $5 int4  events, about
-- $6 text  transaction up to which it has come meanwhile, null: not further
-- $7 int8  batch
-- $8 int4  events that were taken
-- $9 int4  events that were refused
select layout, tx, batch, family, node, program, body from gatehouse.forward_next($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: events_follow :many
-- for: admin
-- $1 text  transaction, null for the end
-- $2 int8  batch
-- $3 text[]  families: call, auth, policy, audit
-- $4 int4  events, about
select layout, tx, batch, family, node, program, body from gatehouse.events_follow($1, $2, $3, $4);

-- name: events_between :many
-- for: admin
-- $1 text  family
-- $2 text  from this time on
-- $3 uuid  and after this id
-- $4 timestamptz  before
-- $5 int4  events at most
select layout, tx, batch, family, node, program, body from gatehouse.events_between($1, $2, $3, $4, $5);

-- name: tools_do :many
-- for: consent admin
-- $1 text[]  operation_id
-- $2 text[]  name
select operation, name, does from gatehouse.tools_do($1, $2);

-- name: forward_done :one
-- for: consent admin
-- $1 text  destination
-- $2 uuid  who asks
-- $3 text  transaction
-- $4 int8  batch
-- $5 int4  events that were taken
-- $6 int4  events that were refused
select gatehouse.forward_done($1, $2, $3, $4, $5, $6);

-- name: forward_failed :exec
-- for: consent admin
-- $1 text  destination
-- $2 uuid  who asks
-- $3 text  why
-- $4 int8  milliseconds until the next try
select gatehouse.forward_failed($1, $2, $3, $4);

-- name: forward_release :exec
-- for: consent admin
-- $1 uuid  who asks
select gatehouse.forward_release($1);

-- name: forward_list :many
-- for: admin
select name, sent, dropped, waiting, failed, failed_since, seen_at from gatehouse.forward_list();

-- name: forward_forget :one
-- for: admin
-- $1 text  destination
select gatehouse.forward_forget($1);

-- name: event_lost :exec
-- for: oauth consent connect mcp console
-- $1 text  who
-- $2 int8  how many
-- $3 text  why
select gatehouse.event_lost($1, $2, $3);

-- name: metrics_step :exec
-- for: consent admin
-- $1 int4  batches at most
select gatehouse.metrics_step($1);

-- name: metrics_calls :many
-- for: consent admin
-- $1 text  machine
select operation, upstream, capability, method, outcome, origin, n, sum_us, buckets
from gatehouse.metrics_calls($1);

-- name: metrics_auths :many
-- for: consent admin
-- $1 text  machine
select name, outcome, n from gatehouse.metrics_auths($1);

-- name: metrics_books :many
-- for: consent admin
select name, label, n from gatehouse.metrics_books();
