-- Calls, summed up: see sql/schema/0020-rollup.sql.
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
select '{end,tool,route,client,user,side,call,person,access}'::text[]
$$;

-- What a cube tells apart.
-- for: nobody
create or replace function gatehouse.rollup_columns(p_cube text) returns text[]
language sql immutable parallel safe as $$
select case p_cube
	when 'end' then '{outcome,failure_origin,reason_code,code,status}'::text[]
	when 'tool' then '{capability_type,capability_name}'
	when 'route' then '{operation_id,upstream_id,mcp_method,transport,outcome}'
	when 'client' then '{client_name,operation_id,mcp_method}'
	when 'call' then '{operation_id,upstream_id,mcp_method,capability_type,capability_name,outcome}'
	when 'side' then '{operation_id,upstream_id,mcp_method,client_name,transport,outcome,failure_origin,reason_code,code,status}'
	when 'user' then '{subject_id}'
	when 'person' then '{subject_id,client_name,outcome}'
	when 'access' then '{operation_id,subject_id,upstream_id,outcome}'
	end
$$;

-- Cubes of people have many rows: eight parts, no durations, and hours for some days only.
-- for: nobody
create or replace function gatehouse.rollup_of_people(p_cube text) returns boolean
language sql immutable parallel safe as $$
select p_cube in ('user', 'person', 'access')
$$;

-- The sums of a row, as a list of SELECT.
-- for: nobody
create or replace function gatehouse.rollup_sums(p_latency boolean) returns text
language sql immutable parallel safe as $$
select string_agg(format('coalesce(sum(%1$s), 0)::bigint as %1$s', s), ', ' order by n)
	|| case when p_latency then ', sum(latency) as latency' else '' end
from unnest('{calls,failed,latency_us,gateway_us,upstream_us,bytes_in,bytes_out,tokens_in,tokens_out}'::text[])
	with ordinality u (s, n)
$$;

