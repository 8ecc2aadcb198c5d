-- Schema version and audit trail.

-- What the database has, for db_schema_ok(): the newest file applied, and the oldest that a program must know.
-- for: oauth consent connect mcp console admin
create or replace function gatehouse.schema_range(out newest int, out compatible_from int)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
begin
	select max(v.number), max(v.compatible_from) into newest, compatible_from from schema_version v;
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
