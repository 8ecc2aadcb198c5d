-- Calls, summed up: see sql/schema/0024-rollup.sql.
--
-- One step at a time, wherever it runs: rollup_step() holds an advisory lock. It takes batches of calls from the queue as a
-- destination of events does, so that each is counted once, however late it comes; and it moves sums from grain
-- to grain in pieces that are small enough for any statement_timeout.

-- The bucket of a duration: 1 below 0.01 s, 32 from 300 s on. Half octaves, bent so that the boundaries
-- which OpenTelemetry recommends are among them.
-- for: nobody
create or replace function gatehouse.latency_edges() returns bigint[]
language sql immutable parallel safe as $$
select array[10000, 14100, 20000, 27100, 36800, 50000, 70700, 100000, 141000, 200000, 271000, 368000,
	500000, 707000, 1000000, 1410000, 2000000, 2710000, 3680000, 5000000, 7070000, 10000000, 14400000,
	20800000, 30000000, 42400000, 60000000, 84900000, 120000000, 190000000, 300000000]::bigint[]
$$;

-- for: nobody
create or replace function gatehouse.latency_bucket(p_us bigint) returns int
language sql immutable parallel safe as $$
select width_bucket(p_us, array[10000, 14100, 20000, 27100, 36800, 50000, 70700, 100000, 141000, 200000,
	271000, 368000, 500000, 707000, 1000000, 1410000, 2000000, 2710000, 3680000, 5000000, 7070000,
	10000000, 14400000, 20800000, 30000000, 42400000, 60000000, 84900000, 120000000, 190000000,
	300000000]::bigint[]) + 1
$$;

-- One call in a histogram: a number whose twelve digits per bucket, the first bucket last, count calls. Such numbers are
-- added up by sum(numeric), twenty times as fast as arrays.
-- for: nobody
create or replace function gatehouse.latency_unit(p_us bigint) returns numeric
language sql immutable parallel safe as $$
select ('{1e0,1e12,1e24,1e36,1e48,1e60,1e72,1e84,1e96,1e108,1e120,1e132,1e144,1e156,1e168,1e180,1e192,1e204,1e216,1e228,1e240,1e252,1e264,1e276,1e288,1e300,1e312,1e324,1e336,1e348,1e360,1e372}'::numeric[])[width_bucket(p_us, array[10000, 14100, 20000, 27100, 36800, 50000, 70700, 100000, 141000, 200000,
	271000, 368000, 500000, 707000, 1000000, 1410000, 2000000, 2710000, 3680000, 5000000, 7070000,
	10000000, 14400000, 20800000, 30000000, 42400000, 60000000, 84900000, 120000000, 190000000,
	300000000]::bigint[]) + 1]
$$;

-- The duration below which the part P_Q of the calls of a histogram lies, in microseconds; null for none. It is looked for
-- from above. Within a bucket their density is taken to fall (by the logarithm of the duration) as it does from the bucket before to
-- the one after, or to be even where these have few calls.
-- for: nobody
create or replace function gatehouse.latency_quantile(p_histogram numeric, p_calls bigint, p_q double precision)
returns bigint
language plpgsql immutable parallel safe as $$
declare
	edges bigint[] := gatehouse.latency_edges();
	digits text := p_histogram::text;
	bucket int := (length(digits) + 11) / 12;
	n double precision;
	above double precision := 0;
	before double precision;
	below double precision := p_calls;
	width double precision;
	part double precision;
	slope double precision;
begin
	if coalesce(p_calls, 0) = 0 then
		return null;
	end if;
	digits := lpad(digits, bucket * 12, '0');
	for at in 0 .. bucket - 1 loop
		n := substr(digits, at * 12 + 1, 12)::bigint;
		below := below - n;
		if below < p_calls * p_q and n > 0 then
			before := coalesce(nullif(substr(digits, at * 12 + 13, 12), '')::bigint, 0);
			bucket := bucket - at;
			exit;
		end if;
		above := n;
	end loop;
	part := (p_calls * p_q - below) / n;
	if bucket = 1 then
		return (edges[1] * part)::bigint;
	elsif bucket = 32 then
		return edges[31];
	end if;
	width := ln(edges[bucket]::float8 / edges[bucket - 1]);
	if bucket between 3 and 30 and least(above, before) >= 10 then
		slope := ln(above / ln(edges[bucket + 1]::float8 / edges[bucket]) / before * ln(edges[bucket - 1]::float8 / edges[bucket - 2]))
			* width / (width + ln(edges[bucket + 1]::float8 / edges[bucket]) / 2 + ln(edges[bucket - 1]::float8 / edges[bucket - 2]) / 2);
		if abs(slope) > 0.01 then
			part := ln(1 + part * (exp(slope) - 1)) / slope;
		end if;
	end if;
	return (edges[bucket - 1] * exp(width * part))::bigint;
end $$;

-- How long a row of a grain is: five minutes, an hour, a day (UTC), a week (from Monday on).
-- for: nobody
create or replace function gatehouse.rollup_width(p_grain int) returns interval
language sql immutable parallel safe as $$
select case p_grain when 0 then interval '5 minutes' when 1 then interval '1 hour' when 2 then interval '1 day'
	else interval '7 days' end
$$;

