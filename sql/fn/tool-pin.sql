-- Pinned tools: see sql/schema/0014-tool-pin.sql.

-- Whether a route's first list has come to its end. An upstream that names a further page for ever has no longer time than others to
-- be trusted.
-- for: nobody
create or replace function gatehouse.tool_route_is_learned(r gatehouse.tool_route)
returns boolean
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
begin
	return r.learned_at is not null or r.begun_at < now() - interval '10 minutes';
end
$$;

-- What is known of a route's tools. At least one row: LEARNED says whether its first list has come to its end; TOOL is null
-- where there is none.
-- for: mcp
create or replace function gatehouse.tool_pins(p_operation_id text)
returns table (learned boolean, tool text, approved_hash bytea, seen_hash bytea)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	v_learned boolean;
begin
	select tool_route_is_learned(r) into v_learned from tool_route r where r.operation_id = p_operation_id;
	v_learned := coalesce(v_learned, false);
	return query select v_learned, p.tool, p.approved_hash, p.seen_hash
	from tool_pin p where p.operation_id = p_operation_id;
	if not found then
		return query select v_learned, null::text, null::bytea, null::bytea;
	end if;
end
$$;

-- Keeps a definition, and of each tool the last four and those that count. Returns whether it had not been seen before.
-- for: nobody
create or replace function gatehouse.tool_definition_add(p_operation_id text, p_tool text, p_hash bytea,
	p_definition text)
returns boolean
language plpgsql
set search_path = gatehouse, pg_temp
as $$
begin
	insert into tool_definition (operation_id, tool, hash, definition, seen_at)
	values (p_operation_id, p_tool, p_hash, p_definition, clock_timestamp())
	on conflict do nothing;
	if not found then
		return false;
	end if;
	delete from tool_definition d using tool_pin p
	where d.operation_id = p_operation_id and d.tool = p_tool and p.operation_id = d.operation_id
		and p.tool = d.tool and d.hash is distinct from p.approved_hash and d.hash <> p.seen_hash
		and d.hash <> all(array(select x.hash from tool_definition x
			where x.operation_id = p_operation_id and x.tool = p_tool
			order by x.seen_at desc limit 4));
	return true;
end
$$;

-- What an upstream's list shows now. P_TRUST: tools of a route's first list are approved. P_LAST: that list ends with these.
-- STATE is approved, new or changed; IS_NEWS says that nobody was told of this definition before. A route has 1000 tools
-- at most: more are new for ever, and not kept.
-- for: mcp
create or replace function gatehouse.tool_seen(p_operation_id text, p_tools text[], p_hashes bytea[],
	p_definitions text[], p_trust boolean, p_last boolean)
returns table (tool text, state text, is_news boolean)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	p tool_pin%rowtype;
	v_open boolean;
	v_room bigint;
	v_trusted jsonb := '{}';
begin
	insert into tool_route (operation_id) values (p_operation_id) on conflict do nothing;
	select not tool_route_is_learned(r) into strict v_open from tool_route r
	where r.operation_id = p_operation_id for update; -- two lists at once must not both be the first
	select 1000 - count(*) into v_room from tool_pin t where t.operation_id = p_operation_id;

	for i in 1 .. cardinality(p_tools) loop
		tool := p_tools[i];
		is_news := false;
		select * into p from tool_pin t where t.operation_id = p_operation_id and t.tool = p_tools[i];
		if not found then
			state := 'new';
			if v_room > 0 then
				v_room := v_room - 1;
				insert into tool_pin (operation_id, tool, seen_hash, seen_at)
				values (p_operation_id, p_tools[i], p_hashes[i], clock_timestamp());
				is_news := tool_definition_add(p_operation_id, p_tools[i], p_hashes[i], p_definitions[i]);
				if v_open and p_trust then
					update tool_pin t set approved_hash = p_hashes[i], approved_at = clock_timestamp()
					where t.operation_id = p_operation_id and t.tool = p_tools[i];
					v_trusted := v_trusted || jsonb_build_object(p_tools[i], encode(p_hashes[i], 'hex'));
					state := 'approved';
					is_news := false;
				end if;
			end if;
		else
			if p.seen_hash <> p_hashes[i] then
				update tool_pin t set seen_hash = p_hashes[i], seen_at = clock_timestamp()
				where t.operation_id = p_operation_id and t.tool = p_tools[i];
			end if;
			state := case when p.approved_hash = p_hashes[i] then 'approved'
				when p.approved_hash is null then 'new' else 'changed' end;
			is_news := tool_definition_add(p_operation_id, p_tools[i], p_hashes[i], p_definitions[i])
				and state <> 'approved';
		end if;
		return next;
	end loop;

	if v_open and p_last then
		update tool_route r set learned_at = now() where r.operation_id = p_operation_id;
	end if;
	if v_trusted <> '{}' then
		perform audit_add('tools_trusted', null, 'route:' || p_operation_id, null, null,
			jsonb_build_object('before', null, 'after', v_trusted));
	end if;
end
$$;

-- A route's tools with what was approved and what is seen, those that wait first. MARK is when the upstream began to say so.
-- for: admin
create or replace function gatehouse.tool_list(p_operation_id text)
returns table (tool text, state text, approved_at text, approved_by text, seen_at text, mark text, was text, now text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select p.tool, case when p.approved_hash = p.seen_hash then 'approved'
			when p.approved_hash is null then 'new' else 'changed' end,
		utc_text(p.approved_at), p.approved_by, utc_text(p.seen_at),
		to_char(p.seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), w.definition, n.definition
	from tool_pin p
	left join tool_definition w on w.operation_id = p.operation_id and w.tool = p.tool and w.hash = p.approved_hash
	left join tool_definition n on n.operation_id = p.operation_id and n.tool = p.tool and n.hash = p.seen_hash
	where p.operation_id = p_operation_id
	order by p.approved_hash is not distinct from p.seen_hash, p.tool collate "C";
end
$$;

-- Approves what is seen of these tools, or (null) of all that wait. With P_UNTIL: only what has been so since then, that is
-- what somebody looked at. OUTCOME: approved, unchanged, newer (it changed since), unknown.
-- for: admin
create or replace function gatehouse.tool_approve(p_operation_id text, p_tools text[], p_until timestamptz,
	p_actor text, p_trace text)
returns table (tool text, outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	p tool_pin%rowtype;
begin
	perform from tool_route r where r.operation_id = p_operation_id for update;
	foreach tool in array coalesce(p_tools, array(select t.tool from tool_pin t
		where t.operation_id = p_operation_id and t.approved_hash is distinct from t.seen_hash
		order by t.tool collate "C"))
	loop
		select * into p from tool_pin t where t.operation_id = p_operation_id and t.tool = tool_approve.tool;
		if not found then
			outcome := 'unknown';
		elsif p.approved_hash = p.seen_hash then
			outcome := 'unchanged';
		elsif p.seen_at > p_until then
			outcome := 'newer';
		else
			outcome := 'approved';
			update tool_pin t set approved_hash = p.seen_hash, approved_at = clock_timestamp(),
				approved_by = p_actor
			where t.operation_id = p_operation_id and t.tool = tool_approve.tool;
			perform audit_add('tool_approved', p_actor, 'tool:' || p_operation_id || '/' || p.tool, null, p_trace,
				jsonb_build_object('before', encode(p.approved_hash, 'hex'),
					'after', encode(p.seen_hash, 'hex')));
		end if;
		return next;
	end loop;
	-- whoever approves has seen the first list
	update tool_route r set learned_at = now() where r.operation_id = p_operation_id and r.learned_at is null;
end
$$;
