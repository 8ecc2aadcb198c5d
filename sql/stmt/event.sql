-- name: events_step :exec
-- for: oauth consent connect mcp console
-- $1 int4  days that events are kept; 0: all of them
select gatehouse.events_step($1);

-- One element of each array is an event.
-- name: events_add_call :exec
-- for: oauth consent connect mcp console
-- $1 uuid  id of the batch
-- $2 text  who writes
-- $3 timestamptz[]  when
-- $4 text[]  severity
-- $5 text[]  request_id
-- $6 text[]  operation_id
-- $7 text[]  upstream_id
-- $8 text[]  subject_id
-- $9 text[]  client_id
-- $10 text[]  client_name
-- $11 text[]  auth_profile_id
-- $12 text[]  upstream_auth_mode
-- $13 text[]  http_method
-- $14 text[]  transport
-- $15 text[]  mcp_method
-- $16 text[]  capability_type
-- $17 text[]  capability_name
-- $18 text[]  outcome
-- $19 text[]  failure_origin
-- $20 int8[]  mcp_status
-- $21 int8[]  jsonrpc_error_code
-- $22 text[]  error_type
-- $23 text[]  reason_code
-- $24 int8[]  latency_us
-- $25 int8[]  gateway_us
-- $26 int8[]  upstream_us
-- $27 int8[]  bytes_in
-- $28 int8[]  bytes_out
-- $29 text[]  client_ip
-- $30 text[]  protocol_version
-- $31 text[]  session_digest
-- $32 text[]  grant_id
-- $33 text[]  err_name
-- $34 text[]  err_message
-- $35 text[]  cause_message
select gatehouse.events_add_call(
	$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
	$20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35
);

-- One element of each array is an event.
-- name: events_add_auth :exec
-- for: oauth consent connect mcp console
-- $1 uuid  id of the batch
-- $2 text  who writes
-- $3 timestamptz[]  when
-- $4 text[]  severity
-- $5 text[]  name
-- $6 text[]  request_id
-- $7 text[]  operation_id
-- $8 text[]  upstream_id
-- $9 text[]  subject_id
-- $10 text[]  client_id
-- $11 text[]  client_name
-- $12 text[]  auth_profile_id
-- $13 text[]  upstream_auth_mode
-- $14 text[]  http_method
-- $15 text[]  outcome
-- $16 text[]  failure_origin
-- $17 int8[]  mcp_status
-- $18 text[]  error_type
-- $19 text[]  reason_code
-- $20 int8[]  latency_us
-- $21 text[]  client_ip
-- $22 text[]  redirect_host
-- $23 text[]  grant_id
-- $24 text[]  err_name
-- $25 text[]  err_message
-- $26 text[]  cause_message
select gatehouse.events_add_auth(
	$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
	$20, $21, $22, $23, $24, $25, $26
);

-- One element of each array is an event.
-- name: events_add_policy :exec
-- for: oauth consent connect mcp console
-- $1 uuid  id of the batch
-- $2 text  who writes
-- $3 timestamptz[]  when
-- $4 text[]  severity
-- $5 text[]  name
-- $6 text[]  request_id
-- $7 text[]  operation_id
-- $8 text[]  upstream_id
-- $9 text[]  subject_id
-- $10 text[]  client_id
-- $11 text[]  client_name
-- $12 text[]  http_method
-- $13 text[]  mcp_method
-- $14 text[]  capability_type
-- $15 text[]  capability_name
-- $16 text[]  outcome
-- $17 int8[]  mcp_status
-- $18 text[]  reason_code
-- $19 int8[]  latency_us
-- $20 text[]  client_ip
-- $21 text[]  query
-- $22 text[]  grant_id
select gatehouse.events_add_policy(
	$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
	$20, $21, $22
);
