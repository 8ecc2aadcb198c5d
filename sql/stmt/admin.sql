-- gatehousectl: see sql/fn/admin.sql for what each answers.

-- name: user_list :many
-- for: admin
-- $1 text  subjects after this one
-- $2 int4  rows at most
select subject, name, email, sessions, grants, last_used from gatehouse.user_list($1, $2);

-- name: user_sessions :many
-- for: admin console
-- $1 text  subject
select name, email, begun, ends from gatehouse.user_sessions($1);

-- name: user_revoke :one
-- for: admin console
-- $1 text  subject
-- $2 text  who did it
-- $3 text  mark of the run
select sessions, grants from gatehouse.user_revoke($1, $2, $3);

-- name: client_list :many
-- for: admin
-- $1 text  client ids after this one
-- $2 int4  rows at most
select client_id, name, kind, auth_method, created, last_used, grants
from gatehouse.client_list($1, $2);

-- name: client_revoke :one
-- for: admin console
-- $1 text  client_id
-- $2 text  why
-- $3 text  who did it
-- $4 text  mark of the run
select outcome, grants from gatehouse.client_revoke($1, $2, $3, $4);

-- name: grant_list :many
-- for: admin console
-- $1 text  subject, null for all
-- $2 text  client_id, null for all
-- $3 uuid  grants after this one
-- $4 int4  rows at most
select grant_id, subject, client_id, client_name, operation_id, scope, created, last_used, expires,
	redeemed
from gatehouse.grant_list($1, $2, $3, $4);

-- name: grant_revoke :one
-- for: admin console
-- $1 uuid  grant_id
-- $2 text  who did it
-- $3 text  mark of the run
select outcome from gatehouse.grant_revoke($1, $2, $3);

-- name: pepper_rows :many
-- for: admin
-- $1 text  the key's id
select kind, n, gone_by from gatehouse.pepper_rows($1);

-- name: pepper_revoke :one
-- for: admin
-- $1 text  the key's id
-- $2 int4  rows of each kind at most
-- $3 text  who did it
-- $4 text  mark of the run
select gatehouse.pepper_revoke($1, $2, $3, $4);
