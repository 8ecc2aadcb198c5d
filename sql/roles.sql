-- Roles, before the first schema file and again at every migrate: what is there already is left
-- alone.
--
-- `gatehouse` owns everything and cannot log in. Each program logs in as a role of its own, which
-- may execute the functions made for it and nothing else. `gatehouse_admin` is gatehousectl's: it
-- may act as the owner. Passwords are the operator's (peer, pgpass, scram): none is set here.
--
-- Roles belong to the whole cluster: two migrations of two databases may meet here, so that
-- "it exists already" is never an error.

do $$
declare
	r text;
begin
	foreach r in array array['gatehouse', 'gatehouse_oauth', 'gatehouse_consent',
		'gatehouse_connect', 'gatehouse_mcp', 'gatehouse_console', 'gatehouse_admin'] loop
		continue when exists (select from pg_roles where rolname = r);
		begin
			if r = 'gatehouse' then
				execute format('create role %I nologin', r);
			else
				execute format('create role %I login', r);
			end if;
		exception when duplicate_object or unique_violation then
			null;
		end;
	end loop;
end $$;

-- The server ends what outlives the patience of the programs (security: statements 3 s). Set on
-- the role, once, and not by each connection: that would cost a round trip, and poolers drop it.
do $$
declare
	r text;
	s text;
begin
	foreach r in array array['gatehouse_oauth', 'gatehouse_consent', 'gatehouse_connect',
		'gatehouse_mcp', 'gatehouse_console'] loop
		foreach s in array array['statement_timeout=2900ms', 'lock_timeout=2500ms',
			'idle_in_transaction_session_timeout=5s', 'jit=off'] loop
			continue when exists (select from pg_db_role_setting
				where setdatabase = 0
				and setrole = (select oid from pg_roles where rolname = r)
				and s = any(setconfig));
			for i in 1 .. 5 loop
				begin
					execute format('alter role %I set %I = %L', r,
						split_part(s, '=', 1), split_part(s, '=', 2));
					exit;
				exception when internal_error then -- another is at the same row
					perform pg_sleep(0.05);
				end;
			end loop;
		end loop;
	end loop;
end $$;

do $$
begin
	if not pg_has_role('gatehouse_admin', 'gatehouse', 'member') then
		grant gatehouse to gatehouse_admin;
	end if;
	if not pg_has_role(current_user, 'gatehouse', 'member') then
		execute format('grant gatehouse to %I', current_user);
	end if;
exception when internal_error or unique_violation then
	null; -- granted in the same moment by another migration
end $$;

do $$
begin
	if not exists (select from pg_namespace where nspname = 'gatehouse') then
		create schema gatehouse authorization gatehouse;
	end if;
	grant usage on schema gatehouse to gatehouse_oauth, gatehouse_consent, gatehouse_connect,
		gatehouse_mcp, gatehouse_console, gatehouse_admin;
end $$;
