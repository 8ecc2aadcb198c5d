-- name: analytics_range :one
-- for: console
-- $1 timestamptz  from
-- $2 timestamptz  to
select extract(epoch from from_at)::bigint, extract(epoch from to_at)::bigint,
	extract(epoch from counted_to)::bigint
from gatehouse.analytics_range($1, $2);

-- name: analytics_panel :many
-- for: console
-- $1 text  panel
-- $2 timestamptz  from
-- $3 timestamptz  to
-- $4 int4  width of the bars, seconds
-- $5 text[]  filters: fields
-- $6 text[]  modes
-- $7 text[]  values
-- $8 text  order
-- $9 int4  rows
-- $10 int4  rows to skip
select key, key2, calls, failed, p95_us, latency_us, gateway_us, upstream_us, bytes_in, bytes_out,
	tokens_in, tokens_out, extract(epoch from since)::bigint
from gatehouse.analytics_panel($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: analytics_readings :many
-- for: console
-- $1 text  panels, separated by commas
-- $2 timestamptz  from
-- $3 timestamptz  to
-- $4 text[]  filters: fields
select array_to_string(r, ',') from gatehouse.analytics_readings(string_to_array($1, ','), $2, $3, $4) r;

-- name: analytics_panels :many
-- for: console
-- $1 text  panels of one reading, separated by commas
-- $2 timestamptz  from
-- $3 timestamptz  to
-- $4 text[]  filters: fields
-- $5 text[]  modes
-- $6 text[]  values
-- $7 int4  rows of each order
select key, key2, calls, failed, p95_us, latency_us, gateway_us, upstream_us, bytes_in, bytes_out,
	tokens_in, tokens_out, extract(epoch from since)::bigint, panel
from gatehouse.analytics_panels(string_to_array($1, ','), $2, $3, 0, $4, $5, $6, 'any', $7, 0);

-- name: analytics_calls :many
-- for: console
-- $1 timestamptz  from
-- $2 timestamptz  to
-- $3 text[]  filters: fields
-- $4 text[]  modes
-- $5 text[]  values
-- $6 timestamptz  before this, or null
-- $7 text  and this request id
-- $8 int4  rows
select (extract(epoch from at) * 1000000)::bigint, request_id, operation_id, mcp_method, capability_type,
	capability_name, subject_id, client_name, outcome, reason_code, mcp_status, latency_us
from gatehouse.analytics_calls($1, $2, $3, $4, $5, $6, $7, $8);

-- name: request_story :many
-- for: console admin
-- $1 text  request id
-- $2 timestamptz  about when; null: look for it
-- $3 int4  milliseconds to look for
select kind, (extract(epoch from at) * 1000000)::bigint, event from gatehouse.request_story($1, $2, $3);

-- name: analytics_tools :many
-- for: console
-- $1 timestamptz  from
-- $2 timestamptz  to
-- $3 int4  rows
-- $4 int4  rows to skip
select operation_id, name, tokens, extract(epoch from last_at)::bigint, calls, tools, all_tokens, unused,
	unused_tokens
from gatehouse.analytics_tools($1, $2, $3, $4);
