-- Sign-ins without an application: see sql/fn/sign-in.sql.

-- name: sign_in_begin :exec
-- for: oauth
-- $1 uuid  of this attempt
-- $2 bytea  hash of its cookie
-- $3 text  pepper_id of the hash
-- $4 bytea  where to go then, sealed
-- $5 int8  seconds that it may take
select gatehouse.sign_in_begin($1, $2, $3, $4, $5);

-- name: sign_in_done :one
-- for: oauth
-- $1 uuid  of the attempt
-- $2 bytea[]  hashes of its cookie
select return_to from gatehouse.sign_in_done($1, $2);
