-- The audit chain: see sql/fn/audit.sql.

-- name: audit_next :many
-- for: consent admin
-- $1 int4  rows at most
select head_no, head_mac, audit_id, event_id, at, program, request_id, actor, action, object, client_id,
	detail
from gatehouse.audit_next($1);

-- name: audit_seal_add :one
-- for: consent admin
-- $1 int8  where the chain ended
-- $2 text  id of the key
-- $3 int8[]  rows, in order
-- $4 bytea[]  their MACs
select gatehouse.audit_seal_add($1, $2, $3, $4);

-- name: audit_chain :many
-- for: admin
-- $1 int8  places after this one
-- $2 int4  rows at most
select seal_no, key_id, mac, audit_id, event_id, at, program, request_id, actor, action, object, client_id,
	detail
from gatehouse.audit_chain($1, $2);

-- name: audit_loose :many
-- for: admin
-- $1 int8  rows after this one
-- $2 int4  rows at most
select audit_id, at from gatehouse.audit_loose($1, $2);

-- name: audit_waiting :one
-- for: admin
select gatehouse.audit_waiting();

-- name: audit_note :exec
-- for: admin
-- $1 text  action
-- $2 text  who did it
-- $3 text  what it was done to
-- $4 text  mark of the run
-- $5 jsonb  what was before and is now
select gatehouse.audit_note($1, $2, $3, $4, $5);

-- name: audit_anchor :exec
-- for: consent admin
-- $1 int8  place
select gatehouse.audit_anchor($1);
