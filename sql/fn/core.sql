-- Schema version and audit trail.

-- What the database has, for db_schema_ok(): the newest file applied, and the oldest that a
-- program must know.
-- for: oauth consent connect mcp console admin
create or replace function gatehouse.schema_range(out newest int, out compatible_from int)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
begin
	select max(v.number), max(v.compatible_from) into newest, compatible_from
	from schema_version v;
end $$;

-- Called by the functions that make the change, in their transaction; never holds a secret.
-- for: nobody
create or replace function gatehouse.audit_add(p_action text, p_actor text, p_object text,
	p_client_id text, p_request_id text, p_detail jsonb default '{}') returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	insert into audit (action, actor, object, client_id, request_id, detail)
	values (p_action, p_actor, p_object, p_client_id, p_request_id, coalesce(p_detail, '{}'));
end $$;

-- For migrations: exactly the roles of these programs may execute the function (there is one of
-- that name).
-- for: nobody
create or replace function gatehouse.function_grant(p_name text, p_programs text[]) returns void
language plpgsql security invoker set search_path = gatehouse, pg_temp as $$
declare
	f regprocedure;
	r text;
begin
	select p.oid::regprocedure into strict f from pg_proc p
	where p.pronamespace = 'gatehouse'::regnamespace and p.proname = p_name;
	execute format('revoke all on function %s from public', f);
	for r in select rolname from pg_roles
		where rolname in ('gatehouse_oauth', 'gatehouse_consent', 'gatehouse_connect',
			'gatehouse_mcp', 'gatehouse_console', 'gatehouse_admin')
	loop
		if substr(r, 11) = any(p_programs) then
			execute format('grant execute on function %s to %I', f, r);
		elsif has_function_privilege(r, f, 'execute') and r <> 'gatehouse_admin' then
			execute format('revoke all on function %s from %I', f, r);
		end if;
	end loop;
end $$;

-- For migrations: no function of ours is for everybody, not even one of an older release. (Those
-- keep the grants that they have, for programs of that release that still run on another
-- machine.)
-- for: nobody
create or replace function gatehouse.function_close() returns void
language plpgsql security invoker set search_path = gatehouse, pg_temp as $$
declare
	f regprocedure;
begin
	for f in select p.oid
		from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
		where p.pronamespace = 'gatehouse'::regnamespace and x.grantee = 0
	loop
		execute format('revoke all on function %s from public', f);
	end loop;
end $$;
