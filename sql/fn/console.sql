-- The operators' pages: who may open them, what they show of people and upstreams, what they end.

-- for: oauth
create or replace function gatehouse.session_mark_admin(p_session_hash bytea, p_marks text[]) returns void
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
begin
	update browser_session s set admin_marks = p_marks where s.session_hash = p_session_hash;
end $$;

-- Who is signed in, and the marks (blanks between) that make an administrator.
-- for: console
create or replace function gatehouse.session_of_admin(p_session_hashes bytea[])
returns table (subject text, name text, email text, marks text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select s.subject, s.name, s.email, array_to_string(s.admin_marks, ' ')
	from browser_session s
	where s.session_hash = any(p_session_hashes) and s.expires_at > now();
end $$;

-- ---- what is looked at, and ended, on the pages

-- People who have a session, a grant or a connection, whose subject, name or e-mail has p_search in it ('' for all);
-- p_limit at most, from the subject after p_after on.
-- for: console
create or replace function gatehouse.console_users(p_search text, p_after text, p_limit int)
returns table (subject text, name text, email text, sessions bigint, grants bigint, connections bigint,
	last_used bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
declare
	v_search text := lower(p_search);
begin
	return query
	with who as (
		select s.subject from browser_session s
		where s.expires_at > now() and s.subject > p_after
			and (v_search = '' or strpos(lower(concat_ws(' ', s.subject, s.name, s.email)), v_search) > 0)
		union
		select g.subject from grants g
		where grant_is_live(g) and g.subject > p_after and (v_search = '' or strpos(lower(g.subject), v_search) > 0)
		union
		select c.subject from connection c
		where c.subject > greatest(p_after, '') and (v_search = '' or strpos(lower(c.subject), v_search) > 0)
		order by 1 limit p_limit)
	select w.subject, n.name, n.email,
		(select count(*) from browser_session s where s.subject = w.subject and s.expires_at > now()),
		(select count(*) from grants g where g.subject = w.subject and grant_is_live(g)),
		(select count(*) from connection c where c.subject = w.subject),
		(select extract(epoch from max(g.last_used_at))::bigint from grants g
			where g.subject = w.subject and grant_is_live(g))
	from who w
	left join lateral (select s.name, s.email from browser_session s
		where s.subject = w.subject and s.expires_at > now()
		order by s.created_at desc limit 1) n on true
	order by w.subject;
end $$;

-- Sessions in browsers, the newest first, whose subject, name or e-mail has p_search in it ('' for all); p_limit at most, behind
-- the one of place p_after ('' for the first): a place is when it began, and what tells two of one moment apart.
-- for: console
create or replace function gatehouse.console_sessions(p_search text, p_after text, p_limit int)
returns table (subject text, name text, email text, begun bigint, ends bigint, place text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
declare
	v_search text := lower(p_search);
	v_at numeric := case when p_after ~ '^[0-9]{1,18}-[0-9a-f]{8}$' then split_part(p_after, '-', 1)::numeric end;
	v_mark text := split_part(p_after, '-', 2);
begin
	return query
	with one as (
		select s.subject, s.name, s.email, extract(epoch from s.created_at) as created, extract(epoch from s.expires_at)::bigint as expires,
			floor(extract(epoch from s.created_at) * 1000000) as at, left(encode(sha256(s.session_hash), 'hex'), 8) as mark
		from browser_session s
		where s.expires_at > now() and (v_search = '' or strpos(lower(concat_ws(' ', s.subject, s.name, s.email)), v_search) > 0))
	select o.subject, o.name, o.email, o.created::bigint, o.expires, o.at || '-' || o.mark
	from one o
	where v_at is null or (o.at, o.mark) < (v_at, v_mark)
	order by o.at desc, o.mark desc
	limit p_limit;
end $$;

-- Clients that count, with p_search in name or id; p_limit at most, from the id after p_after on.
-- for: console
create or replace function gatehouse.console_clients(p_search text, p_after text, p_limit int)
returns table (client_id text, name text, kind text, auth_method text, redirect_uris text, created bigint,
	last_used bigint, grants bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select c.client_id, c.name, c.kind, c.auth_method, array_to_string(c.redirect_uris[1:5], ' '),
		extract(epoch from c.created_at)::bigint, extract(epoch from c.last_used_at)::bigint,
		(select count(*) from grants g where g.client_id = c.client_id and grant_is_live(g))
	from client c
	where c.client_id > p_after and client_is_live(c.last_used_at, c.granted_at)
		and (p_search = '' or strpos(lower(c.client_id || ' ' || c.name), lower(p_search)) > 0)
	order by c.client_id
	limit p_limit;
end $$;

-- Connections of one person (p_subject; '' is everybody's shared ones), or to one upstream.
-- for: console
create or replace function gatehouse.console_connections(p_subject text, p_upstream_id text, p_after uuid,
	p_limit int)
returns table (connection_id uuid, upstream_id text, subject text, state text, state_reason text, issuer text,
	scope text, created bigint, refreshed bigint, expires bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select c.connection_id, c.upstream_id, c.subject, c.state, c.state_reason, c.issuer, c.scope,
		extract(epoch from c.created_at)::bigint, extract(epoch from c.refreshed_at)::bigint,
		extract(epoch from c.expires_at)::bigint
	from connection c
	where c.connection_id > p_after
		and (p_subject is null or c.subject = p_subject)
		and (p_upstream_id is null or c.upstream_id = p_upstream_id)
	order by c.connection_id
	limit p_limit;
end $$;

-- How upstreams do: connections by state, and the calls of the last hour.
-- for: console
create or replace function gatehouse.console_upstreams()
returns table (upstream_id text, connected bigint, lost bigint, calls bigint, failed bigint, p95_us bigint)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	with c as (
		select c.upstream_id as id, count(*) filter (where c.state = 'connected') as connected,
			count(*) filter (where c.state <> 'connected') as lost
		from connection c where c.upstream_id > '' group by 1),
	p as (
		select a.key as id, a.calls, a.failed, a.p95_us
		from analytics_panel('upstream', rollup_floor(0, now() - interval '1 hour'), now(), 0, '{}', '{}', '{}', 'calls', 500, 0) a
		where a.key is not null)
	select coalesce(c.id, p.id), coalesce(c.connected, 0), coalesce(c.lost, 0), coalesce(p.calls, 0),
		coalesce(p.failed, 0), p.p95_us
	from c full join p on p.id = c.id;
end $$;

-- Ends a connection here; its tokens at the upstream live on until they expire, as nobody here can open them.
-- Returns outcome ('ended', 'unknown').
-- for: console
create or replace function gatehouse.connection_end(p_connection_id uuid, p_actor text, p_trace text)
returns table (outcome text)
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
declare
	c connection%rowtype;
begin
	delete from connection where connection_id = p_connection_id returning * into c;
	outcome := case when found then 'ended' else 'unknown' end;
	if found then
		perform audit_add('connection_ended', p_actor, 'connection:' || p_connection_id, null, p_trace,
			jsonb_build_object('before', connection_told(c), 'after', null));
	end if;
	return next;
end $$;

-- Ends the browser sessions of a person; grants stay. Returns how many ended.
-- for: console
create or replace function gatehouse.sessions_end(p_subject text, p_actor text, p_trace text)
returns table (sessions bigint)
language plpgsql security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
declare
	v_session bytea;
begin
	sessions := 0;
	for v_session in select s.session_hash from browser_session s where s.subject = p_subject loop
		perform session_end(v_session);
		sessions := sessions + 1;
	end loop;
	if sessions > 0 then
		perform audit_add('sessions_ended', p_actor, 'subject:' || p_subject, null, p_trace,
			jsonb_build_object('before', jsonb_build_object('sessions', sessions),
				'after', jsonb_build_object('sessions', 0)));
	end if;
	return next;
end $$;

-- One grant, for the page that asks whether to end it.
-- for: console
create or replace function gatehouse.console_grant(p_grant_id uuid)
returns table (subject text, client_name text, operation_id text)
language plpgsql stable security definer set search_path = gatehouse, pg_temp as $$
#variable_conflict use_column
begin
	return query
	select g.subject, c.name, g.operation_id
	from grants g join client c on c.client_id = g.client_id
	where g.grant_id = p_grant_id and grant_is_live(g);
end $$;
