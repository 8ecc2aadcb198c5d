-- name: events_step :exec
-- for: oauth consent connect mcp console
-- $1 int4  days that events are kept; 0: all of them
-- $2 int4  days that sums of them are kept; 0: all of them
select gatehouse.events_step($1, $2);

-- name: retention_set :exec
-- for: admin
-- $1 int4  days that events are kept; 0: all of them
-- $2 int4  days that sums of them are kept; 0: all of them
-- $3 text  who says so
-- $4 text  request id, for the audit trail
select gatehouse.retention_set($1, $2, $3, $4);

-- name: rollup_run :exec
-- for: oauth consent connect mcp console
-- $1 int4  days that events are kept; 0: all of them
-- $2 int4  days that sums of them are kept; 0: all of them
-- $3 int4  milliseconds, about
select gatehouse.rollup_run($1, $2, $3);

-- One element of each array is an event.
-- name: events_add_call :exec
-- for: oauth consent connect mcp console
-- $1 uuid  id of the batch
-- $2 text  who writes
-- $3 text  on which machine
-- $4 timestamptz[]  when
-- $5 text[]  severity
-- $6 text[]  request_id
-- $7 text[]  operation_id
-- $8 text[]  upstream_id
-- $9 text[]  subject_id
-- $10 text[]  client_id
-- $11 text[]  client_name
-- $12 text[]  auth_profile_id
-- $13 text[]  upstream_auth_mode
-- $14 text[]  http_method
-- $15 text[]  transport
-- $16 text[]  mcp_method
-- $17 text[]  capability_type
-- $18 text[]  capability_name
-- $19 text[]  outcome
-- $20 text[]  failure_origin
-- $21 int8[]  mcp_status
-- $22 int8[]  jsonrpc_error_code
-- $23 text[]  error_type
-- $24 text[]  reason_code
-- $25 int8[]  latency_us
-- $26 int8[]  gateway_us
-- $27 int8[]  upstream_us
-- $28 int8[]  bytes_in
-- $29 int8[]  bytes_out
-- $30 text[]  client_ip
-- $31 text[]  protocol_version
-- $32 text[]  session_digest
-- $33 text[]  grant_id
-- $34 text[]  err_name
-- $35 text[]  err_message
-- $36 text[]  cause_message
-- $37 uuid[]  event_id
-- $38 text[]  trace_parent
-- $39 text[]  trace_link
-- $40 text[]  rpc_id
-- $41 text[]  server_address
-- $42 int8[]  server_port
-- $43 int8[]  tokens_in
-- $44 int8[]  tokens_out
-- $45 text[]  arguments
-- $46 text[]  result
-- $47 text  all of them in one piece, or null
-- $48 int4  its layout
select gatehouse.events_add_call(
	$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
	$20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36,
	$37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48
);

-- One element of each array is a tool.
-- name: tools_listed :exec
-- for: mcp
-- $1 text  operation_id
-- $2 text[]  name
-- $3 int8[]  tokens of its definition
-- $4 text[]  what it says it does: read, create, update, delete
select gatehouse.tools_listed($1, $2, $3, $4);

-- One element of each array is an event.
-- name: events_add_auth :exec
-- for: oauth consent connect mcp console
-- $1 uuid  id of the batch
-- $2 text  who writes
-- $3 text  on which machine
-- $4 timestamptz[]  when
-- $5 text[]  severity
-- $6 text[]  name
-- $7 text[]  request_id
-- $8 text[]  operation_id
-- $9 text[]  upstream_id
-- $10 text[]  subject_id
-- $11 text[]  client_id
-- $12 text[]  client_name
-- $13 text[]  auth_profile_id
-- $14 text[]  upstream_auth_mode
-- $15 text[]  http_method
-- $16 text[]  outcome
-- $17 text[]  failure_origin
-- $18 int8[]  mcp_status
-- $19 text[]  error_type
-- $20 text[]  reason_code
-- $21 int8[]  latency_us
-- $22 text[]  client_ip
-- $23 text[]  redirect_host
-- $24 text[]  grant_id
-- $25 text[]  err_name
-- $26 text[]  err_message
-- $27 text[]  cause_message
-- $28 uuid[]  event_id
-- $29 text  all of them in one piece, or null
-- $30 int4  its layout
select gatehouse.events_add_auth(
	$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
	$20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30
);

-- One element of each array is an event.
-- name: events_add_policy :exec
-- for: oauth consent connect mcp console
-- $1 uuid  id of the batch
-- $2 text  who writes
-- $3 text  on which machine
-- $4 timestamptz[]  when
-- $5 text[]  severity
-- $6 text[]  name
-- $7 text[]  request_id
-- $8 text[]  operation_id
-- $9 text[]  upstream_id
-- $10 text[]  subject_id
-- $11 text[]  client_id
-- $12 text[]  client_name
-- $13 text[]  http_method
-- $14 text[]  mcp_method
-- $15 text[]  capability_type
-- $16 text[]  capability_name
-- $17 text[]  outcome
-- $18 int8[]  mcp_status
-- $19 text[]  reason_code
-- $20 int8[]  latency_us
-- $21 text[]  client_ip
-- $22 text[]  query
-- $23 text[]  grant_id
-- $24 uuid[]  event_id
-- $25 text[]  policy
-- $26 text[]  action
-- $27 text[]  finds
-- $28 int8[]  matches
-- $29 text  all of them in one piece, or null
-- $30 int4  its layout
select gatehouse.events_add_policy(
	$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
	$20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30
);
