-- Calls, summed up: see sql/schema/0015-rollup.sql.
--
-- One step at a time, wherever it runs: rollup_step() holds an advisory lock. A slot, an hour, a day is
-- deleted and written anew in one transaction, so that a step may be repeated, and a call that comes
-- late is counted by doing its slot again, and what was made of it.

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

-- The duration below which the part P_Q of the calls in P_COUNTS lies, in microseconds; null for none.
-- Within a bucket durations are taken to be spread evenly by their logarithm, as they are over all.
-- for: nobody
create or replace function gatehouse.latency_quantile(p_counts bigint[], p_q double precision)
returns bigint
language plpgsql immutable parallel safe as $$
declare
	edges bigint[] := gatehouse.latency_edges();
	total double precision := 0;
	seen double precision := 0;
	part double precision;
	low double precision;
begin
	for i in 1 .. 32 loop
		total := total + coalesce(p_counts[i], 0);
	end loop;
	if total = 0 then
		return null;
	end if;
	for i in 1 .. 32 loop
		continue when coalesce(p_counts[i], 0) = 0;
		if seen + p_counts[i] >= total * p_q then
			part := (total * p_q - seen) / p_counts[i];
			if i = 1 then
				return (edges[1] * part)::bigint;
			elsif i = 32 then
				return edges[31];
			end if;
			low := edges[i - 1];
			return (low * power(edges[i] / low, part))::bigint;
		end if;
		seen := seen + p_counts[i];
	end loop;
	return edges[31];
end $$;

