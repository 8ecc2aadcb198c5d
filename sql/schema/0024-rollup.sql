-- compatible-from: 0016
--
-- What the pages of operators count, anew: sums are kept by numbers that stand for texts, and tell apart what every single
-- filter of a page asks for. What 0020 made of calls is made again of the calls that are kept; days and weeks before these
-- are taken along, with '' for what they did not tell.
--
-- A row of rollup_what says what was called, one of rollup_how how it ended, rollup_name has users and clients. A table
-- ("cube") of sums tells apart what its numbers say: t of rollup_what, e of rollup_how, u (users) and c (clients) of
-- rollup_name. Where a cube tells less of what was called, its rows lead to rows of rollup_what whose other texts are ''.
-- Texts are '' where a call has none.
--
-- Calls are added to rollup_recent, which tells all of this apart, has nearly as many rows as there are calls and no index that costs
-- anything; from there they are spread over the cubes, many at once, up to rollup_cursor.spread_to. Whoever reads adds what is
-- younger.
--
-- Each cube holds four grains: what came within five minutes, hours, days (UTC), weeks. The first moves into the hours (a call
-- is in one of them); days and weeks are copies, as what is older than days is read by them. Cubes of users are in parts, so
-- that a piece of work stays small. Rows of one time may have the same numbers: whoever reads adds up. `latency` is a histogram
-- as one number (latency_unit()), which sums like any other. rollup_side lives as long as the calls do.

do $$
declare
	f regprocedure;
	t text;
begin
	for f in select p.oid from pg_proc p where p.pronamespace = 'gatehouse'::regnamespace
		and (p.proname like 'rollup\_%' or p.proname in ('analytics_raw', 'analytics_rows', 'analytics_where', 'analytics_source', 'analytics_column'))
	loop
		execute format('drop function %s', f);
	end loop;
	foreach t in array '{end,tool,route,client,call,side,user,person,access}'::text[] loop
		execute format('alter table gatehouse.rollup_%1$s rename to before_%1$s', t);
		execute format('drop index gatehouse.rollup_%s_grain_at_part_idx', t);
	end loop;
end $$;

-- hash: of the texts, for an index that any length fits into. same_as: for one piece of work only, a text that is counted as
-- "(more)". seen: the last day on which a piece of work met it.
create table gatehouse.rollup_what (
	id              int generated always as identity primary key,
	hash            bigint not null,
	operation_id    text not null,
	upstream_id     text not null,
	mcp_method      text not null,
	capability_type text not null,
	capability_name text not null,
	place           int, -- the row that tells route and upstream only
	kind            int, -- the row that tells method and kind only
	same_as         int,
	seen            date not null default (now() at time zone 'UTC')::date
);
create table gatehouse.rollup_how (
	id             int generated always as identity primary key,
	hash           bigint not null,
	transport      text not null,
	outcome        text not null,
	failure_origin text not null,
	reason_code    text not null,
	code           text not null,
	status         text not null,
	same_as        int,
	seen           date not null default (now() at time zone 'UTC')::date
);
create table gatehouse.rollup_name (
	id      int generated always as identity primary key,
	hash    bigint not null,
	name    text not null,
	same_as int,
	seen    date not null default (now() at time zone 'UTC')::date
);
create index on gatehouse.rollup_what (hash);
create index on gatehouse.rollup_how (hash);
create index on gatehouse.rollup_name (hash);

do $$
declare
	t record;
begin
	for t in select * from (values
		('end', 'c,e', true), ('call', 't,e', true), ('client', 'c,t', true), ('side', 'c,t,e', true),
		('user', 'u', false), ('habit', 'u,t', false), ('person', 'u,c,e', false), ('access', 'u,t', false)) v (name, keys, latency)
	loop
		execute format('create table gatehouse.rollup_%s (
			at timestamptz not null, grain smallint not null check (grain between 0 and 3), part smallint not null,
			%s int not null, calls bigint not null, failed bigint not null, latency_us bigint not null,
			gateway_us bigint not null, upstream_us bigint not null, bytes_in bigint not null, bytes_out bigint not null,
			tokens_in bigint not null, tokens_out bigint not null%s)',
			t.name, replace(t.keys, ',', ' int not null,'), case when t.latency then ', latency numeric not null' else '' end);
	end loop;
	foreach t.name in array '{end,call,client,side,user,habit,person,access}'::text[] loop
		execute format('create index on gatehouse.rollup_%s (grain, at, part)', t.name);
	end loop;
end $$;
create index on gatehouse.rollup_access (t, grain, at);
create index on gatehouse.rollup_side (c, grain, at);

-- late: is to be spread by itself, as its time is spread already.
create table gatehouse.rollup_recent (
	at timestamptz not null, u int not null, c int not null, t int not null, e int not null, late boolean not null,
	calls bigint not null, failed bigint not null, latency_us bigint not null, gateway_us bigint not null, upstream_us bigint not null,
	bytes_in bigint not null, bytes_out bigint not null, tokens_in bigint not null, tokens_out bigint not null, latency numeric not null
);
create index on gatehouse.rollup_recent using brin (at) with (pages_per_range = 16, autosummarize = on);
create index on gatehouse.rollup_recent (at) where late;

alter table gatehouse.rollup_cursor
	add column spread_to timestamptz not null default '-infinity',
	add column named_on date not null default '-infinity', -- the day of which `named` says how many texts were new
	add column named int not null default 0;

