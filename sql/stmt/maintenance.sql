-- name: maintenance_step :one
-- for: admin
-- $1 int4  days that events are kept; 0: all of them
-- $2 int4  rows of each kind that one batch removes
select ran, days_made, days_dropped, batches, expired from gatehouse.maintenance_step($1, $2);