-- The start of the row that P_AT lies in.
-- for: nobody
create or replace function gatehouse.rollup_floor(p_grain int, p_at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
select date_bin(case p_grain when 0 then interval '5 minutes' when 1 then interval '1 hour' when 2 then interval '1 day'
	else interval '7 days' end, p_at, timestamptz '2020-01-06 00:00:00+00')
$$;

-- for: nobody
create or replace function gatehouse.rollup_ceil(p_grain int, p_at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
select case when gatehouse.rollup_floor(p_grain, p_at) = p_at then p_at
	else gatehouse.rollup_floor(p_grain, p_at) + gatehouse.rollup_width(p_grain) end
$$;

-- All cubes, those that are read fastest first.
-- for: nobody
create or replace function gatehouse.rollup_cubes() returns text[]
language sql immutable parallel safe as $$
select '{end,user,call,client,habit,person,access,side,use}'::text[]
$$;

-- The numbers by which a cube, or rollup_recent, tells apart.
-- for: nobody
create or replace function gatehouse.rollup_keys(p_cube text) returns text[]
language sql immutable parallel safe as $$
select case p_cube when 'end' then '{c,e}'::text[] when 'call' then '{t,e}' when 'client' then '{c,t}' when 'side' then '{c,t,e}'
	when 'user' then '{u}' when 'habit' then '{u,t}' when 'person' then '{u,c,e}' when 'access' then '{u,t}'
	when 'use' then '{u,c,t,e}' when 'recent' then '{u,c,t,e}' end
$$;

-- The texts that it tells.
-- for: nobody
create or replace function gatehouse.rollup_columns(p_cube text) returns text[]
language sql immutable parallel safe as $$
select case when 'u' = any(k) then '{subject_id}'::text[] else '{}' end || case when 'c' = any(k) then '{client_name}'::text[] else '{}' end
	|| case when 't' <> all(k) then '{}'::text[] when p_cube = 'habit' then '{mcp_method,capability_type}'
		when p_cube = 'access' then '{operation_id,upstream_id}'
		else '{operation_id,upstream_id,mcp_method,capability_type,capability_name}' end
	|| case when 'e' = any(k) then '{transport,outcome,failure_origin,reason_code,code,status}'::text[] else '{}' end
from (select gatehouse.rollup_keys(p_cube)) c (k)
$$;

-- Cubes of people have many rows: eight parts, no durations, and hours for some days only.
-- for: nobody
create or replace function gatehouse.rollup_of_people(p_cube text) returns boolean
language sql immutable parallel safe as $$
select p_cube in ('user', 'habit', 'person', 'access')
$$;

-- The sums of a row, as a list of SELECT. (Whole numbers below 2^53 are exact as double precision, which is added up several
-- times as fast as bigint is.)
-- for: nobody
create or replace function gatehouse.rollup_sums(p_latency boolean) returns text
language sql immutable parallel safe as $$
select string_agg(format('coalesce(sum(%1$s::float8), 0)::bigint as %1$s', s), ', ' order by n)
	|| case when p_latency then ', sum(latency) as latency' else '' end
from unnest('{calls,failed,latency_us,gateway_us,upstream_us,bytes_in,bytes_out,tokens_in,tokens_out}'::text[])
	with ordinality u (s, n)
$$;

-- The statement that writes rows of a grain from P_SOURCE. Rows of one first number lie together; of `use`, those of what some users called.
-- for: nobody
create or replace function gatehouse.rollup_insert(p_cube text, p_grain int, p_source text) returns text
language sql immutable parallel safe as $$
select format('insert into gatehouse.rollup_%1$s select gatehouse.rollup_floor(%2$s, at) as at, %2$s, part, %3$s, %4$s
	from %5$s group by 1, part, %3$s order by part, %6$s',
	p_cube, p_grain, array_to_string(gatehouse.rollup_keys(p_cube), ', '), gatehouse.rollup_sums(not gatehouse.rollup_of_people(p_cube)),
	p_source, case when p_cube = 'use' then 'u & 63, t, u' else array_to_string(gatehouse.rollup_keys(p_cube), ', ') end)
$$;

-- Sums are written anew as long as their time is younger than this: it is told to five minutes. (A late call is told with
-- its hour.)
-- for: nobody
create or replace function gatehouse.rollup_slots_from(p_now timestamptz) returns timestamptz
language sql immutable parallel safe as $$
select gatehouse.rollup_floor(1, p_now - interval '70 minutes')
$$;

-- How long the hours of people are kept: what is older is read by the day, or from the calls.
-- for: nobody
create or replace function gatehouse.rollup_people_from(p_now timestamptz) returns timestamptz
language sql immutable parallel safe as $$
select gatehouse.rollup_floor(1, p_now) - interval '8 days'
$$;

-- for: nobody
create or replace function gatehouse.rollup_hash(p_1 text, p_2 text, p_3 text, p_4 text, p_5 text, p_6 text) returns bigint
language sql immutable parallel safe as $$
select hashtextextended(p_1 || chr(31) || p_2 || chr(31) || p_3 || chr(31) || p_4 || chr(31) || p_5 || chr(31) || p_6, 0)
$$;

-- Gives numbers to the texts of P_KEYS that have none. Beyond P_MOST of them (the most frequent come first: P_KEYS has in `id` how
-- often they were met) names that clients and upstreams choose are not told apart: same_as. Returns how many are new.
-- for: nobody
create or replace function gatehouse.rollup_learn_what(p_keys gatehouse.rollup_what[], p_most int) returns int
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	learnt int;
begin
	with missing as (
		select k.*, row_number() over (order by k.id desc) > p_most as many from unnest(p_keys) k
		where not exists (select from rollup_what d where (d.hash, d.operation_id, d.upstream_id, d.mcp_method, d.capability_type, d.capability_name)
			= (k.hash, k.operation_id, k.upstream_id, k.mcp_method, k.capability_type, k.capability_name)))
	insert into rollup_what (hash, operation_id, upstream_id, mcp_method, capability_type, capability_name, same_as)
	select hash, operation_id, upstream_id, mcp_method, capability_type, capability_name, case when many then 0 end from missing;
	get diagnostics learnt = row_count;
	if learnt = 0 then
		return 0;
	end if;
	with fresh as (
		select * from rollup_what where place is null),
	parts as (
		select operation_id, upstream_id, '' as mcp_method, '' as capability_type, '' as capability_name from fresh
		union select '', '', mcp_method, capability_type, '' from fresh
		union select '', '', '', '', ''
		union select operation_id, upstream_id, case when mcp_method <> '' then '(more)' else '' end, capability_type,
			case when capability_name <> '' then '(more)' else '' end from fresh where same_as = 0
		union select '', '', case when mcp_method <> '' then '(more)' else '' end, capability_type, '' from fresh where same_as = 0)
	insert into rollup_what (hash, operation_id, upstream_id, mcp_method, capability_type, capability_name)
	select rollup_hash(operation_id, upstream_id, mcp_method, capability_type, capability_name, ''), p.* from parts p
	where not exists (select from rollup_what d where d.same_as is null and (d.operation_id, d.upstream_id, d.mcp_method, d.capability_type, d.capability_name)
		= (p.operation_id, p.upstream_id, p.mcp_method, p.capability_type, p.capability_name)
		and d.hash = rollup_hash(p.operation_id, p.upstream_id, p.mcp_method, p.capability_type, p.capability_name, ''));
	update rollup_what w set same_as = m.id from rollup_what m
	where w.same_as = 0 and m.same_as is null and m.hash = rollup_hash(w.operation_id, w.upstream_id,
			case when w.mcp_method <> '' then '(more)' else '' end, w.capability_type, case when w.capability_name <> '' then '(more)' else '' end, '')
		and m.operation_id = w.operation_id and m.upstream_id = w.upstream_id and m.capability_type = w.capability_type;
	update rollup_what w set place = p.id, kind = k.id from rollup_what p, rollup_what k
	where w.place is null
		and p.hash = rollup_hash(w.operation_id, w.upstream_id, '', '', '', '')
		and (p.operation_id, p.upstream_id, p.mcp_method, p.capability_type, p.capability_name) = (w.operation_id, w.upstream_id, '', '', '')
		and k.hash = rollup_hash('', '', case when w.same_as > 0 and w.mcp_method <> '' then '(more)' else w.mcp_method end, w.capability_type, '', '')
		and (k.operation_id, k.upstream_id, k.capability_type, k.capability_name) = ('', '', w.capability_type, '');
	return learnt;
end $$;

-- for: nobody
create or replace function gatehouse.rollup_learn_how(p_keys gatehouse.rollup_how[], p_most int) returns int
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	learnt int;
begin
	with missing as (
		select k.*, row_number() over (order by k.id desc) > p_most as many from unnest(p_keys) k
		where not exists (select from rollup_how d where (d.hash, d.transport, d.outcome, d.failure_origin, d.reason_code, d.code, d.status)
			= (k.hash, k.transport, k.outcome, k.failure_origin, k.reason_code, k.code, k.status)))
	insert into rollup_how (hash, transport, outcome, failure_origin, reason_code, code, status, same_as)
	select hash, transport, outcome, failure_origin, reason_code, code, status, case when many then 0 end from missing;
	get diagnostics learnt = row_count;
	if learnt > p_most then
		insert into rollup_how (hash, transport, outcome, failure_origin, reason_code, code, status)
		select rollup_hash(transport, outcome, failure_origin, reason_code, code, status), p.*
		from (select distinct transport, outcome, failure_origin, reason_code, '(more)' as code, status from rollup_how where same_as = 0) p
		where not exists (select from rollup_how d where d.hash = rollup_hash(p.transport, p.outcome, p.failure_origin, p.reason_code, p.code, p.status));
		update rollup_how w set same_as = m.id from rollup_how m
		where w.same_as = 0 and m.same_as is null
			and m.hash = rollup_hash(w.transport, w.outcome, w.failure_origin, w.reason_code, '(more)', w.status);
	end if;
	return learnt;
end $$;

-- Names of users are all told apart: an identity provider vouches for each.
-- for: nobody
create or replace function gatehouse.rollup_learn_name(p_users text[], p_clients text[], p_most int) returns int
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	learnt int;
begin
	insert into rollup_name (hash, name)
	select hashtextextended(k, 0), k from unnest(p_users || '(more)'::text) k
	where not exists (select from rollup_name d where d.hash = hashtextextended(k, 0) and d.name = k);
	insert into rollup_name (hash, name, same_as)
	select hashtextextended(k, 0), k, case when row_number() over (order by n) > p_most
		then (select d.id from rollup_name d where d.hash = hashtextextended('(more)', 0) and d.name = '(more)') end
	from unnest(p_clients) with ordinality u (k, n)
	where not exists (select from rollup_name d where d.hash = hashtextextended(k, 0) and d.name = k);
	get diagnostics learnt = row_count;
	return learnt;
end $$;

-- Adds the calls of P_WHERE, none of which began before P_FROM, to rollup_recent: by groups of users of as many pages as there are groups, and in these by what they
-- called, so that a BRIN index finds one user's and one tool's. P_MOST: how many texts may be new. P_SPREAD: they are in the cubes already. Returns how many texts were new. (Hashing: sorting costs many times as much, which the planner does not see. Forbidden sorts look dear, for which
-- code would be compiled.) Calls are read once, and added up by the minute, of which all else is made: a busy gateway has far fewer of such sums than calls.
-- for: nobody
create or replace function gatehouse.rollup_take(p_where text, p_from timestamptz, p_most int, p_spread boolean) returns int
language plpgsql set search_path = gatehouse, pg_temp set enable_sort = off set enable_nestloop = off set enable_mergejoin = off set jit = off
	set work_mem = '32MB' set plan_cache_mode = force_generic_plan as $$
declare
	today date := (now() at time zone 'UTC')::date;
	sums rollup_minute[];
	whats rollup_what[];
	hows rollup_how[];
	users text[];
	clients text[];
	what_ids int[];
	how_ids int[];
	name_ids int[];
	learnt int;
	spread timestamptz := case when p_spread then '-infinity' else (select spread_to from rollup_cursor where only_one) end;
begin
	execute format('select array_agg(row(k.*)::rollup_minute) from (
		select date_bin(''1 minute'', at, ''2020-01-06 00:00:00+00'') as at, coalesce(operation_id, '''') as operation_id,
			coalesce(upstream_id, '''') as upstream_id, coalesce(mcp_method, '''') as mcp_method, coalesce(capability_type, '''') as capability_type,
			coalesce(capability_name, '''') as capability_name, coalesce(transport, '''') as transport, coalesce(outcome, '''') as outcome,
			coalesce(failure_origin, '''') as failure_origin, coalesce(reason_code, '''') as reason_code, jsonrpc_error_code as code,
			mcp_status as status, coalesce(subject_id, '''') as subject_id, coalesce(client_name, '''') as client_name,
			count(*) as calls, %s, sum(latency_unit(coalesce(latency_us, 0))) as latency
		from event_call where %s group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14) k',
		(select string_agg(format('coalesce(sum(%s::float8), 0)::bigint', n), ', ')
			from unnest('{latency_us,gateway_us,upstream_us,bytes_in,bytes_out,tokens_in,tokens_out}'::text[]) n), p_where)
	into sums;
	if sums is null then
		return 0;
	end if;
	with k as materialized (select * from unnest(sums))
	select array(select row(sum(calls)::int, rollup_hash(operation_id, upstream_id, mcp_method, capability_type, capability_name, ''), operation_id,
			upstream_id, mcp_method, capability_type, capability_name, null, null, null, null)::rollup_what
			from k group by operation_id, upstream_id, mcp_method, capability_type, capability_name),
		array(select row(n, rollup_hash(transport, outcome, failure_origin, reason_code, coalesce(code::text, ''), coalesce(status::text, '')),
			transport, outcome, failure_origin, reason_code, coalesce(code::text, ''), coalesce(status::text, ''), null, null)::rollup_how
			from (select transport, outcome, failure_origin, reason_code, code, status, sum(calls)::int as n from k group by 1, 2, 3, 4, 5, 6) d),
		array(select subject_id from k group by 1),
		array(select client_name from (select client_name, sum(calls) as n from k group by 1) d order by n desc)
	into whats, hows, users, clients;
	learnt := rollup_learn_what(whats, least(p_most, 12000)); -- thirty routes of three hundred tools each are met at once
	learnt := learnt + rollup_learn_how(hows, least(p_most, 3000));
	learnt := learnt + rollup_learn_name(users, clients, least(p_most, 3000));
	perform set_config('enable_nestloop', 'on', true);
	select array_agg(d.id) into what_ids from unnest(whats) k, lateral (select d.id from rollup_what d where (d.hash, d.operation_id, d.upstream_id, d.mcp_method,
		d.capability_type, d.capability_name) = (k.hash, k.operation_id, k.upstream_id, k.mcp_method, k.capability_type, k.capability_name) limit 1) d;
	select array_agg(d.id) into how_ids from unnest(hows) k, lateral (select d.id from rollup_how d where (d.hash, d.transport, d.outcome, d.failure_origin,
		d.reason_code, d.code, d.status) = (k.hash, k.transport, k.outcome, k.failure_origin, k.reason_code, k.code, k.status) limit 1) d;
	select array_agg(d.id) into name_ids from unnest(users || clients) k,
		lateral (select d.id from rollup_name d where d.hash = hashtextextended(k, 0) and d.name = k limit 1) d;
	perform set_config('enable_nestloop', 'off', true);
	perform set_config('enable_sort', 'on', true); -- or a nested loop would save one
	update rollup_what set seen = today where id = any(array(select coalesce(same_as, id) from rollup_what where id = any(what_ids))) and seen < today;
	update rollup_how set seen = today where id = any(array(select coalesce(same_as, id) from rollup_how where id = any(how_ids))) and seen < today;
	update rollup_name set seen = today where id = any(name_ids) and seen < today;
	insert into rollup_recent
	select k.at, u.id, c.id, t.id, e.id, k.at < spread, k.calls, case when k.outcome = 'success' then 0 else k.calls end,
		k.latency_us, k.gateway_us, k.upstream_us, k.bytes_in, k.bytes_out, k.tokens_in, k.tokens_out, k.latency
	from unnest(sums) k
	join (select coalesce(same_as, id) as id, operation_id, upstream_id, mcp_method, capability_type, capability_name
		from rollup_what where id = any(what_ids)) t on (t.operation_id, t.upstream_id, t.mcp_method, t.capability_type, t.capability_name)
		= (k.operation_id, k.upstream_id, k.mcp_method, k.capability_type, k.capability_name)
	join (select coalesce(same_as, id) as id, transport, outcome, failure_origin, reason_code, code, status
		from rollup_how where id = any(how_ids)) e on (e.transport, e.outcome, e.failure_origin, e.reason_code, e.code, e.status)
		= (k.transport, k.outcome, k.failure_origin, k.reason_code, coalesce(k.code::text, ''), coalesce(k.status::text, ''))
	join (select id, name from rollup_name where id = any(name_ids)) u on u.name = k.subject_id
	join (select coalesce(same_as, id) as id, name from rollup_name where id = any(name_ids)) c on c.name = k.client_name
	order by floor(row_number() over (order by u.id) / sqrt(60 * (count(*) over ())::float8)), t.id;
	if p_from < spread and exists (select from rollup_recent where late) then
		perform rollup_spread(0, true, 'update rollup_recent set late = false where late returning *');
	end if;
	if learnt > 0 then
		delete from rollup_what where id = any(what_ids) and same_as is not null;
		delete from rollup_how where id = any(how_ids) and same_as is not null;
		delete from rollup_name where id = any(name_ids) and same_as is not null;
	end if;
	return learnt;
end $$;

-- Writes rows of every cube from rows of rollup_recent, which the statement P_BASE returns; those of people of whole days where their hours are
-- not kept. P_LATE: those of `use` too, where their time is made already.
-- for: nobody
create or replace function gatehouse.rollup_spread(p_grain int, p_late boolean, p_base text) returns void
language plpgsql set search_path = gatehouse, pg_temp set enable_sort = off set enable_nestloop = off set enable_mergejoin = off set jit = off
	set work_mem = '32MB' as $$
begin
	execute format('with b as (%1$s),
		k as materialized (select rollup_floor(%2$s, b.at) as at, rollup_floor(case when b.at < %4$L then 2 else %2$s end, b.at) as people_at, b.u, (b.u & 7)::smallint as part, b.c, b.t, b.e, w.place, w.kind, b.calls, b.failed,
			b.latency_us, b.gateway_us, b.upstream_us, b.bytes_in, b.bytes_out, b.tokens_in, b.tokens_out, b.latency
			from b join rollup_what w on w.id = b.t),
		side as (insert into rollup_side select at, %2$s, 0, c, t, e, %3$s, sum(latency) from k group by at, c, t, e returning *),
		w1 as (insert into rollup_call select at, %2$s, 0, t, e, %3$s, sum(latency) from side group by at, t, e),
		w2 as (insert into rollup_client select at, %2$s, 0, c, t, %3$s, sum(latency) from side group by at, c, t),
		w3 as (insert into rollup_end select at, %2$s, 0, c, e, %3$s, sum(latency) from side group by at, c, e),
		w4 as (insert into rollup_person select people_at, %2$s, part, u, c, e, %3$s from k group by people_at, part, u, c, e),
		person as materialized (select people_at as at, part, u, place, kind, %3$s from k group by people_at, part, u, place, kind),
		w5 as (insert into rollup_access select at, %2$s, part, u, place, %3$s from person group by at, part, u, place),
		habit as (insert into rollup_habit select at, %2$s, part, u, kind, %3$s from person group by at, part, u, kind returning *),
		w6 as (insert into rollup_user select at, %2$s, part, u, %3$s from habit group by at, part, u)%5$s select',
		p_base, p_grain, rollup_sums(false), rollup_people_from(now()),
		case when p_late then format(', w7 as (%s)', rollup_insert('use', 2,
			'(select k.* from k join rollup_part p on p.cube = ''use'' and p.part = k.part and k.at < p.hours_to) l')) end);
end $$;

-- The end of the next piece of rollup_recent that is due to be spread over the cubes, and the grain it goes to: what is of hours that are
-- over, and of minutes as soon as there is much. A piece has thirty thousand rows, or one minute. Null: none is due.
-- for: nobody
create or replace function gatehouse.rollup_due(out due timestamptz, out grain int)
language plpgsql stable set search_path = gatehouse, pg_temp as $$
declare
	c rollup_cursor;
	hours timestamptz;
	ends timestamptz;
	n bigint;
	most bigint; -- of all that might be due
begin
	select * into c from rollup_cursor where only_one;
	hours := rollup_floor(1, least(rollup_slots_from(now()), c.filled_to));
	grain := case when c.spread_to < hours then 1 else 0 end;
	-- a call is stored when it has ended, and its time is when it began
	ends := case when grain = 1 then hours else date_trunc('minute', now() - interval '2 minutes') end;
	-- a piece ends with its day; what comes after the day counts all the same
	select count(*) into most from (select from rollup_recent r where r.at >= c.spread_to and r.at < ends limit 20000) r;
	foreach due in array array[rollup_floor(2, c.spread_to) + interval '1 day', rollup_floor(1, c.spread_to) + interval '6 hours', rollup_floor(1, c.spread_to) + interval '1 hour',
		rollup_floor(0, c.spread_to) + interval '5 minutes', c.spread_to + interval '1 minute'] loop
		due := least(due, rollup_floor(2, c.spread_to) + interval '1 day', ends);
		select count(*) into n from (select from rollup_recent r where r.at >= c.spread_to and r.at < due limit 30001) r;
		exit when n <= 30000;
	end loop;
	if due <= c.spread_to or grain = 0 and (most < 20000 or c.filled_to < 'infinity')
		-- what is still being filled is worth waiting for
		or c.filled_to < 'infinity' and n < 20000 and due = hours and due < rollup_floor(2, c.spread_to) + interval '1 day'
	then
		due := null;
	end if;
end $$;

-- Takes about P_MOST calls from the queue, always whole batches. Returns whether more are there.
-- for: nobody
create or replace function gatehouse.rollup_consume(p_most int) returns boolean
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	today date := (now() at time zone 'UTC')::date;
	c rollup_cursor;
	w record;
begin
	select * into c from rollup_cursor where only_one for update;
	select (array_agg(s.tx order by s.tx desc, s.batch desc))[1] as tx,
		(array_agg(s.batch order by s.tx desc, s.batch desc))[1] as batch,
		array_agg(s.batch) filter (where s.counts) as batches, min(s.from_at) filter (where s.counts) as from_at,
		max(s.to_at) filter (where s.counts) as to_at
	into w from (
		select u.*, u.family = 'call' and u.batch > c.first_batch as counts,
			sum(u.n) over (order by u.tx, u.batch) - u.n as before
		from (select * from event_queue q
			where (q.tx, q.batch) > (c.tx, c.batch) and q.tx < pg_snapshot_xmin(pg_current_snapshot())
			order by q.tx, q.batch limit 5000) u) s
	where s.before < p_most;
	if w.tx is null then
		return false;
	end if;
	if w.batches is not null then
		if c.named_on < today then
			c.named := 0;
		end if;
		c.named := c.named + rollup_take(format('batch = any(%L::bigint[]) and at between %L and %L', w.batches, w.from_at, w.to_at), w.from_at,
			30000 - c.named, false);
	end if;
	update rollup_cursor set tx = w.tx, batch = w.batch, named = c.named, named_on = today;
	return exists (select from event_queue q
		where (q.tx, q.batch) > (w.tx, w.batch) and q.tx < pg_snapshot_xmin(pg_current_snapshot()));
end $$;

-- How much of a day's table is read as one piece: some ten thousand calls, which fit into any statement_timeout.
-- for: nobody
create or replace function gatehouse.rollup_fill_bytes() returns bigint
language sql immutable parallel safe as $$
select 8388608::bigint
$$;

-- The end of the piece that begins at P_AT: a day, where hours of people are not kept, or an hour; less where a day has many calls.
-- for: nobody
create or replace function gatehouse.rollup_fill_piece(p_at timestamptz) returns timestamptz
language plpgsql stable set search_path = gatehouse, pg_temp as $$
declare
	bytes bigint := pg_relation_size(to_regclass('event_call' || to_char(p_at at time zone 'UTC', '_YYYYMMDD')));
	to_at timestamptz := case when p_at >= rollup_floor(1, now()) then 'infinity'
		when p_at < rollup_people_from(now()) then rollup_floor(2, p_at) + interval '1 day'
		else rollup_floor(1, p_at) + interval '1 hour' end;
begin
	if bytes > rollup_fill_bytes() and p_at < now() then
		return least(to_at, date_trunc('minute', rollup_floor(0, p_at) + greatest(interval '1 day' * (rollup_fill_bytes() / bytes::float8),
			interval '5 minutes'), 'UTC'));
	end if;
	return to_at;
end $$;

-- Counts calls that were there before counting began. Returns whether there were any to be counted.
-- for: nobody
create or replace function gatehouse.rollup_fill() returns boolean
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	c rollup_cursor;
	to_at timestamptz;
begin
	select * into c from rollup_cursor where only_one;
	if c.filled_to = 'infinity' then
		return false;
	end if;
	to_at := rollup_fill_piece(c.filled_to);
	perform rollup_take(format('batch <= %s and at >= %L and at < %L', c.first_batch, c.filled_to, to_at), c.filled_to, 10000, false);
	update rollup_cursor set filled_to = to_at;
	return true;
end $$;

-- Takes calls that are in the other cubes into rollup_recent again, for `use` of before there was such a cube: all but those whose batches wait
-- in the queue. What is there of their time goes: calls that came late. Returns whether there were any to be taken.
-- for: nobody
create or replace function gatehouse.rollup_refill() returns boolean
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	c rollup_cursor;
	to_at timestamptz;
begin
	select * into c from rollup_cursor where only_one;
	if c.refill_to = 'infinity' then
		return false;
	end if;
	to_at := least(rollup_fill_piece(c.refill_to), c.refill_end);
	delete from rollup_recent where at >= c.refill_to and at < to_at;
	perform rollup_take(format('at >= %L and at < %L and batch <> all(array(select q.batch from event_queue q
		where (q.tx, q.batch) > (%L, %s) and q.family = ''call'' and q.batch > %s))', c.refill_to, to_at, c.tx, c.batch, c.first_batch), c.refill_to, 0, true);
	update rollup_cursor set refill_to = case when to_at < c.refill_end then to_at else 'infinity' end;
	return true;
end $$;

-- Moves rows of the youngest grain into P_GRAIN (which may be the youngest: then rows become fewer), and adds what is late
-- to the days and weeks that are made already.
-- for: nobody
create or replace function gatehouse.rollup_move(p gatehouse.rollup_part, p_grain int, p_from timestamptz, p_to timestamptz) returns void
language plpgsql set search_path = gatehouse, pg_temp set enable_sort = off set jit = off as $$
declare
	rows text := format('gatehouse.rollup_%s where grain = 0 and part = %s and at >= %L and at < %L', p.cube, p.part, p_from, p_to);
	found_any boolean;
begin
	execute 'select exists (select from ' || rows || ')' into found_any;
	if found_any then
		execute format('with gone as (delete from %s returning *), a as (%s)%s select', rows,
			rollup_insert(p.cube, p_grain, 'gone'),
			case when p_from < p.days_to then format(', b as (%s), c as (%s)',
				rollup_insert(p.cube, 2, format('(select * from gone where at < %L) g', p.days_to)),
				rollup_insert(p.cube, 3, format('(select * from gone where at < %L) g', p.weeks_to))) end);
	end if;
end $$;

-- Makes a day of its hours, a week of its days.
-- for: nobody
create or replace function gatehouse.rollup_copy(p gatehouse.rollup_part, p_grain int, p_at timestamptz) returns void
language plpgsql set search_path = gatehouse, pg_temp set enable_sort = off set jit = off as $$
begin
	execute rollup_insert(p.cube, p_grain, format('(select * from gatehouse.rollup_%s
		where grain = %s and part = %s and at >= %L and at < %L) g', p.cube, p_grain - 1, p.part, p_at,
		p_at + rollup_width(p_grain)));
end $$;

-- Makes a day of `use`, or hours of one that has more calls than a piece should read, of rollup_recent, which then has no more of days
-- whose hours are not kept.
-- for: nobody
create or replace function gatehouse.rollup_use_day(p gatehouse.rollup_part) returns void
language plpgsql set search_path = gatehouse, pg_temp set enable_sort = off set enable_indexscan = off set jit = off set work_mem = '32MB' as $$
declare
	from_at timestamptz := greatest(p.hours_to, p.days_to);
	day_to timestamptz := p.days_to + interval '1 day';
	to_at timestamptz;
	which text;
begin
	select min(h.at) into to_at from (
		select rollup_floor(1, r.at) as at, sum(sum(r.calls)) over (order by rollup_floor(1, r.at)) as seen
		from rollup_end r where r.grain in (0, 1) and r.at >= from_at and r.at < day_to
		group by 1) h where h.seen > 750000;
	to_at := case when to_at is null then day_to else greatest(to_at, from_at + interval '1 hour') end;
	which := format('from gatehouse.rollup_recent where at >= %L and at < %L and u & 7 = %s', from_at, to_at, p.part);
	execute case when day_to <= rollup_people_from(now())
		then format('with gone as (delete %s returning *) %s', which, rollup_insert('use', 2, '(select *, (u & 7)::smallint as part from gone) g'))
		else rollup_insert('use', 2, format('(select *, (u & 7)::smallint as part %s) g', which)) end;
	update rollup_part r set hours_to = to_at, days_to = case when to_at = day_to then day_to else r.days_to end
	where r.cube = p.cube and r.part = p.part;
end $$;

-- One piece of work on sums whose time is over. Returns whether there was one.
-- for: nobody
create or replace function gatehouse.rollup_settle() returns boolean
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	filled timestamptz := (select filled_to from rollup_cursor where only_one);
	spread timestamptz := (select spread_to from rollup_cursor where only_one);
	-- days that are not filled are left whole
	hours timestamptz := least(rollup_slots_from(now()), rollup_floor(2, least(filled, now() + interval '7 days')), rollup_floor(1, spread));
	slots timestamptz := rollup_floor(0, now() - interval '30 seconds');
	d record;
	p rollup_part;
	to_at timestamptz;
begin
	select * into d from rollup_due();
	if d.due is not null then
		perform rollup_spread(d.grain, false, format('select * from rollup_recent where at >= %L and at < %L and not late', spread, d.due));
		update rollup_cursor set spread_to = d.due where only_one;
		return true;
	end if;
	select * into p from rollup_part where hours_to < hours and cube <> 'use' order by hours_to limit 1;
	if found then
		to_at := p.hours_to + case when p.hours_to + interval '1 day' <= hours then interval '1 day' else interval '1 hour' end;
		perform rollup_move(p, 1, p.hours_to, to_at);
		update rollup_part r set hours_to = to_at, slots_to = greatest(r.slots_to, to_at)
		where r.cube = p.cube and r.part = p.part;
		return true;
	end if;
	select * into p from rollup_part where days_to + interval '1 day' <= hours_to and cube <> 'use' limit 1;
	if found then
		perform rollup_copy(p, 2, p.days_to);
		update rollup_part r set days_to = p.days_to + interval '1 day' where r.cube = p.cube and r.part = p.part;
		return true;
	end if;
	select * into p from rollup_part where weeks_to + interval '7 days' <= days_to limit 1;
	if found then
		perform rollup_copy(p, 3, p.weeks_to);
		update rollup_part r set weeks_to = p.weeks_to + interval '7 days' where r.cube = p.cube and r.part = p.part;
		return true;
	end if;
	select * into p from rollup_part where slots_to < slots and hours_to > '-infinity' order by slots_to limit 1;
	if found then
		perform rollup_move(p, 1, '-infinity', p.hours_to); -- what came late
		update rollup_part r set slots_to = slots where r.cube = p.cube and r.part = p.part;
		return true;
	end if;
	select r.* into p from rollup_part r, rollup_cursor c where r.cube = 'use' and r.days_to + interval '1 day' <= least(hours, c.refill_to)
	order by r.days_to limit 1;
	if found then
		perform rollup_use_day(p);
		return true;
	end if;
	return false;
end $$;

-- The first day of which calls are kept. (Their least time would be a look at all of them.)
-- for: nobody
create or replace function gatehouse.rollup_first_day() returns timestamptz
language plpgsql stable set search_path = gatehouse, pg_temp as $$
begin
	return (select to_date(min(right(c.relname, 8)), 'YYYYMMDD')::timestamp at time zone 'UTC'
		from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = 'gatehouse.event_call'::regclass);
end $$;

-- Draws the line between calls that are counted by their time and those that come by the queue: whoever writes is waited for, since
-- its batch is neither. False: somebody writes for too long; the next time, then.
-- for: nobody
create or replace function gatehouse.rollup_begin() returns boolean
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	patience text := current_setting('lock_timeout');
	first timestamptz := least(rollup_first_day(), rollup_floor(2, now()));
begin
	if exists (select from rollup_cursor where only_one) then
		return true;
	end if;
	begin
		perform set_config('lock_timeout', '200ms', true);
		lock table event_queue in share row exclusive mode;
		perform set_config('lock_timeout', patience, true);
	exception when lock_not_available then
		return false;
	end;
	insert into rollup_cursor (tx, spread_to, first_batch, filled_to)
	values (pg_snapshot_xmin(pg_current_snapshot()), first,
		coalesce(pg_sequence_last_value(pg_get_serial_sequence('gatehouse.event_queue', 'batch')), 0), first);
	insert into rollup_part (cube, part, slots_to, hours_to, days_to, weeks_to)
	select u.cube, n, case when u.cube = 'use' then 'infinity' else first end, first, first, case when u.cube = 'use' then 'infinity' else rollup_floor(3, first) end
	from unnest(rollup_cubes()) u (cube), generate_series(0, case when rollup_of_people(u.cube) or u.cube = 'use' then 7 else 0 end) n;
	return true;
end $$;

-- Deletes sums past their time, some of them: hours with the calls (those of people before), days and weeks after P_KEEP days
-- (0: never). Nothing goes of which the next grain is not made.
-- for: nobody
create or replace function gatehouse.rollup_forget(p_raw timestamptz, p_keep int) returns void
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	v_keep timestamptz := case when p_keep > 0 then rollup_floor(2, now()) - make_interval(days => p_keep)
		else '-infinity' end;
	p record;
	n bigint;
	gone bigint := 0;
begin
	for p in select cube, min(days_to) as days_to, min(weeks_to) as weeks_to, array_agg(part) as parts from rollup_part group by cube loop
		execute format('delete from rollup_%1$s where ctid = any(array(select ctid from rollup_%1$s
			where part = any($4) and (grain = 1 and at < $1 or grain = 2 and at < $2 or grain = 3 and at < $3) limit 20000))', p.cube)
		using least(p.days_to, case when rollup_of_people(p.cube) then greatest(p_raw, rollup_people_from(now())) else p_raw end),
			least(p.weeks_to, case when p.cube in ('side', 'use') then greatest(p_raw, v_keep) else v_keep end),
			case when p.cube = 'side' then greatest(p_raw, v_keep) else v_keep end - interval '6 days', p.parts;
		get diagnostics n = row_count;
		gone := gone + n;
	end loop;
	delete from rollup_recent where ctid = any(array(select ctid from rollup_recent where at < least(
		(select spread_to from rollup_cursor where only_one), (select min(days_to) from rollup_part where cube = 'use'),
		greatest(p_raw, rollup_people_from(now()))) limit 20000));
	get diagnostics n = row_count;
	gone := gone + n;
	if gone = 0 and v_keep > '-infinity' then -- what is named by no row any more
		delete from rollup_what w where seen < (v_keep - interval '60 days') at time zone 'UTC' and id not in (place, kind);
		delete from rollup_how where seen < (v_keep - interval '60 days') at time zone 'UTC';
		delete from rollup_name where seen < (v_keep - interval '60 days') at time zone 'UTC' and name <> '(more)';
	end if;
end $$;

-- Sums up what is due, for P_MS milliseconds or a little longer. P_KEEP: days that calls are kept, P_KEEP_SUMS: days that sums
-- are (0: for ever). Returns whether there is more to do. One at a time, whichever node asks.
-- for: nobody
create or replace function gatehouse.rollup_step(p_keep int, p_keep_sums int, p_ms int) returns boolean
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	stop timestamptz := clock_timestamp() + make_interval(secs => p_ms / 1000.0);
	more boolean := true;
	-- calls of a piece: larger ones cost less by the call, but one that a statement_timeout ends is never done
	most int := 2000;
	began timestamptz;
begin
	if not pg_try_advisory_xact_lock(7449359170164355440) or not rollup_begin() then
		return false;
	end if;
	while more and clock_timestamp() < stop loop
		began := clock_timestamp();
		more := rollup_consume(most);
		most := case when clock_timestamp() + 3 * (clock_timestamp() - began) < stop then least(2 * most, 20000) else 2000 end;
	end loop;
	while clock_timestamp() < stop loop
		continue when rollup_settle() or rollup_refill() or rollup_fill();
		perform rollup_forget(case when p_keep > 0 then rollup_floor(2, now()) - make_interval(days => p_keep)
			else '-infinity' end, p_keep_sums);
		return more;
	end loop;
	return true;
end $$;

-- The batches of calls that are not summed up, which are read from the calls: half a million of these at most. cut: when the
-- rest came; null: there is no rest.
-- for: nobody
create or replace function gatehouse.rollup_tail(out batches bigint[], out from_at timestamptz, out to_at timestamptz,
	out cut timestamptz)
language plpgsql stable set search_path = gatehouse, pg_temp as $$
declare
	c rollup_cursor;
begin
	select * into c from rollup_cursor where only_one;
	select array_agg(w.batch) filter (where w.seen <= 500000), min(w.from_at) filter (where w.seen <= 500000),
		max(w.to_at) filter (where w.seen <= 500000), min(w.at) filter (where w.seen > 500000)
	into batches, from_at, to_at, cut from (
		select q.batch, q.from_at, q.to_at, q.at, sum(q.n) over (order by q.tx, q.batch) as seen
		from event_queue q
		where (q.tx, q.batch) > (coalesce(c.tx, '0'), coalesce(c.batch, 0)) and q.family = 'call'
			and q.batch > coalesce(c.first_batch, 0)) w;
end $$;

-- How far behind the sums are: seconds that the oldest call waits which they have not got, and how many such calls there are.
-- for: oauth consent connect mcp console admin
create or replace function gatehouse.rollup_lag()
returns table (watermark timestamptz, behind_s bigint, late bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select least(c.filled_to, w.at, now()), greatest(extract(epoch from now() - least(c.filled_to, w.at, now()))::bigint, 0), w.n
	from rollup_cursor c, lateral (
		select min(q.at) as at, coalesce(sum(q.n), 0)::bigint as n from event_queue q
		where (q.tx, q.batch) > (c.tx, c.batch) and q.family = 'call' and q.batch > c.first_batch) w
	where c.only_one;
end $$;

-- The tools that a client was told of, of which a route may have a thousand: an upstream that makes up names loses those
-- that were listed longest ago. What is known already is written once an hour. Always in one order, as programs write at
-- once.
-- for: mcp
create or replace function gatehouse.tools_listed(p_operation_id text, p_names text[], p_tokens bigint[], p_does text[])
returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	insert into tool_listed as t (operation_id, name, tokens, does)
	select p_operation_id, u.name, max(u.tokens), min(u.does) from unnest(p_names, p_tokens, p_does) u (name, tokens, does)
	group by u.name order by u.name collate "C"
	on conflict (operation_id, name) do update
	set tokens = excluded.tokens, does = excluded.does, last_at = now()
	where t.tokens <> excluded.tokens or t.does is distinct from excluded.does or t.last_at < now() - interval '50 minutes';
	delete from tool_listed t where t.operation_id = p_operation_id and t.name in (
		select o.name from tool_listed o where o.operation_id = p_operation_id
		order by o.last_at desc, o.name offset 1000);
end $$;
