-- Alerts: see sql/fn/alert.sql.

-- name: alerts_judge_step :exec
-- for: consent admin
-- $1 int4  failed calls of a million, 0: not judged
-- $2 int4  milliseconds of the 95th percentile, 0: not judged
-- $3 int4  calls below which a route is not judged
-- $4 int4  days before the end of a shared connection, 0: not judged
select gatehouse.alerts_judge($1::int4 / 1000000.0::float8, $2, $3, $4);

-- name: alerts_take_step :many
-- for: consent admin
-- $1 text  who is told
select alert_id, is_over, kind, subject, text, remedy, at from gatehouse.alerts_take($1);

-- name: alerts_told :exec
-- for: consent admin
-- $1 text  who was told
-- $2 int8[]  alerts
-- $3 int8[]  1: that it is over
select gatehouse.alerts_told($1, $2, $3);

-- name: alerts_open :many
-- for: console admin
select kind, subject, text, remedy, raised_at from gatehouse.alerts_open();