-- The start of the five minutes, the hour or the day (UTC) that P_AT lies in.
-- for: nobody
create or replace function gatehouse.rollup_floor(p_grain int, p_at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
select date_bin(case p_grain when 0 then interval '5 minutes' when 1 then interval '1 hour'
	else interval '1 day' end, p_at, timestamptz '2020-01-01 00:00:00+00')
$$;

-- for: nobody
create or replace function gatehouse.rollup_ceil(p_grain int, p_at timestamptz) returns timestamptz
language sql immutable parallel safe as $$
select case when gatehouse.rollup_floor(p_grain, p_at) = p_at then p_at
	else gatehouse.rollup_floor(p_grain, p_at) + case p_grain when 0 then interval '5 minutes'
		when 1 then interval '1 hour' else interval '1 day' end end
$$;

-- What a table of rollups tells apart. Those of P_FREE are texts that clients choose.
-- for: nobody
create or replace function gatehouse.rollup_columns(p_table text, p_free boolean) returns text[]
language sql immutable parallel safe as $$
select case p_table
	when 'rollup_call' then case when p_free then '{mcp_method,capability_name}'::text[]
		else '{operation_id,upstream_id,mcp_method,capability_type,capability_name,outcome}' end
	when 'rollup_side' then case when p_free then '{mcp_method,client_name}'::text[]
		else '{operation_id,upstream_id,mcp_method,client_name,transport,outcome,failure_origin,reason_code,code,status}' end
	when 'rollup_user' then case when p_free then '{subject_id,client_name}'::text[]
		else '{subject_id,client_name,operation_id,upstream_id,outcome}' end
	end
$$;

-- The sums of a row, as a list of SELECT.
-- for: nobody
create or replace function gatehouse.rollup_sums() returns text
language sql immutable parallel safe as $$
select string_agg(format('coalesce(sum(%1$s), 0)::bigint as %1$s', s), ', ' order by n)
from unnest('{calls,latency_us,gateway_us,upstream_us,bytes_in,bytes_out,tokens_in,tokens_out}'::text[])
	with ordinality u (s, n)
$$;

-- The counts of the buckets: of rows that have arrays, or of rows that have one bucket each.
-- for: nobody
create or replace function gatehouse.rollup_latency(p_arrays boolean, p_type text default 'int') returns text
language sql immutable parallel safe as $$
select 'array[' || string_agg(case when p_arrays then format('coalesce(sum(latency[%s]), 0)', i)
	else format('coalesce(sum(calls) filter (where bucket = %s), 0)', i) end, ', ' order by i)
	|| ']::' || p_type || '[] as latency'
from generate_series(1, 32) i
$$;

-- The statement that writes the rows of grain $1 at $2 from P_SOURCE. The $3 (users: ten times) most frequent rows stay as
-- they are; of the others the names that clients choose are not told apart.
-- for: nobody
create or replace function gatehouse.rollup_insert(p_table text, p_source text, p_arrays boolean) returns text
language sql immutable parallel safe as $$
select format('insert into gatehouse.%1$s select $1, $2, %2$s, %3$s%4$s
	from (select %5$s, %3$s%6$s, row_number() over (order by sum(calls) desc) > $3%9$s as many
		from %7$s group by %5$s) m group by %8$s',
	p_table,
	(select string_agg(case when c = any(gatehouse.rollup_columns(p_table, true))
		then format('case when many and %1$s <> '''' then ''(more)'' else %1$s end', c) else c end, ', ' order by n)
		from unnest(gatehouse.rollup_columns(p_table, false)) with ordinality u (c, n)),
	gatehouse.rollup_sums(),
	case when p_table <> 'rollup_user' then ', ' || gatehouse.rollup_latency(true) else '' end,
	array_to_string(gatehouse.rollup_columns(p_table, false), ', '),
	case when p_table <> 'rollup_user' then ', ' || gatehouse.rollup_latency(p_arrays) else '' end,
	p_source,
	(select string_agg((n + 2)::text, ', ') from generate_series(1, cardinality(gatehouse.rollup_columns(p_table, false))) n),
	case when p_table = 'rollup_user' then ' * 10' else '' end)
$$;

-- Deletes the rows of one time.
-- for: nobody
create or replace function gatehouse.rollup_clear(p_grain int, p_at timestamptz) returns void
language plpgsql set search_path = gatehouse, pg_temp as $$
begin
	delete from rollup_call where grain = p_grain and at = p_at;
	delete from rollup_side where grain = p_grain and at = p_at;
	delete from rollup_user where grain = p_grain and at = p_at;
end $$;

-- The calls of a slot or an hour, in one reading. P_MOST: see rollup_insert().
-- for: nobody
create or replace function gatehouse.rollup_calls(p_grain int, p_at timestamptz, p_most int default 3000)
returns void
language plpgsql set search_path = gatehouse, pg_temp as $$
begin
	perform rollup_clear(p_grain, p_at);
	execute format($sql$with c as materialized (
		select coalesce(operation_id, '') as operation_id, coalesce(upstream_id, '') as upstream_id,
			coalesce(mcp_method, '') as mcp_method,
			coalesce(capability_type, '') as capability_type,
			coalesce(capability_name, '') as capability_name, coalesce(outcome, '') as outcome,
			coalesce(client_name, '') as client_name, coalesce(transport, '') as transport,
			coalesce(failure_origin, '') as failure_origin,
			coalesce(reason_code, '') as reason_code,
			coalesce(jsonrpc_error_code::text, '') as code,
			coalesce(mcp_status::text, '') as status, coalesce(subject_id, '') as subject_id,
			gatehouse.latency_bucket(coalesce(latency_us, 0)) as bucket, count(*) as calls,
			sum(latency_us) as latency_us, sum(gateway_us) as gateway_us,
			sum(upstream_us) as upstream_us, sum(bytes_in) as bytes_in,
			sum(bytes_out) as bytes_out, sum(tokens_in) as tokens_in, sum(tokens_out) as tokens_out
		from event_call where at >= $2 and at < $4
		group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
	), a as (%s), b as (%s) %s$sql$, rollup_insert('rollup_call', 'c', false),
		rollup_insert('rollup_side', 'c', false), rollup_insert('rollup_user', 'c', false))
	using p_grain, p_at, p_most, rollup_ceil(p_grain, p_at + interval '1 second');
end $$;

-- An hour of its slots, a day of its hours.
-- for: nobody
create or replace function gatehouse.rollup_merge(p_grain int, p_at timestamptz, p_most int default 10000)
returns void
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	t text;
begin
	perform rollup_clear(p_grain, p_at);
	foreach t in array array['rollup_call', 'rollup_side', 'rollup_user'] loop
		execute rollup_insert(t, format('gatehouse.%s where grain = $1 - 1 and at >= $2 and at < $4', t), true)
		using p_grain, p_at, p_most, rollup_ceil(p_grain, p_at + interval '1 second');
	end loop;
end $$;

-- How long slots are kept: what is older is read by the hour.
-- for: nobody
create or replace function gatehouse.rollup_slots_from(p_now timestamptz) returns timestamptz
language sql immutable parallel safe as $$
select gatehouse.rollup_floor(2, p_now) - interval '1 day'
$$;

-- How long the hours of users are kept, who are many: what is older is read by the day, or from the calls.
-- for: nobody
create or replace function gatehouse.rollup_users_from(p_now timestamptz) returns timestamptz
language sql immutable parallel safe as $$
select gatehouse.rollup_floor(2, p_now) - interval '8 days'
$$;

-- The next slot from the watermark on, or the whole hour where it is too old for slots; with it the hour
-- and the day that it completes.
-- for: nobody
create or replace function gatehouse.rollup_next(p_watermark timestamptz) returns timestamptz
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	grain int := case when p_watermark >= rollup_slots_from(now())
		or rollup_floor(1, p_watermark) <> p_watermark then 0 else 1 end;
	to_at timestamptz := rollup_ceil(grain, p_watermark + interval '1 second');
begin
	perform rollup_calls(grain, p_watermark);
	if grain = 0 and rollup_floor(1, to_at) = to_at then
		perform rollup_merge(1, to_at - interval '1 hour');
	end if;
	if rollup_floor(2, to_at) = to_at then
		perform rollup_merge(2, to_at - interval '1 day');
	end if;
	update rollup_state set watermark = to_at;
	return to_at;
end $$;

-- A slot once more, with what was made of it. Calls that are no longer kept (before P_RAW) stay uncounted.
-- for: nobody
create or replace function gatehouse.rollup_again(p_at timestamptz, p_raw timestamptz) returns void
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	done timestamptz := (select watermark from rollup_state where only_one);
	hour timestamptz := rollup_floor(1, p_at);
	day timestamptz := rollup_floor(2, p_at);
begin
	delete from rollup_late where at = p_at;
	if hour < p_raw or p_at >= done then
		return;
	end if;
	if hour >= rollup_slots_from(now()) then
		perform rollup_calls(0, p_at);
	end if;
	if hour + interval '1 hour' > done then
		return;
	elsif hour >= rollup_slots_from(now()) then
		perform rollup_merge(1, hour);
	else
		perform rollup_calls(1, hour);
		delete from rollup_late where at >= hour and at < hour + interval '1 hour';
	end if;
	if day + interval '1 day' <= done then
		perform rollup_merge(2, day);
	end if;
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

-- Where the sums begin: with the first calls that are there.
-- for: nobody
create or replace function gatehouse.rollup_begin() returns void
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	first timestamptz;
begin
	if exists (select from rollup_state where only_one) then
		return;
	end if;
	first := least(coalesce(rollup_first_day(), now()), rollup_floor(2, now()));
	insert into rollup_state (watermark) values (first) on conflict do nothing;
end $$;

-- Deletes sums past their time: slots by themselves, hours with the calls, days after P_KEEP days
-- (0: never).
-- for: nobody
create or replace function gatehouse.rollup_forget(p_raw timestamptz, p_keep int) returns void
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	t text;
begin
	foreach t in array array['rollup_call', 'rollup_side', 'rollup_user'] loop
		execute format('delete from %I where grain = 0 and at < $1 or grain = 1 and at < $2
			or grain = 2 and at < $3', t)
		using rollup_slots_from(now()),
			case when t = 'rollup_user' then greatest(p_raw, rollup_users_from(now())) else p_raw end, case when p_keep > 0
			then rollup_floor(2, now()) - make_interval(days => p_keep) else '-infinity' end;
	end loop;
end $$;

-- Sums up what is due, for P_MS milliseconds or a little longer. A slot is due when its calls have had
-- 90 s to arrive. P_KEEP: days that calls are kept, P_KEEP_SUMS: days that sums are (0: for ever).
-- Returns whether there is more to do. One at a time, whichever node asks.
-- for: nobody
create or replace function gatehouse.rollup_step(p_keep int, p_keep_sums int, p_ms int) returns boolean
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
declare
	raw timestamptz := case when p_keep > 0 then rollup_floor(2, now()) - make_interval(days => p_keep)
		else '-infinity' end;
	due timestamptz := rollup_floor(0, now() - interval '90 seconds');
	stop timestamptz := clock_timestamp() + make_interval(secs => p_ms / 1000.0);
	done timestamptz;
	late timestamptz;
begin
	if not pg_try_advisory_xact_lock(7449359170164355440) then
		return false;
	end if;
	perform rollup_begin();
	select watermark into done from rollup_state where only_one for update;
	while done < due and clock_timestamp() < stop loop
		done := rollup_next(done);
	end loop;
	-- a call that lasts may come late again: its slot waits for company
	for late in select at from rollup_late where at < now() - interval '15 minutes' order by at loop
		exit when clock_timestamp() >= stop;
		perform rollup_again(late, raw);
	end loop;
	if done >= due then
		perform rollup_forget(raw, p_keep_sums);
	end if;
	return done < due;
end $$;

-- How far behind the sums are: seconds that are due and not summed up, and slots to be done again.
-- for: oauth consent connect mcp console admin
create or replace function gatehouse.rollup_lag()
returns table (watermark timestamptz, behind_s bigint, late bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select s.watermark, greatest(extract(epoch from now() - s.watermark)::bigint - 390, 0),
		(select count(*) from rollup_late where at < now() - interval '15 minutes')
	from rollup_state s where s.only_one;
end $$;

-- Called with the times of calls that have come: those that may be too late for their slot are noted. That is
-- 30 s before rollup_step() does the slot: whoever comes before has committed by then.
-- for: nobody
create or replace function gatehouse.rollup_note_late(p_at timestamptz[]) returns void
language plpgsql set search_path = gatehouse, pg_temp as $$
begin
	insert into rollup_late
	select distinct rollup_floor(0, a) from unnest(p_at) a
	where a < rollup_floor(0, now() - interval '60 seconds')
	on conflict do nothing;
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
