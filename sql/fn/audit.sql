-- The audit trail as a chain: see sql/schema/0017-audit-chain.sql. MACs are made and checked by programs;
-- the database never sees the key.

-- A time to the microsecond, the same however the session is set. In SQL and without settings of its own, it is made a part
-- of the statement that has it: it is asked for each event, of each destination.
-- for: nobody
create or replace function gatehouse.audit_time(p_at timestamptz) returns text
language sql stable as $$
	select pg_catalog.to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- The end of the chain, and the committed rows that come next, in order, P_LIMIT at most. No row: all
-- is sealed. Rows of transactions that are still open come when they commit.
-- for: consent admin
create or replace function gatehouse.audit_next(p_limit int)
returns table (head_no bigint, head_mac bytea, audit_id bigint, event_id uuid, at text, program text,
	request_id text, actor text, action text, object text, client_id text, detail text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select coalesce(h.seal_no, 0), h.mac, a.audit_id, a.event_id, audit_time(a.at), a.program,
		a.request_id, a.actor, a.action, a.object, a.client_id, a.detail::text
	from (select u.audit_id from audit_unsealed u order by u.audit_id limit p_limit) u
	join audit a on a.audit_id = u.audit_id
	left join lateral (select s.seal_no, s.mac from audit_seal s order by s.seal_no desc limit 1) h
		on true
	order by a.audit_id;
end $$;

-- Appends to the chain, if it still ends at P_HEAD: of two sealers the second is told no, and
-- looks again.
-- for: consent admin
create or replace function gatehouse.audit_seal_add(p_head bigint, p_key_id text, p_audit_id bigint[],
	p_mac bytea[]) returns boolean
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	if not pg_try_advisory_xact_lock(7449359170164355443)
	or coalesce((select max(s.seal_no) from audit_seal s), 0) <> p_head then
		return false;
	end if;
	insert into audit_seal (seal_no, audit_id, key_id, mac)
	select p_head + n, p_audit_id[n], p_key_id, p_mac[n]
	from generate_series(1, cardinality(p_audit_id)) n;
	delete from audit_unsealed u where u.audit_id = any(p_audit_id);
	return true;
end $$;

-- The chain from the place after P_AFTER on, with the rows that it seals: those that are gone
-- have no event_id.
-- for: admin
create or replace function gatehouse.audit_chain(p_after bigint, p_limit int)
returns table (seal_no bigint, key_id text, mac bytea, audit_id bigint, event_id uuid, at text,
	program text, request_id text, actor text, action text, object text, client_id text, detail text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select s.seal_no, s.key_id, s.mac, s.audit_id, a.event_id, audit_time(a.at), a.program,
		a.request_id, a.actor, a.action, a.object, a.client_id, a.detail::text
	from audit_seal s left join audit a on a.audit_id = s.audit_id
	where s.seal_no > p_after
	order by s.seal_no
	limit p_limit;
end $$;

-- Rows without a place in the chain though they had the time to get one, after P_AFTER.
-- for: admin
create or replace function gatehouse.audit_loose(p_after bigint, p_limit int)
returns table (audit_id bigint, at text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select a.audit_id, audit_time(a.at)
	from audit a left join audit_seal s on s.audit_id = a.audit_id
	where a.audit_id > p_after and s.audit_id is null and a.at < now() - interval '10 seconds'
	order by a.audit_id
	limit p_limit;
end $$;

-- For how many seconds the oldest row that waits for its seal has waited; 0: none waits.
-- for: admin
create or replace function gatehouse.audit_waiting() returns bigint
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
begin
	return coalesce((select greatest(1, extract(epoch from clock_timestamp() - u.at))::bigint
		from audit_unsealed u order by u.at limit 1), 0);
end $$;

-- What gatehousectl did elsewhere than in the database: to files.
-- for: admin
create or replace function gatehouse.audit_note(p_action text, p_actor text, p_object text, p_trace text,
	p_detail jsonb) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	perform audit_add(p_action, p_actor, p_object, null, p_trace, p_detail);
end $$;

-- The end of the chain goes to the destinations that want anchors.
-- for: consent admin
create or replace function gatehouse.audit_anchor(p_place bigint) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	insert into event_queue (family, audit_id, n, from_at, to_at) values ('anchor', p_place, 1, now(), now());
end $$;
