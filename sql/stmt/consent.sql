-- name: grants_of_session :many
-- for: consent
-- $1 bytea[]  hashes of the session cookie
-- $2 int4  rows at most
select grant_id, client_name, operation_id, since, last_used
from gatehouse.grants_of_session($1, $2);

-- name: grant_revoke_own :one
-- for: consent
-- $1 bytea[]  hashes of the session cookie
-- $2 uuid  grant_id
-- $3 text  request id, for the audit trail
select outcome, client_id, client_name, operation_id, subject
from gatehouse.grant_revoke_own($1, $2, $3);
