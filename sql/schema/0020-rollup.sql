-- compatible-from: 0016
--
-- What the pages of operators count, anew: calls summed up in the order in which they arrive, in tables of which
-- each knows as much as a question needs. What 0015 made of calls is made again of the calls that are kept.
--
-- A table ("cube") tells apart what its columns say; the last four, of users, are in eight parts, so that a
-- piece of work stays small. Each holds four grains: what came within five minutes, hours, days (UTC), weeks. The first
-- moves into the hours (a call is in one of them); days and weeks are copies, as what is older than days is read by
-- them. Rows of one time may have the same texts: whoever reads adds up. Texts are '' where a call has none.
-- `latency` is a histogram as one number (latency_unit()), which sums like any other.

do $$
declare
	f regprocedure;
begin
	for f in select p.oid from pg_proc p where p.pronamespace = 'gatehouse'::regnamespace
		and (p.proname like 'rollup\_%' or p.proname in ('latency_quantile', 'analytics_raw'))
	loop
		execute format('drop function %s', f);
	end loop;
end $$;
drop table gatehouse.rollup_call, gatehouse.rollup_side, gatehouse.rollup_user, gatehouse.rollup_state, gatehouse.rollup_late;

do $$
declare
	t record;
begin
	for t in select * from (values
		('end', 'outcome, failure_origin, reason_code, code, status', true),
		('tool', 'capability_type, capability_name', true),
		('route', 'operation_id, upstream_id, mcp_method, transport, outcome', true),
		('client', 'client_name, operation_id, mcp_method', true),
		('call', 'operation_id, upstream_id, mcp_method, capability_type, capability_name, outcome', true),
		('side', 'operation_id, upstream_id, mcp_method, client_name, transport, outcome, failure_origin, reason_code, code, status', true),
		('user', 'subject_id', false),
		('person', 'subject_id, client_name, outcome', false),
		('access', 'operation_id, subject_id, upstream_id, outcome', false)) v (name, columns, latency)
	loop
		execute format('create table gatehouse.rollup_%s (
			grain smallint not null check (grain between 0 and 3), at timestamptz not null, part smallint not null,
			%s text not null, calls bigint not null, failed bigint not null, latency_us bigint not null,
			gateway_us bigint not null, upstream_us bigint not null, bytes_in bigint not null, bytes_out bigint not null,
			tokens_in bigint not null, tokens_out bigint not null%s)',
			t.name, replace(t.columns, ',', ' text not null,'), case when t.latency then ', latency numeric not null' else '' end);
		execute format('create index on gatehouse.rollup_%s (grain, at, part)', t.name);
	end loop;
end $$;
create index on gatehouse.rollup_person (subject_id, grain, at);
create index on gatehouse.rollup_access (subject_id, grain, at);
create index on gatehouse.rollup_access (operation_id, grain, at);

-- How far each part of a cube has got: five minutes made one, hours made of them, days of hours, weeks of days.
create table gatehouse.rollup_part (
	cube     text not null,
	part     smallint not null,
	slots_to timestamptz not null,
	hours_to timestamptz not null,
	days_to  timestamptz not null,
	weeks_to timestamptz not null,
	primary key (cube, part)
);

-- Which batches of the queue are counted: all up to (tx, batch). Those up to first_batch were there before counting
-- began; their calls are counted by their time, up to filled_to ('infinity': all of them). One row.
create table gatehouse.rollup_cursor (
	only_one    boolean primary key default true check (only_one),
	tx          xid8 not null,
	batch       bigint not null default 0,
	first_batch bigint not null,
	filled_to   timestamptz not null
);
