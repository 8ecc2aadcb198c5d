-- compatible-from: 0023
--
-- rollup_use: who called what, from which client and how that ended, by days: what the other cubes do not tell together. Its hours are
-- rollup_recent, of which each day is made when it is over: u in parts; the users of a tool lie together, those of one sixty-fourth of all users.
-- It lives as long as the calls do, and has no weeks. In rollup_part, hours_to says how far within a day it is made.
--
-- Days of before, of which rollup_recent has nothing any more, are taken into it again from the calls: up to refill_to, until
-- refill_end ('infinity': none are).
--
-- rollup_recent is read for one user's rows, or one tool's, which lie together in each piece (rollup_take()).

select pg_advisory_xact_lock(7449359170164355440); -- no step is under way
create table gatehouse.rollup_use (
	at timestamptz not null, grain smallint not null check (grain = 2), part smallint not null,
	u int not null, c int not null, t int not null, e int not null, calls bigint not null, failed bigint not null, latency_us bigint not null,
	gateway_us bigint not null, upstream_us bigint not null, bytes_in bigint not null, bytes_out bigint not null,
	tokens_in bigint not null, tokens_out bigint not null, latency numeric not null
);
create index rollup_use_by_time on gatehouse.rollup_use using brin (at) with (autosummarize = on);
create index rollup_use_by_user on gatehouse.rollup_use (u, at);
create index rollup_use_by_what on gatehouse.rollup_use (t, at);
create index rollup_recent_by_place on gatehouse.rollup_recent using brin (at, u, t) with (pages_per_range = 2, autosummarize = on);

alter table gatehouse.rollup_cursor
	add column refill_to timestamptz not null default 'infinity',
	add column refill_end timestamptz not null default 'infinity';

with f as (
	select least(to_date(min(right(c.relname, 8)), 'YYYYMMDD')::timestamp at time zone 'UTC', date_trunc('day', now(), 'UTC')) as first
	from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'gatehouse.event_call'::regclass),
c as (
	-- what rollup_recent has whole: hours of eight days, and what is not spread
	update gatehouse.rollup_cursor set refill_end = least(date_trunc('hour', now(), 'UTC') - interval '8 days', spread_to), refill_to = first from f
	where first < least(date_trunc('hour', now(), 'UTC') - interval '8 days', spread_to))
insert into gatehouse.rollup_part (cube, part, slots_to, hours_to, days_to, weeks_to)
select 'use', n, 'infinity', first, first, 'infinity' from f, generate_series(0, 7) n
where exists (select from gatehouse.rollup_cursor);

drop function if exists gatehouse.rollup_take(text, timestamptz, int);
drop function if exists gatehouse.rollup_spread(int, text);
