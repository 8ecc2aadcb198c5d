-- Calls that never happened, as rows: 30 routes with ten tools each, of which few are called much; 2,000 users; 12 clients;
-- durations spread as real ones are, a tail included; 3 % do not succeed.
create or replace function pg_temp.made(p_from timestamptz, p_length interval, p_calls bigint)
returns table (at timestamptz, request_id text, operation_id text, upstream_id text, subject_id text, client_id text,
	client_name text, transport text, mcp_method text, capability_type text, capability_name text, outcome text,
	failure_origin text, mcp_status bigint, jsonrpc_error_code bigint, reason_code text, latency_us bigint,
	gateway_us bigint, upstream_us bigint, bytes_in bigint, bytes_out bigint, tokens_in bigint, tokens_out bigint)
language sql as $$
select c.at, md5(c.at::text || n), 'route-' || route, 'upstream-' || route % 12,
	'https://id.example.com|user-' || who, 'client-' || who % 400, 'Client ' || who % 12,
	case when route % 3 = 0 then 'sse' else 'json' end,
	case when listing then 'tools/list' else 'tools/call' end, case when not listing then 'tool' end,
	case when not listing then 'tool-' || route || '-' || tool end, o.outcome, o.origin, o.status, o.code, o.reason,
	spent, least(spent, 300 + (spent % 900)), greatest(spent - 300 - (spent % 900), 0), 300 + n % 700,
	400 + spent % 40000, 40 + n % 200, 100 + spent % 9000
from (
	select n, p_from + p_length * (n::double precision / p_calls) as at,
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
$$;