-- The statement that writes rows of a grain from P_SOURCE (with `at` and `part`). The most frequent rows of each time stay as they
-- are; of the others the names that clients and upstreams choose are not told apart. Rows of one first column lie together.
-- for: nobody
create or replace function gatehouse.rollup_insert(p_cube text, p_grain int, p_source text) returns text
language sql immutable parallel safe as $$
select format('insert into gatehouse.rollup_%1$s select %2$s, at, part, %3$s, %4$s
	from (select %5$s as at, part, %6$s, %4$s, row_number() over (partition by %5$s, part order by sum(calls) desc) > %7$s as many
		from %8$s group by %9$s) m group by %10$s order by 2, 3, 4',
	p_cube, p_grain,
	(select string_agg(case when c in ('mcp_method', 'capability_name', 'client_name', 'subject_id', 'code')
		then format('case when many and %1$s <> '''' then ''(more)'' else %1$s end', c) else c end, ', ' order by n)
		from unnest(gatehouse.rollup_columns(p_cube)) with ordinality u (c, n)),
	gatehouse.rollup_sums(not gatehouse.rollup_of_people(p_cube)),
	format('gatehouse.rollup_floor(%s, at)', p_grain),
	array_to_string(gatehouse.rollup_columns(p_cube), ', '),
	case when gatehouse.rollup_of_people(p_cube) then 30000 when p_grain = 0 then 3000 else 10000 end,
	p_source,
	(select string_agg(n::text, ', ') from generate_series(1, cardinality(gatehouse.rollup_columns(p_cube)) + 2) n),
	(select string_agg(n::text, ', ') from generate_series(2, cardinality(gatehouse.rollup_columns(p_cube)) + 3) n))
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

-- Calls as rows of a cube (of people, or not) that tells all apart, P_WHERE is which.
-- for: nobody
create or replace function gatehouse.rollup_source(p_people boolean, p_where text) returns text
language sql stable as $$
select format('select at, part, %1$s, %2$s from (
		select case when at >= %3$L then gatehouse.rollup_floor(0, at) %4$s else gatehouse.rollup_floor(1, at) end as at,
			%5$s, 1 as calls, (outcome is distinct from ''success'')::int as failed,
			latency_us, gateway_us, upstream_us, bytes_in, bytes_out, tokens_in, tokens_out
		from gatehouse.event_call where %6$s) e
	group by at, part, %1$s',
	case when p_people then 'subject_id, client_name, operation_id, upstream_id, outcome'
		else 'operation_id, upstream_id, mcp_method, capability_type, capability_name, client_name, transport, outcome,
			failure_origin, reason_code, code, status' end,
	gatehouse.rollup_sums(not p_people),
	gatehouse.rollup_slots_from(now()),
	case when p_people then format('when at < %L then gatehouse.rollup_floor(2, at)', gatehouse.rollup_people_from(now())) end,
	case when p_people then '(hashtext(coalesce(subject_id, '''')) & 7)::smallint as part,
			coalesce(subject_id, '''') as subject_id, coalesce(client_name, '''') as client_name'
		else '0::smallint as part, gatehouse.latency_unit(coalesce(latency_us, 0)) as latency, coalesce(mcp_method, '''') as mcp_method,
			coalesce(capability_type, '''') as capability_type, coalesce(capability_name, '''') as capability_name,
			coalesce(client_name, '''') as client_name, coalesce(transport, '''') as transport,
			coalesce(failure_origin, '''') as failure_origin, coalesce(reason_code, '''') as reason_code,
			coalesce(jsonrpc_error_code::text, '''') as code, coalesce(mcp_status::text, '''') as status' end
		|| ', coalesce(operation_id, '''') as operation_id, coalesce(upstream_id, '''') as upstream_id,
			coalesce(outcome, '''') as outcome',
	p_where)
$$;

-- Adds calls to the youngest grain of every cube. (Hashing: sorting by
-- ten texts costs many times as much, which the planner does not see. Forbidden sorts look dear, for which code would be compiled.)
-- for: nobody
create or replace function gatehouse.rollup_take(p_where text) returns void
language plpgsql set search_path = gatehouse, pg_temp set enable_sort = off set jit = off as $$
begin
	execute format('with c as materialized (%s), p as materialized (%s), side as (%s returning *), call as (%s returning *),
		person as (%s), access as (%s returning *), s as (%s), t as (%s), u as (%s), v as (%s), w as (%s) select',
		rollup_source(false, p_where), rollup_source(true, p_where), rollup_insert('side', 0, 'c'), rollup_insert('call', 0, 'c'),
		rollup_insert('person', 0, 'p'), rollup_insert('access', 0, 'p'), rollup_insert('end', 0, 'side'),
		rollup_insert('route', 0, 'side'), rollup_insert('client', 0, 'side'), rollup_insert('tool', 0, 'call'),
		rollup_insert('user', 0, 'access'));
end $$;

-- Takes about P_MOST calls from the queue, always whole batches. Returns whether more are there.
-- for: nobody
create or replace function gatehouse.rollup_consume(p_most int) returns boolean
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
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
		perform rollup_take(format('batch = any(%L::bigint[]) and at between %L and %L', w.batches, w.from_at, w.to_at));
	end if;
	update rollup_cursor set tx = w.tx, batch = w.batch;
	return exists (select from event_queue q
		where (q.tx, q.batch) > (w.tx, w.batch) and q.tx < pg_snapshot_xmin(pg_current_snapshot()));
end $$;

-- How much of a day's table is read as one piece: some ten thousand calls, which fit into any statement_timeout.
-- for: nobody
create or replace function gatehouse.rollup_fill_bytes() returns bigint
language sql immutable parallel safe as $$
select 8388608::bigint
$$;

-- Counts calls that were there before counting began: a day's, where hours of people are not kept, or an hour's; less where a
-- day has many. Returns whether there were any to be counted.
-- for: nobody
create or replace function gatehouse.rollup_fill() returns boolean
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	c rollup_cursor;
	bytes bigint;
	to_at timestamptz;
begin
	select * into c from rollup_cursor where only_one;
	if c.filled_to = 'infinity' then
		return false;
	end if;
	bytes := pg_relation_size(to_regclass('event_call' || to_char(c.filled_to at time zone 'UTC', '_YYYYMMDD')));
	to_at := case when c.filled_to >= rollup_floor(1, now()) then 'infinity'
		when c.filled_to < rollup_people_from(now()) then rollup_floor(2, c.filled_to) + interval '1 day'
		else rollup_floor(1, c.filled_to) + interval '1 hour' end;
	if bytes > rollup_fill_bytes() and c.filled_to < now() then
		to_at := least(to_at, rollup_floor(0, c.filled_to)
			+ greatest(interval '1 day' * (rollup_fill_bytes() / bytes::float8), interval '5 minutes'));
	end if;
	perform rollup_take(format('batch <= %s and at >= %L and at < %L', c.first_batch, c.filled_to, to_at));
	update rollup_cursor set filled_to = to_at;
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

-- One piece of work on sums whose time is over. Returns whether there was one.
-- for: nobody
create or replace function gatehouse.rollup_settle() returns boolean
language plpgsql set search_path = gatehouse, pg_temp as $$
declare
	filled timestamptz := (select filled_to from rollup_cursor where only_one);
	-- days that are not filled are left whole
	hours timestamptz := least(rollup_slots_from(now()), rollup_floor(2, least(filled, now() + interval '7 days')));
	slots timestamptz := rollup_floor(0, now() - interval '30 seconds');
	p rollup_part;
	to_at timestamptz;
begin
	select * into p from rollup_part where hours_to < hours order by hours_to limit 1;
	if found then
		to_at := p.hours_to + case when p.hours_to + interval '1 day' <= hours then interval '1 day' else interval '1 hour' end;
		perform rollup_move(p, 1, p.hours_to, to_at);
		update rollup_part r set hours_to = to_at, slots_to = greatest(r.slots_to, to_at)
		where r.cube = p.cube and r.part = p.part;
		return true;
	end if;
	select * into p from rollup_part where days_to + interval '1 day' <= hours_to limit 1;
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
	select * into p from rollup_part where slots_to < slots order by slots_to limit 1;
	if found and filled = 'infinity' then
		perform rollup_move(p, 0, p.slots_to, p.slots_to + interval '5 minutes');
		perform rollup_move(p, 1, '-infinity', p.hours_to); -- what came late
		update rollup_part r set slots_to = p.slots_to + interval '5 minutes'
		where r.cube = p.cube and r.part = p.part;
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
	insert into rollup_cursor (tx, first_batch, filled_to)
	values (pg_snapshot_xmin(pg_current_snapshot()),
		coalesce(pg_sequence_last_value(pg_get_serial_sequence('gatehouse.event_queue', 'batch')), 0), first);
	insert into rollup_part (cube, part, slots_to, hours_to, days_to, weeks_to)
	select u.cube, n, first, first, first, rollup_floor(3, first)
	from unnest(rollup_cubes()) u (cube), generate_series(0, case when rollup_of_people(u.cube) then 7 else 0 end) n;
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
begin
	for p in select cube, min(days_to) as days_to, min(weeks_to) as weeks_to from rollup_part group by cube loop
		execute format('delete from rollup_%1$s where ctid = any(array(select ctid from rollup_%1$s
			where grain = 1 and at < $1 or grain = 2 and at < $2 or grain = 3 and at < $3 limit 20000))', p.cube)
		using least(p.days_to, case when rollup_of_people(p.cube) then greatest(p_raw, rollup_people_from(now())) else p_raw end),
			least(p.weeks_to, v_keep), v_keep - interval '6 days';
	end loop;
end $$;

-- Sums up what is due, for P_MS milliseconds or a little longer. P_KEEP: days that calls are kept, P_KEEP_SUMS: days that sums
-- are (0: for ever). Returns whether there is more to do. One at a time, whichever node asks.
-- for: oauth consent connect mcp console
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
		continue when rollup_settle() or rollup_fill();
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