-- Days and weeks before the calls that are kept.
create function pg_temp.before(p_grain smallint, p_at timestamptz) returns boolean language sql stable as $$
select p_grain = 2 and p_at < f or p_grain = 3 and p_at + interval '7 days' <= f from (
	select least(to_date(min(right(c.relname, 8)), 'YYYYMMDD')::timestamp at time zone 'UTC', date_trunc('day', now(), 'UTC')) as f
	from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'gatehouse.event_call'::regclass) x
$$;
do $$
declare
	t text;
	sums text := 'calls, failed, latency_us, gateway_us, upstream_us, bytes_in, bytes_out, tokens_in, tokens_out';
begin
	foreach t in array '{call,client,side,user,person,access}'::text[] loop
		execute format('delete from gatehouse.before_%s where pg_temp.before(grain, at) is not true', t);
	end loop;
	insert into gatehouse.rollup_name (hash, name)
	select hashtextextended(n, 0), n from (
		select subject_id from gatehouse.before_user union select subject_id from gatehouse.before_person
		union select subject_id from gatehouse.before_access union select client_name from gatehouse.before_client
		union select client_name from gatehouse.before_side union select client_name from gatehouse.before_person) u (n);
	insert into gatehouse.rollup_how (hash, transport, outcome, failure_origin, reason_code, code, status)
	select hashtextextended(concat_ws(chr(31), u.*), 0), u.* from (
		select transport, outcome, failure_origin, reason_code, code, status from gatehouse.before_side
		union select '', outcome, '', '', '', '' from gatehouse.before_call
		union select '', outcome, '', '', '', '' from gatehouse.before_person) u;
	with u as (
		select operation_id, upstream_id, mcp_method, capability_type, capability_name from gatehouse.before_call
		union select operation_id, upstream_id, mcp_method, '', '' from gatehouse.before_side
		union select operation_id, '', mcp_method, '', '' from gatehouse.before_client
		union select operation_id, upstream_id, '', '', '' from gatehouse.before_access)
	insert into gatehouse.rollup_what (hash, operation_id, upstream_id, mcp_method, capability_type, capability_name)
	select hashtextextended(concat_ws(chr(31), w.*, ''), 0), w.* from (
		select * from u union select operation_id, upstream_id, '', '', '' from u union select '', '', mcp_method, capability_type, '' from u
		union select '', '', '', '', '' from u) w;
	update gatehouse.rollup_what w set place = p.id, kind = k.id from gatehouse.rollup_what p, gatehouse.rollup_what k
	where (p.operation_id, p.upstream_id, p.mcp_method, p.capability_type, p.capability_name) = (w.operation_id, w.upstream_id, '', '', '')
		and (k.operation_id, k.upstream_id, k.mcp_method, k.capability_type, k.capability_name) = ('', '', w.mcp_method, w.capability_type, '');

	execute format('insert into gatehouse.rollup_call select at, grain, part, t.id, e.id, %s, latency from gatehouse.before_call b
		join gatehouse.rollup_what t using (operation_id, upstream_id, mcp_method, capability_type, capability_name)
		join gatehouse.rollup_how e on (e.transport, e.outcome, e.failure_origin, e.reason_code, e.code, e.status) = ('''', b.outcome, '''', '''', '''', '''')', sums);
	execute format('insert into gatehouse.rollup_client select at, grain, part, c.id, t.id, %s, latency from gatehouse.before_client b
		join gatehouse.rollup_name c on c.name = b.client_name
		join gatehouse.rollup_what t on (t.operation_id, t.upstream_id, t.mcp_method, t.capability_type, t.capability_name) = (b.operation_id, '''', b.mcp_method, '''', '''')', sums);
	execute format('insert into gatehouse.rollup_end select at, grain, part, c.id, e.id, %s, latency from gatehouse.before_side b
		join gatehouse.rollup_name c on c.name = b.client_name join gatehouse.rollup_how e using (transport, outcome, failure_origin, reason_code, code, status)', sums);
	execute format('insert into gatehouse.rollup_user select at, grain, part, u.id, %s from gatehouse.before_user b
		join gatehouse.rollup_name u on u.name = b.subject_id', sums);
	execute format('insert into gatehouse.rollup_habit select at, grain, part, u.id, t.id, %s from gatehouse.before_user b
		join gatehouse.rollup_name u on u.name = b.subject_id
		join gatehouse.rollup_what t on (t.operation_id, t.upstream_id, t.mcp_method, t.capability_type, t.capability_name) = ('''', '''', '''', '''', '''')', sums);
	execute format('insert into gatehouse.rollup_person select at, grain, part, u.id, c.id, e.id, %s from gatehouse.before_person b
		join gatehouse.rollup_name u on u.name = b.subject_id join gatehouse.rollup_name c on c.name = b.client_name
		join gatehouse.rollup_how e on (e.transport, e.outcome, e.failure_origin, e.reason_code, e.code, e.status) = ('''', b.outcome, '''', '''', '''', '''')', sums);
	execute format('insert into gatehouse.rollup_access select at, grain, part, u.id, t.id, %s from gatehouse.before_access b
		join gatehouse.rollup_name u on u.name = b.subject_id
		join gatehouse.rollup_what t on (t.operation_id, t.upstream_id, t.mcp_method, t.capability_type, t.capability_name) = (b.operation_id, b.upstream_id, '''', '''', '''')', sums);
	foreach t in array '{end,tool,route,client,call,side,user,person,access}'::text[] loop
		execute format('drop table gatehouse.before_%s', t);
	end loop;
end $$;
drop function pg_temp.before(smallint, timestamptz);
-- Begun anew by the first step.
delete from gatehouse.rollup_cursor;
delete from gatehouse.rollup_part;
