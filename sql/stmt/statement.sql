-- What identity providers signed for one use: see sql/fn/statement.sql.

-- name: id_jag_redeem :one
-- for: oauth
-- $1 bytea  SHA-256 of issuer, subject and jti
-- $2 int8  exp
-- $3 int8  iat
-- $4 int8  nbf, null for none
-- $5 int4  seconds that the provider's clock may be ahead
-- $6 int4  seconds that an assertion may still live
-- $7 uuid  grant_id
-- $8 text  client_id
-- $9 text  subject
-- $10 bytea  what the assertion says, sealed
-- $11 text  resource
-- $12 text  operation_id
-- $13 text  scope
-- $14 uuid  access token id
-- $15 bytea  access token hash
-- $16 text  the pepper's id
-- $17 int8  seconds that the access token lives
-- $18 text  request id, for the audit trail
select outcome, expires_in
from gatehouse.id_jag_redeem($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
	$17, $18);

-- name: provider_logout :one
-- for: oauth
-- $1 text  issuer
-- $2 text  subject, null if only the session is known
-- $3 bytea  SHA-256 of issuer and sid, null for none
-- $4 text  request id, for the audit trail
-- $5 bytea  SHA-256 of issuer and jti
-- $6 uuid  of this use
-- $7 int4  seconds that it could serve again
select sessions, grants
from gatehouse.provider_logout_once($1, $2, $3, $4, $5, $6, $7);
