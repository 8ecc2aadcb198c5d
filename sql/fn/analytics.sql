-- What the pages of operators show of calls (console.fcgi), and the story of one of them.
--
-- A question is a panel, a range of time, and filters: three arrays with the field, the mode and the
-- value of each. Names of columns come from the tables in here; values are parameters always.
-- It is answered from the smallest cube that knows all its fields; where none does, or the one that knows all would be read whole for too long, from the
-- calls themselves, of which at most the newest 1.5 million are read (all of them where one user is asked for, which has an index).

-- A field of a filter, or what a panel is about, in one source (a cube, whose columns are those of the texts that its numbers
-- stand for; 'raw': the calls). Null: the source does not tell it.
-- for: nobody
create or replace function gatehouse.analytics_column(p_source text, p_field text) returns text
language plpgsql immutable strict set search_path = gatehouse, pg_temp as $$
declare
	name text := case p_field when 'route' then 'operation_id' when 'upstream' then 'upstream_id'
		when 'method' then 'mcp_method' when 'type' then 'capability_type'
		when 'tool' then 'capability_name' when 'outcome' then 'outcome'
		when 'client' then 'client_name' when 'transport' then 'transport'
		when 'origin' then 'failure_origin' when 'reason' then 'reason_code'
		when 'code' then 'code' when 'status' then 'status' when 'user' then 'subject_id'
		when 'clientId' then 'client_id' end;
