-- Stores synthetic calls, to see how the operators' pages behave with many (bench/panels runs it):
--
--     psql -v calls=100000000 -v days=90 -v parts=2 -v part=0 -f bench/calls.sql DATABASE    # and part=1 beside it
--
-- A day's calls go in by one statement, into a table that is emptied in the same transaction, which spares the log. For a database
-- made by `gatehousectl migrate` and used for nothing else.
\set ON_ERROR_STOP on
\if :{?calls} \else \set calls 1000000 \endif
\if :{?days} \else \set days 90 \endif
\if :{?parts} \else \set parts 1 \set part 0 \endif
set search_path = gatehouse;
set synchronous_commit = off;
\ir calls-made.sql

create or replace function pg_temp.store(p_day date, p_calls bigint) returns void language sql as $$
insert into event_call (at, program, severity, request_id, operation_id, upstream_id, subject_id, client_id,
	client_name, auth_profile_id, upstream_auth_mode, http_method, transport, mcp_method, capability_type,
	capability_name, outcome, failure_origin, mcp_status, jsonrpc_error_code, reason_code, latency_us, gateway_us,
	upstream_us, bytes_in, bytes_out, tokens_in, tokens_out, client_ip, protocol_version)
select at, 'mcp', 'info', request_id, operation_id, upstream_id, subject_id, client_id, client_name, 'p:user-oauth',
	'user-oauth', 'POST', transport, mcp_method, capability_type, capability_name, outcome, failure_origin, mcp_status,
	jsonrpc_error_code, reason_code, latency_us, gateway_us, upstream_us, bytes_in, bytes_out, tokens_in, tokens_out,
	'192.0.2.1', '2025-06-18'
from pg_temp.made(p_day::timestamp at time zone 'UTC', interval '1 day', p_calls) where at < now();
$$;

select format('select gatehouse.event_day(''event_call'', %L)', (now() at time zone 'UTC')::date - d)
from generate_series(:days - 1, 0, -1) d where d % :parts = :part
\gexec
select format('begin; truncate gatehouse.event_call_%1$s; select pg_temp.store(%2$L, %3$s); commit',
	to_char(day, 'YYYYMMDD'), day, (:calls / :days)::bigint)
from (select (now() at time zone 'UTC')::date - d as day from generate_series(:days - 1, 0, -1) d where d % :parts = :part) d
\gexec
