-- compatible-from: 0023
--
-- Batches of events whose program knows of somebody to send them to are kept in one piece, too, as src/event/packed.h has
-- it: reading them back row by row cost more than sending them. The functions that add events take that piece, and those that
-- page through events give pieces; an older program goes on adding, and says that its forwarding waits for `migrate`'s release.
-- Also: for how long events are kept is known here, so that no program can have them removed sooner.

alter table gatehouse.event_queue
	add column program text,
	add column layout  int,   -- of the body: event_layout() where it was written
	add column body    text;  -- null: read the rows
alter table gatehouse.event_queue alter column body set storage external;
alter table gatehouse.event_queue set (toast_tuple_target = 128);

do $$
declare
	f regprocedure;
begin
	for f in select p.oid from pg_proc p where p.pronamespace = 'gatehouse'::regnamespace
		and p.proname in ('events_add_call', 'events_add_auth', 'events_add_policy', 'event_enqueue', 'event_page', 'event_pages',
			'forward_read', 'forward_failed', 'events_follow', 'events_between')
	loop
		execute format('drop function %s', f);
	end loop;
end $$;

-- For how many days calls, and the sums made of them, are kept (0: for ever), as the project says: written by gatehousectl alone
-- (events_keep()). No row: nothing is removed.
create table gatehouse.event_keep (
	one      bool primary key default true check (one),
	days     int not null check (days >= 0),
	sum_days int not null check (sum_days >= 0)
);