begin
	if name is null then
		raise exception 'no such field: %', p_field using errcode = 'GH002';
	end if;
	if p_source <> 'raw' then
		return case when name <> all(rollup_columns(p_source)) then null when name = 'subject_id' then 'u.name'
			when name = 'client_name' then 'c.name'
			when name in ('operation_id', 'upstream_id', 'mcp_method', 'capability_type', 'capability_name') then 't.' || name
			else 'e.' || name end;
	end if;
	return case name when 'code' then 'coalesce(jsonrpc_error_code::text, '''')'
		when 'status' then 'coalesce(mcp_status::text, '''')'
		else format('coalesce(%s, '''')', name) end;
end $$;

-- Where the texts are that a number of a cube stands for.
-- for: nobody
create or replace function gatehouse.analytics_names(p_number text) returns text
language sql immutable parallel safe as $$
select case p_number when 't' then 'gatehouse.rollup_what t' when 'e' then 'gatehouse.rollup_how e' else 'gatehouse.rollup_name ' || p_number end
$$;

-- The condition of the P_I-th filter on a column, as SQL whose values are elements of $1.
-- for: nobody
create or replace function gatehouse.analytics_condition(p_column text, p_field text, p_mode text, p_value text, p_i int) returns text
language plpgsql immutable set search_path = gatehouse, pg_temp as $$
declare
	found text := case p_mode
		-- the bare column, for its index
		when 'equals' then case when p_column like 'coalesce(%, '''')' and p_value <> '' and p_field not in ('code', 'status')
			then format('%s = $1[%s]', substr(p_column, 10, length(p_column) - 14), p_i)
			when p_column in ('u.name', 'c.name') then format('hash = hashtextextended($1[%s], 0) and %s = $1[%1$s]', p_i, p_column)
			else format('%s = $1[%s]', p_column, p_i) end
		when 'not' then format('%s <> $1[%s]', p_column, p_i)
		when 'contains' then format('strpos(lower(%s), lower($1[%s])) > 0', p_column, p_i)
		when 'startsWith' then format('starts_with(%s, $1[%s])', p_column, p_i)
		when 'in' then format('%s = any(string_to_array($1[%s], '',''))', p_column, p_i)
		when 'class' then case
			when p_value = 'none' then format('%s = ''''', p_column)
			when p_value = 'some' then format('%s <> ''''', p_column)
			when p_field = 'outcome' and p_value = 'failed' then format('%s <> ''success''', p_column)
			when p_field = 'status' and p_value ~ '^[1-5]xx$' then format('left(%s, 1) = left($1[%s], 1)', p_column, p_i)
			end
		end;
begin
	if found is null then
		raise exception 'no such mode or class' using errcode = 'GH002';
	end if;
	return ' and ' || found;
end $$;

-- The conditions of the filters, as SQL whose values are elements of $1; those that the source cannot tell are left out. Of a cube: which
-- numbers fit, and in which parts these lie.
-- for: nobody
create or replace function gatehouse.analytics_where(p_source text, p_fields text[], p_modes text[],
	p_values text[]) returns text
language plpgsql stable set search_path = gatehouse, pg_temp as $$
declare
	found text := '';
	of_number text;
	number text;
	x text;
	ids int[];
begin
	foreach number in array case when p_source = 'raw' then '{raw}' else rollup_keys(p_source) end loop
		of_number := '';
		for i in 1 .. coalesce(cardinality(p_fields), 0) loop
			x := analytics_column(p_source, p_fields[i]);
			continue when x is null or number <> 'raw' and left(x, 2) <> number || '.';
			of_number := of_number || analytics_condition(x, p_fields[i], p_modes[i], p_values[i], i);
		end loop;
		if number = 'raw' then
			return of_number;
		end if;
		continue when of_number = '';
		of_number := format('select id from %s where id > 0%s', analytics_names(number), of_number);
		execute format('select array(%s limit 1001)', of_number) into ids using p_values;
		if cardinality(ids) > 1000 then
			found := found || format(' and %s in (%s)', number, of_number);
		else
			-- a BRIN index is read once for each of them
			found := found || format(' and %s = any(%L::int[])', number || case when p_source = 'recent' and cardinality(ids) > 4 then ' + 0' else '' end, ids)
				|| case when number = 'u' and rollup_of_people(p_source)
					then format(' and part = any(%L::smallint[])', array(select distinct i & 7 from unnest(ids) i)) else '' end;
		end if;
	end loop;
	return found;
end $$;

-- Whether the filters ask for one user.
-- for: nobody
create or replace function gatehouse.analytics_one_user(p_fields text[], p_modes text[], p_values text[]) returns boolean
language sql immutable parallel safe as $$
select exists (select from unnest(p_fields, p_modes, p_values) f (n, m, v) where n = 'user' and m = 'equals' and v <> '')
$$;

-- Whether the filters ask for some users, or some tools, by which `use` has an index.
-- for: nobody
create or replace function gatehouse.analytics_indexed(p_fields text[], p_modes text[]) returns boolean
language sql immutable parallel safe as $$
select exists (select from unnest(p_fields, p_modes) f (n, m) where n in ('user', 'tool') and m in ('equals', 'in'))
$$;

-- The smallest source that tells all these fields.
-- for: nobody
create or replace function gatehouse.analytics_source(p_fields text[]) returns text
language plpgsql immutable set search_path = gatehouse, pg_temp as $$
declare
	s text;
begin
	foreach s in array rollup_cubes() loop
		if (select bool_and(analytics_column(s, f) is not null) from unnest(p_fields) f) is not false then
			return s;
		end if;
	end loop;
	return 'raw';
end $$;

-- Where to begin with reading calls, so that no more than P_MOST of them are read.
-- for: nobody
create or replace function gatehouse.analytics_raw_from(p_from timestamptz, p_to timestamptz,
	p_most bigint default 1500000) returns timestamptz
language plpgsql stable set search_path = gatehouse, pg_temp as $$
declare
	least_at timestamptz;
begin
	select h.at into least_at
	from (select rollup_floor(1, r.at) as at, sum(sum(r.calls)) over (order by rollup_floor(1, r.at) desc) as seen
		from rollup_end r where r.grain in (0, 1) and r.at >= p_from and r.at < p_to
		group by 1) h
	where h.seen > p_most
	order by h.at desc limit 1;
	return greatest(p_from, coalesce(least_at + interval '1 hour', p_from));
end $$;

-- The range that can be told: to five minutes where it is young, to the hour, to the day where it is long or hours are gone;
-- and no further than calls are counted.
-- for: console
create or replace function gatehouse.analytics_range(p_from timestamptz, p_to timestamptz)
returns table (from_at timestamptz, to_at timestamptz, counted_to timestamptz)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
declare
	slots timestamptz := rollup_floor(1, now() - interval '1 hour'); -- before rollup_slots_from(): a page takes its time
	hours timestamptz := coalesce((select min(at) from rollup_end where grain = 1), rollup_floor(2, now()));
	long boolean := least(p_to, now()) - p_from > interval '8 days';
	filled timestamptz := coalesce((select filled_to from rollup_cursor where only_one), 'infinity');
begin
	from_at := rollup_floor(case when long or p_from < hours then 2 when p_from < slots then 1 else 0 end, p_from);
	counted_to := least(now() + interval '1 hour', filled, (select cut from rollup_tail()));
	to_at := case when p_to >= now() then now()
		else rollup_ceil(case when long or p_to < hours then 2 when p_to < slots then 1 else 0 end, p_to) end;
	to_at := greatest(least(to_at, counted_to), from_at);
	return next;
end $$;

-- How bars are named: by their first second.
-- for: nobody
create or replace function gatehouse.analytics_bar(p_bars interval) returns text
language sql immutable parallel safe as $$
select format('extract(epoch from date_bin(%L, at, ''2020-01-06 00:00:00+00''))::bigint::text', p_bars)
$$;

-- Rows as those of analytics_rows(), of calls: one for each. P_WHERE: their conditions.
-- for: nobody
create or replace function gatehouse.analytics_raw(p_keys text[], p_latency boolean, p_from timestamptz, p_to timestamptz,
	p_bars interval, p_where text) returns text
language plpgsql stable set search_path = gatehouse, pg_temp as $$
begin
	return format('select %s, 1::bigint, (outcome is distinct from ''success'')::int::bigint, latency_us, gateway_us, upstream_us, bytes_in,
			bytes_out, tokens_in, tokens_out%s
		from gatehouse.event_call where at >= %L and at < %L%s',
		(select string_agg(case when n = 1 and p_bars is not null then analytics_bar(p_bars) else analytics_column('raw', k) end, ', ' order by n)
			from unnest(p_keys) with ordinality u (k, n)),
		case when p_latency then ', gatehouse.latency_unit(coalesce(latency_us, 0))' else '' end, p_from, p_to, p_where);
end $$;

-- Rows (the keys, which are fields; calls, failed, sums, latency) of one source, as SQL: of weeks, days and hours, of what came lately, and of
-- the calls that are not summed up. P_BARS: the width of the bars that `at` is told apart by, in place of the first key; null for none.
-- for: nobody
create or replace function gatehouse.analytics_rows(p_source text, p_keys text[], p_latency boolean, p_from timestamptz,
	p_to timestamptz, p_bars interval, p_fields text[], p_modes text[], p_values text[]) returns text
language plpgsql stable set search_path = gatehouse, pg_temp as $$
declare
	raw text := analytics_where('raw', p_fields, p_modes, p_values);
	sums text := 'calls, failed, latency_us, gateway_us, upstream_us, bytes_in, bytes_out, tokens_in, tokens_out'
		|| case when p_latency then ', latency' else '' end;
	columns text[] := array(select case when n = 1 and p_bars is not null then 'bar' else analytics_column(p_source, k) end
		from unnest(p_keys) with ordinality u (k, n) order by n);
	days_to timestamptz := (select min(r.days_to) from rollup_part r where r.cube = p_source);
	weeks_to timestamptz := (select min(r.weeks_to) from rollup_part r where r.cube = p_source);
	d1 timestamptz := rollup_ceil(2, p_from);
	d2 timestamptz := greatest(least(rollup_floor(2, p_to), days_to), d1);
	w1 timestamptz := least(rollup_ceil(3, d1), d2);
	w2 timestamptz := greatest(least(rollup_floor(3, d2), weeks_to), w1);
	pieces text;
	bounds timestamptz[];
	spread timestamptz := coalesce((select spread_to from rollup_cursor where only_one), '-infinity');
	hours boolean := p_source <> 'use'; -- its hours, and what came lately, are in rollup_recent
	grain int;
	summed text;
	lately text; -- the same of rollup_recent
	numbers text[];
	tail record;
begin
	if p_source = 'raw' then
		return analytics_raw(p_keys, p_latency, p_from, p_to, p_bars, raw);
	end if;
	if not hours then
		w2 := w1;
	end if;
	bounds := array[p_from, d1, w1, w2, d2, p_to];
	if days_to is null or p_bars < interval '1 day' or d1 >= d2 then
		bounds := array[p_from, p_from, p_from, p_from, p_from, p_to];
	elsif p_bars < interval '7 days' then
		bounds := array[p_from, d1, d2, d2, d2, p_to];
	end if;
	summed := analytics_where(p_source, p_fields, p_modes, p_values);
	lately := analytics_where('recent', p_fields, p_modes, p_values);
	numbers := array(select distinct left(c, 1) from unnest(columns) c where c <> 'bar');
	for i in 0 .. 5 loop
		grain := ('{0,1,2,3,2,1}'::int[])[i + 1];
		-- of the youngest grain all: it may have calls that came late
		continue when i > 0 and bounds[i] >= bounds[i + 1] or i = 0 and not hours;
		pieces := concat_ws(' union all ', pieces, format('select %s%s, %s from gatehouse.rollup_%s where %sat >= %L and at < %L%s',
			array_to_string(numbers, ', '), case when p_bars is null then '' else ', ' || analytics_bar(p_bars) || ' as bar' end, sums,
			case when hours or grain > 1 then p_source else 'recent' end, case when hours then format('grain = %s and ', grain) end,
			case when i = 0 then p_from else bounds[i] end, case when i = 0 then p_to else bounds[i + 1] end,
			case when hours or grain > 1 then summed else lately end));
	end loop;
	if hours then
		pieces := concat_ws(' union all ', pieces, format('select %s%s, %s from gatehouse.rollup_recent where at >= %L and at < %L%s',
			array_to_string(numbers, ', '), case when p_bars is null then '' else ', ' || analytics_bar(p_bars) || ' as bar' end, sums,
			greatest(p_from, spread), p_to, lately));
	end if;
	select * into tail from rollup_tail();
	-- numbers are added up before texts are looked up
	return format('select %1$s, %2$s from (select %3$s, %4$s from (%5$s) p group by %3$s) s %6$s union all %7$s',
		array_to_string(columns, ', '), sums,
		array_to_string(numbers || case when p_bars is null then '{}'::text[] else '{bar}' end, ', '), rollup_sums(p_latency), pieces,
		(select string_agg(format('join %s on %s.id = s.%2$s', analytics_names(n), n), ' ') from unnest(numbers) n),
		analytics_raw(p_keys, p_latency, greatest(p_from, tail.from_at), least(p_to, tail.to_at + interval '1 microsecond'), p_bars,
			format(' and batch = any(%L::bigint[])%s', coalesce(tail.batches, '{}'), raw)));
end $$;

-- The fields that a panel is about: a field by itself; 'total', which is 'outcome' with durations; 'time', whose first one is the bar;
-- 'list' (clients by route).
-- for: nobody
create or replace function gatehouse.analytics_keys(p_panel text) returns text[]
language sql immutable parallel safe as $$
select case p_panel when 'total' then '{outcome}'::text[] when 'time' then '{outcome,outcome}' when 'list' then '{client,route}'
	when 'tool' then '{tool,type}' else array[p_panel] end
$$;

-- Whether a panel tells durations.
-- for: nobody
create or replace function gatehouse.analytics_latency(p_source text, p_panel text) returns boolean
language sql immutable parallel safe as $$
select not gatehouse.rollup_of_people(p_source) and p_panel not in ('time', 'list', 'user', 'outcome', 'origin', 'reason', 'code')
$$;

-- Where a panel is read from.
-- for: nobody
create or replace function gatehouse.analytics_source_of(p_panel text, p_from timestamptz, p_to timestamptz, p_fields text[]) returns text
language plpgsql stable set search_path = gatehouse, pg_temp as $$
declare
	source text := analytics_source(p_fields || analytics_keys(p_panel));
	people timestamptz := rollup_people_from(now()); -- hours of people from before are gone
begin
	return case when (rollup_of_people(source) or source = 'use')
			and (p_from < people and p_from <> rollup_floor(2, p_from)
				or greatest(p_from, rollup_floor(2, p_to)) < people and p_to <> rollup_floor(2, p_to))
		or source = 'use' and p_from < people
			and coalesce((select min(days_to) from rollup_part where cube = 'use'), '-infinity') < least(p_to, people)
		then 'raw' else source end;
end $$;

-- Panels of those asked for that come from one reading, each time: what analytics_panels() takes.
-- for: console
create or replace function gatehouse.analytics_readings(p_panels text[], p_from timestamptz, p_to timestamptz, p_fields text[])
returns setof text[]
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
begin
	return query select array_agg(p order by n) from unnest(p_panels) with ordinality u (p, n)
	group by analytics_source_of(p, p_from, p_to, p_fields) order by min(n);
end $$;

-- Panels that come from one source (analytics_readings()), which is read once. Of each the sum of everything first (key null), then its keys, the P_LIMIT first in P_ORDER ('calls',
-- 'failed', 'slow', 'tokens', 'key'; 'any': the P_LIMIT first in each) after P_SKIP. `since` is where counting began, which is later than P_FROM
-- where calls had to be read and are too many. A panel of bars (of P_BAR seconds, by outcome) is asked for alone; no two are about the same fields.
-- (By bitmaps of pages: times lie in order, but not within a piece of rollup_recent, which the planner takes to cost nothing.)
-- for: console
create or replace function gatehouse.analytics_panels(p_panels text[], p_from timestamptz, p_to timestamptz,
	p_bar int, p_fields text[], p_modes text[], p_values text[], p_order text, p_limit int, p_skip int)
returns table (key text, key2 text, calls bigint, failed bigint, p95_us bigint, latency_us bigint,
	gateway_us bigint, upstream_us bigint, bytes_in bigint, bytes_out bigint, tokens_in bigint,
	tokens_out bigint, since timestamptz, panel text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp set jit = off set enable_indexscan = off as $$
#variable_conflict use_column
declare
	source text := analytics_source_of(p_panels[1], p_from, p_to, p_fields);
	bars interval := case when p_panels[1] = 'time' then make_interval(secs => p_bar) end;
	fields text[];
	latency boolean := (select bool_or(analytics_latency(source, p)) from unnest(p_panels) p);
	p95 text := case when latency then 'latency_quantile(latency, calls, 0.95)' else 'null::bigint' end;
	from_at timestamptz := p_from;
	orders text[] := case p_order when 'any' then '{calls,failed,slow,tokens}'::text[] else array[p_order] end;
	x record;
begin
	-- which columns a panel's keys are, and the number that GROUPING() makes of them
	if bars is not null then
		fields := analytics_keys('time');
	else
		fields := array(select distinct k from unnest(p_panels) p, unnest(analytics_keys(p)) k);
	end if;
	select string_agg(format('(%s)', s.columns), ', ') as sets,
		string_agg(format('when %s then %L', s.grouping, p), ' ') as panel,
		string_agg(format('when %s then %s', s.grouping, split_part(s.columns, ', ', 1)), ' ') as key,
		string_agg(format('when %s then %s', s.grouping, coalesce(nullif(split_part(s.columns, ', ', 2), ''), 'null')), ' ') as key2,
		string_agg(quote_literal(p), ', ') filter (where analytics_latency(source, p)) as timed
	into x
	from unnest(p_panels) p, lateral (
		select string_agg('k' || n, ', ' order by case when bars is null then array_position(analytics_keys(p), f) else n end)
				filter (where bars is not null or f = any(analytics_keys(p))) as columns,
			sum(case when bars is not null or f = any(analytics_keys(p)) then 0 else 1 << (cardinality(fields) - n::int) end) as grouping
		from unnest(fields) with ordinality u (f, n)) s;
	-- days of `use` all read take as long as the calls
	if source = 'use' and p_from < rollup_people_from(now()) and (bars < interval '1 day' or not analytics_indexed(p_fields, p_modes)) then
		source := 'raw';
	end if;
	if source = 'raw' and not analytics_one_user(p_fields, p_modes, p_values) then
		from_at := analytics_raw_from(p_from, p_to);
	elsif source in ('side', 'use') then -- go with the calls
		from_at := least(greatest(p_from, rollup_first_day()), p_to);
	end if;
	return query execute format($sql$
		with keys as (
			select case g %1$s end as panel, case g %2$s end as key, case g %3$s end as key2, k.* from (
				select grouping(%4$s) as g, %4$s, %5$s
				from (%6$s) r (%4$s, calls, failed, latency_us, gateway_us, upstream_us, bytes_in, bytes_out, tokens_in, tokens_out%7$s)
				group by grouping sets (%8$s)) k),
		sums as (
			select panel, 0 as whole, key, key2, calls, failed, case when panel in (%9$s) then %10$s end as p95_us, latency_us, gateway_us, upstream_us,
				bytes_in, bytes_out, tokens_in, tokens_out
			from keys
			union all
			select p, 1, null, null, calls, failed, case when p in (%9$s) then %10$s end, latency_us, gateway_us, upstream_us, bytes_in, bytes_out,
				tokens_in, tokens_out
			from (select %5$s from keys where panel = %11$L) w, unnest(%12$L::text[]) p)
		select key, key2, calls, failed, p95_us, latency_us, gateway_us, upstream_us, bytes_in,
			bytes_out, tokens_in, tokens_out, %13$L::timestamptz, panel
		from (select *, least(%14$s) as place from sums) s
		where whole = 1 or place > %15$s and place <= %16$s%17$s
		order by array_position(%12$L::text[], panel), whole desc, %18$s$sql$,
		x.panel, x.key, x.key2,
		(select string_agg('k' || n, ', ' order by n) from generate_subscripts(fields, 1) n), rollup_sums(latency),
		analytics_rows(source, fields, latency, from_at, p_to, bars, p_fields, p_modes, p_values), case when latency then ', latency' else '' end,
		x.sets, coalesce(x.timed, 'null'), p95, p_panels[1], p_panels, from_at,
		(select string_agg(format('row_number() over (partition by panel, whole order by %s)', analytics_order(o)), ', ') from unnest(orders) o),
		p_skip, p_skip::bigint + p_limit, case when p_order = 'failed' then ' and failed > 0' else '' end, analytics_order(p_order))
	using p_values;
end $$;

-- One panel.
-- for: console
create or replace function gatehouse.analytics_panel(p_panel text, p_from timestamptz, p_to timestamptz,
	p_bar int, p_fields text[], p_modes text[], p_values text[], p_order text, p_limit int, p_skip int)
returns table (key text, key2 text, calls bigint, failed bigint, p95_us bigint, latency_us bigint,
	gateway_us bigint, upstream_us bigint, bytes_in bigint, bytes_out bigint, tokens_in bigint,
	tokens_out bigint, since timestamptz)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
begin
	return query select p.key, p.key2, p.calls, p.failed, p.p95_us, p.latency_us, p.gateway_us, p.upstream_us, p.bytes_in, p.bytes_out,
		p.tokens_in, p.tokens_out, p.since
	from analytics_panels(array[p_panel], p_from, p_to, p_bar, p_fields, p_modes, p_values, p_order, p_limit, p_skip) p;
end $$;

-- for: nobody
create or replace function gatehouse.analytics_order(p_order text) returns text
language sql immutable parallel safe as $$
select case p_order when 'failed' then 'failed desc, calls desc, ' when 'slow' then 'p95_us desc nulls last, '
	when 'tokens' then 'tokens_in + tokens_out desc, ' when 'key' then '' else 'calls desc, ' end
	|| 'key collate "C", key2 collate "C"'
$$;

-- The calls of a range, the newest first: P_LIMIT of those before (P_BEFORE, P_BEFORE_ID), nulls for all. Hours in
-- which a rollup knows none are not read. Ends early, after 1.5 s, with a row whose request_id is null: `at` is how
-- far it came.
-- for: console
create or replace function gatehouse.analytics_calls(p_from timestamptz, p_to timestamptz, p_fields text[],
	p_modes text[], p_values text[], p_before timestamptz, p_before_id text, p_limit int)
returns table (at timestamptz, request_id text, operation_id text, mcp_method text, capability_type text,
	capability_name text, subject_id text, client_name text, outcome text, reason_code text,
	mcp_status bigint, latency_us bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
declare
	stop timestamptz := clock_timestamp() + interval '1500 milliseconds';
	to_at timestamptz := least(p_to, coalesce(p_before + interval '1 microsecond', p_to));
	source text := (select s from unnest('{end,call,client,side}'::text[]) with ordinality u (s, n)
		order by (select count(analytics_column(s, f)) from unnest(p_fields) f) desc, n limit 1);
	query text := format('select at, coalesce(request_id, ''''), operation_id, mcp_method, capability_type,
			capability_name, subject_id, client_name, outcome, reason_code, mcp_status, latency_us
		from gatehouse.event_call where at >= $2 and at < $3%s
		and ($4 is null or (at, coalesce(request_id, '''')) < ($4, $5))
		order by at desc, coalesce(request_id, '''') desc limit $6',
		analytics_where('raw', p_fields, p_modes, p_values));
	-- before this there are hours that a cube can tell to have none; after it calls are read five minutes by five minutes
	done timestamptz := least(rollup_floor(1, now() - interval '1 hour'), (select rollup_floor(1, c.spread_to) from rollup_cursor c where c.only_one),
		(select rollup_floor(1, r.counted_to) from analytics_range(p_from, now()) r));
	piece record;
	found_n int := 0;
	n int;
begin
	if analytics_one_user(p_fields, p_modes, p_values) then
		return query execute query using p_values, p_from, to_at, p_before, p_before_id, p_limit;
		return;
	end if;
	for piece in execute format('select s as from_at, interval ''5 minutes'' as width
		from generate_series(rollup_floor(0, $3), $4, interval ''-5 minutes'') s
		union all select distinct rollup_floor(1, at), interval ''1 hour'' from rollup_%s
		where grain in (0, 1) and at >= $2 and at < least($3, $4)%s order by 1 desc', source,
		analytics_where(source, p_fields, p_modes, p_values))
		using p_values, rollup_floor(1, p_from), to_at, done
	loop
		exit when found_n >= p_limit;
		if clock_timestamp() > stop then
			at := piece.from_at + piece.width;
			return next;
			return;
		end if;
		return query execute query using p_values, greatest(p_from, piece.from_at),
			least(to_at, piece.from_at + piece.width), p_before, p_before_id, p_limit - found_n;
		get diagnostics n = row_count;
		found_n := found_n + n;
	end loop;
end $$;

-- All that is known of one request: calls, auth events, audit rows, in the order of time. P_AT: about when; null: its
-- day is looked for, from today on back, for P_MS milliseconds.
-- for: console admin
create or replace function gatehouse.request_story(p_request_id text, p_at timestamptz, p_ms int)
returns table (kind text, at timestamptz, event jsonb)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
declare
	stop timestamptz := clock_timestamp() + make_interval(secs => p_ms / 1000.0);
	first timestamptz := rollup_first_day();
	from_at timestamptz := coalesce(p_at - interval '1 hour', rollup_floor(2, now()));
	to_at timestamptz := coalesce(p_at + interval '1 hour', now() + interval '1 day');
begin
	loop
		return query
		select s.kind, s.at, s.event from (
			select 'call' as kind, c.at, jsonb_strip_nulls(to_jsonb(c)) as event from event_call c
			where c.request_id = p_request_id and c.at >= from_at and c.at < to_at
			union all
			select 'auth', a.at, jsonb_strip_nulls(to_jsonb(a)) from event_auth a
			where a.request_id = p_request_id and a.at >= from_at and a.at < to_at
			union all
			select 'policy', p.at, jsonb_strip_nulls(to_jsonb(p)) from event_policy p
			where p.request_id = p_request_id and p.at >= from_at and p.at < to_at
			union all
			select 'audit', u.at, jsonb_strip_nulls(to_jsonb(u)) from audit u
			where u.request_id = p_request_id and u.at >= from_at and u.at < to_at) s
		order by s.at, s.kind desc
		limit 200;
		exit when found or p_at is not null or clock_timestamp() > stop
			or from_at < coalesce(first, from_at + interval '1 second');
		to_at := from_at;
		from_at := from_at - interval '1 day';
	end loop;
end $$;

-- The tools that upstreams list, those first that nobody called in [P_FROM, P_TO) and that cost most.
-- for: console
create or replace function gatehouse.analytics_tools(p_from timestamptz, p_to timestamptz, p_limit int, p_skip int)
returns table (operation_id text, name text, tokens bigint, last_at timestamptz, calls bigint, tools bigint,
	all_tokens bigint, unused bigint, unused_tokens bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query execute format($sql$
		with used as (
			select key as name, key2 as operation_id, sum(calls)::bigint as calls
			from (%s) rows (key, key2, calls) group by 1, 2),
		listed as (
			select t.operation_id, t.name, t.tokens, t.last_at, coalesce(u.calls, 0) as calls
			from tool_listed t left join used u on u.operation_id = t.operation_id and u.name = t.name
			where t.last_at >= $2 - interval '1 day')
		select l.operation_id, l.name, l.tokens, l.last_at, l.calls, count(*) over (), (sum(l.tokens) over ())::bigint,
			count(*) filter (where l.calls = 0) over (),
			coalesce((sum(l.tokens) filter (where l.calls = 0) over ()), 0)::bigint
		from listed l order by l.calls = 0 desc, l.tokens desc, l.operation_id, l.name limit $3 offset $4$sql$,
		analytics_rows('call', '{tool,route}', false, p_from, p_to, null, '{type}', '{equals}', '{tool}'))
	using array['tool'], p_from, p_limit, p_skip;
end $$;
