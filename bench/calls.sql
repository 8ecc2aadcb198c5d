-- Stores synthetic calls, to see how the operators' pages behave with many:
--
--     psql -v calls=100000000 -v days=90 -f bench/calls.sql DATABASE
--     gatehousectl maintenance
--
-- 30 routes with ten tools each, of which few are called much; 2,000 users; 12 clients; durations spread as real
-- ones are, a tail included; 3 % do not succeed. A day's calls go in by one statement each. For a database made
-- by `gatehousectl migrate` and used for nothing else.
\set ON_ERROR_STOP on
\if :{?calls} \else \set calls 1000000 \endif
\if :{?days} \else \set days 90 \endif
set search_path = gatehouse;
set synchronous_commit = off;

create or replace function pg_temp.store(p_day date, p_calls bigint) returns void language sql as $$
insert into event_call (at, program, severity, request_id, operation_id, upstream_id, subject_id, client_id,
	client_name, auth_profile_id, upstream_auth_mode, http_method, transport, mcp_method, capability_type,
	capability_name, outcome, failure_origin, mcp_status, jsonrpc_error_code, reason_code, latency_us, gateway_us,
	upstream_us, bytes_in, bytes_out, tokens_in, tokens_out, client_ip, protocol_version, grant_id)
select at, 'mcp', 'info', md5(at::text || n), 'route-' || route, 'upstream-' || route % 12,
	'https://login.example.com/|user-' || who, 'client-' || who % 400, 'Client ' || who % 12, 'p:user-oauth',
	'user-oauth', 'POST', case when route % 3 = 0 then 'sse' else 'json' end,
	case when listing then 'tools/list' else 'tools/call' end, case when not listing then 'tool' end,
	case when not listing then 'tool-' || route || '-' || tool end, o.outcome, o.origin, o.status, o.code, o.reason,
	spent, least(spent, 300 + (spent % 900)), greatest(spent - 300 - (spent % 900), 0), 300 + n % 700,
	400 + spent % 40000, 40 + n % 200, 100 + spent % 9000, '192.0.2.1', '2025-06-18',
	'00000000-0000-4000-8000-000000000000'
from (
	select n, p_day::timestamp at time zone 'UTC' + interval '1 day' * (n::double precision / p_calls) as at,
		floor(30 * power(random(), 2))::int as route, floor(10 * power(random(), 2))::int as tool,
		floor(2000 * power(random(), 2))::int as who, random() < 0.1 as listing, random() as luck,
		-- two normals of one: a body about 120 ms and a tail
		(exp(11.7 + 0.9 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))
			* case when random() < 0.04 then 12 else 1 end)::bigint as spent
	from generate_series(0, p_calls - 1) n
) c
cross join lateral (select
	case when luck < 0.97 then 'success' when luck < 0.98 then 'application_error' when luck < 0.99 then 'denied'
		when luck < 0.995 then 'failure' when luck < 0.998 then 'connect_required' else 'cancelled' end as outcome,
	case when luck < 0.97 then null when luck < 0.98 then 'upstream' when luck < 0.99 then 'client'
		when luck < 0.995 then 'upstream' when luck < 0.998 then null else 'client' end as origin,
	case when luck >= 0.98 and luck < 0.99 then 401 when luck >= 0.99 and luck < 0.995 then 502 else 200 end as status,
	case when luck >= 0.97 and luck < 0.98 then -32602 when luck >= 0.995 and luck < 0.998 then -32042 end as code,
	case when luck < 0.97 then null when luck < 0.98 then 'jsonrpc_error' when luck < 0.99 then 'expired_token'
		when luck < 0.995 then 'upstream_timeout' when luck < 0.998 then 'connect_required'
		else 'client_closed' end as reason) o
where at < now();
$$;

select format('select gatehouse.event_day(''event_call'', %1$L); select pg_temp.store(%1$L, %2$s)',
	(now() at time zone 'UTC')::date - d, (:calls / :days)::bigint)
from generate_series(:days - 1, 0, -1) d
\gexec
delete from rollup_call;
delete from rollup_side;
delete from rollup_user;
delete from rollup_state;
analyze event_call;
