-- compatible-from: 0023
--
-- Events of policies say which policy, what it did, and to how much; calls of routes that want it say with what
-- and what came of it; a tool says of itself what it does. The functions that add and page events have more
-- columns than they had: hence the number above.

alter table gatehouse.event_policy
	add column policy  text,   -- its name in the project
	add column action  text,   -- mask, block, log
	add column finds   text,   -- names and counts, never values: "contact-global-email: 2"
	add column matches bigint;
alter table gatehouse.event_call
	add column arguments text, -- JSON, perhaps cut: routes with recordArguments
	add column result    text; -- the same: recordResults
alter table gatehouse.tool_listed
	add column does text; -- read, create, update, delete; null: it does not say

do $$
declare
	f regprocedure;
begin
	for f in select p.oid from pg_proc p where p.pronamespace = 'gatehouse'::regnamespace
		and p.proname in ('events_add_call', 'events_add_policy', 'tools_listed', 'event_page', 'event_pages',
			'forward_read', 'events_follow', 'events_between')
	loop
		execute format('drop function %s', f);
	end loop;
end $$;
