-- name: maintenance_step :one
-- for: admin
-- $1 int4  days that events are kept; 0: all of them
-- $2 int4  days that sums of them are kept; 0: all of them
-- $3 int4  rows of each kind that one batch removes
select ran, days_made, days_dropped, batches, expired, summing
from gatehouse.maintenance_step($1, $2, $3);

-- name: rollup_lag :many
-- for: admin console
select watermark, behind_s, late from gatehouse.rollup_lag();
