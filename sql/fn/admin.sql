-- What gatehousectl does: people, clients, grants, and the rows that hang on a pepper.
-- p_actor is who ran it, p_trace a mark that all audit rows of one run share.

-- A time as people and programs read it.
-- for: nobody
create or replace function gatehouse.utc_text(p_at timestamptz)
returns text
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
begin
	return to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
end
$$;

-- Whether a grant gives anything.
-- for: nobody
create or replace function gatehouse.grant_is_live(g gatehouse.grants)
returns boolean
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
begin
	return g.revoked_at is null and g.expires_at > now();
end
$$;

-- Who has a session or a grant, p_limit at most, from the subject after p_after on ('' for the first).
-- Name and e-mail are of the newest session, if there is one.
-- for: admin
create or replace function gatehouse.user_list(p_after text, p_limit int)
returns table (subject text, name text, email text, sessions bigint, grants bigint, last_used text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	with who as (
		select s.subject from browser_session s where s.expires_at > now() and s.subject > p_after
		union
		select g.subject from grants g where grant_is_live(g) and g.subject > p_after
		order by 1 limit p_limit)
	select w.subject, n.name, n.email,
		(select count(*) from browser_session s
			where s.subject = w.subject and s.expires_at > now()),
		(select count(*) from grants g where g.subject = w.subject and grant_is_live(g)),
		utc_text((select max(g.last_used_at) from grants g
			where g.subject = w.subject and grant_is_live(g)))
	from who w
	left join lateral (select s.name, s.email from browser_session s
		where s.subject = w.subject and s.expires_at > now()
		order by s.created_at desc limit 1) n on true
	order by w.subject;
end
$$;

-- The live sessions of a person, the newest first.
-- for: admin console
create or replace function gatehouse.user_sessions(p_subject text)
returns table (name text, email text, begun text, ends text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select s.name, s.email, utc_text(s.created_at), utc_text(s.expires_at)
	from browser_session s
	where s.subject = p_subject and s.expires_at > now()
	order by s.created_at desc;
end
$$;

-- Ends all that a person has here: sessions first, so that no approval under way makes a new grant
-- that the second step would miss. Who may sign in with the provider can come back.
-- for: admin console
create or replace function gatehouse.user_revoke(p_subject text, p_actor text, p_trace text)
returns table (sessions bigint, grants bigint)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	v_session bytea;
	v_grant uuid;
	v_logins bigint;
begin
	sessions := 0;
	grants := 0;
	for v_session in select s.session_hash from browser_session s where s.subject = p_subject loop
		perform session_end(v_session);
		sessions := sessions + 1;
	end loop;

	for v_grant in select g.grant_id from grants g
		where g.subject = p_subject and grant_is_live(g)
		order by g.grant_id for update
	loop
		perform grant_end(v_grant, 'user_revoked', p_actor, p_trace);
		grants := grants + 1;
	end loop;

	-- the provider's own tokens, by which claims are renewed
	delete from login l where l.subject = p_subject;
	get diagnostics v_logins = row_count;

	if sessions > 0 or grants > 0 or v_logins > 0 then
		perform pg_notify('gatehouse', 'subject:' || p_subject);
		perform audit_add('user_revoked', p_actor, 'subject:' || p_subject, null, p_trace,
			jsonb_build_object('before', jsonb_build_object('sessions', sessions, 'grants', grants, 'logins', v_logins),
				'after', jsonb_build_object('sessions', 0, 'grants', 0, 'logins', 0)));
	end if;
	return next;
end
$$;

-- Clients that count, p_limit at most, from the id after p_after on.
-- for: admin
create or replace function gatehouse.client_list(p_after text, p_limit int)
returns table (client_id text, name text, kind text, auth_method text, created text,
	last_used text, grants bigint)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select c.client_id, c.name, c.kind, c.auth_method, utc_text(c.created_at),
		utc_text(c.last_used_at),
		(select count(*) from grants g where g.client_id = c.client_id and grant_is_live(g))
	from client c
	where c.client_id > p_after and client_is_live(c.last_used_at, c.granted_at)
	order by c.client_id
	limit p_limit;
end
$$;

-- Ends a client: its grants, then its registration. It may register again, as anybody may; nobody has
-- granted it anything then. Returns outcome ('revoked', 'unknown') and how many grants ended.
-- for: admin console
create or replace function gatehouse.client_revoke(p_client_id text, p_reason text, p_actor text,
	p_trace text)
returns table (outcome text, grants bigint)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	v_name text;
	v_grant uuid;
begin
	outcome := 'unknown';
	grants := 0;
	delete from authorization_request a where a.client_id = p_client_id and a.decided_at is null;

	for v_grant in select g.grant_id from grants g
		where g.client_id = p_client_id and grant_is_live(g)
		order by g.grant_id for update
	loop
		perform grant_end(v_grant, p_reason, p_actor, p_trace);
		grants := grants + 1;
	end loop;

	delete from client c where c.client_id = p_client_id returning c.name into v_name;
	if found then
		outcome := 'revoked';
		perform pg_notify('gatehouse', 'client:' || p_client_id);
		perform audit_add('client_revoked', p_actor, 'client:' || p_client_id, p_client_id, p_trace,
			jsonb_build_object('before', jsonb_build_object('name', v_name, 'grants', grants), 'after', null, 'reason', p_reason));
	end if;
	return next;
end
$$;

-- Live grants, p_limit at most, from the id after p_after on; of one person or one client where these are
-- not null. `redeemed` is false while the client has not fetched its tokens.
-- for: admin console
create or replace function gatehouse.grant_list(p_subject text, p_client_id text, p_after uuid,
	p_limit int)
returns table (grant_id uuid, subject text, client_id text, client_name text, operation_id text,
	scope text, created text, last_used text, expires text, redeemed boolean)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select g.grant_id, g.subject, g.client_id, c.name, g.operation_id, g.scope,
		utc_text(g.created_at), utc_text(g.last_used_at), utc_text(g.expires_at),
		g.generation > 0
	from grants g join client c on c.client_id = g.client_id
	where grant_is_live(g) and g.grant_id > p_after
		and (p_subject is null or g.subject = p_subject)
		and (p_client_id is null or g.client_id = p_client_id)
	order by g.grant_id
	limit p_limit;
end
$$;

-- Ends a grant. Returns outcome: 'revoked', 'gone' (it had ended before), 'unknown'.
-- for: admin console
create or replace function gatehouse.grant_revoke(p_grant_id uuid, p_actor text, p_trace text)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	perform from grants g where g.grant_id = p_grant_id for update;
	outcome := case when not found then 'unknown'
		when grant_end(p_grant_id, 'operator_revoked', p_actor, p_trace) then 'revoked'
		else 'gone' end;
	return next;
end
$$;

-- What hangs on a pepper and still counts: `gone_by` is when the last row of a kind will have
-- gone by itself, null where only use or an operator ends it.
-- for: admin
create or replace function gatehouse.pepper_rows(p_pepper_id text)
returns table (kind text, n bigint, gone_by text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
begin
	return query
	select 'access tokens', count(*), utc_text(max(t.expires_at))
	from access_token t join grants g on g.grant_id = t.grant_id
	where t.pepper_id = p_pepper_id and t.revoked_at is null and t.expires_at > now()
		and grant_is_live(g)
	having count(*) > 0;

	return query
	select 'refresh tokens', count(*), utc_text(max(g.expires_at))
	from refresh_token t join grants g on g.grant_id = t.grant_id
	where t.pepper_id = p_pepper_id and t.used_at is null and grant_is_live(g)
	having count(*) > 0;

	-- a thief may have used the copy first: the other one must still be known when it comes
	return query
	select 'used refresh tokens', count(*),
		utc_text(max(least(t.used_at + interval '90 days', g.expires_at)))
	from refresh_token t join grants g on g.grant_id = t.grant_id
	where t.pepper_id = p_pepper_id and t.used_at is not null and grant_is_live(g)
	having count(*) > 0;

	return query
	select 'codes', count(*), utc_text(max(c.expires_at + interval '1 day'))
	from code c join grants g on g.grant_id = c.grant_id
	where c.pepper_id = p_pepper_id and grant_is_live(g)
	having count(*) > 0;

	return query
	select 'browser sessions', count(*), utc_text(max(s.expires_at))
	from browser_session s
	where s.pepper_id = p_pepper_id and s.expires_at > now()
	having count(*) > 0;

	return query
	select 'requests to authorize', count(*), utc_text(max(a.expires_at))
	from authorization_request a
	where a.pepper_id = p_pepper_id and a.decided_at is null and a.expires_at > now()
	having count(*) > 0;

	return query
	select 'client secrets', count(*), null::text
	from client c
	where c.pepper_id = p_pepper_id and client_is_live(c.last_used_at, c.granted_at)
	having count(*) > 0;
end
$$;

-- Ends what hangs on a pepper, p_limit of each kind at most; what it ended hangs on nothing any more.
-- Returns how many sessions, requests, grants and clients ended: 0 when all is done.
-- for: admin
create or replace function gatehouse.pepper_revoke(p_pepper_id text, p_limit int, p_actor text,
	p_trace text)
returns bigint
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	total bigint := 0;
	n bigint;
	v_session bytea;
	v_grant uuid;
	v_client text;
begin
	delete from authorization_request where request_id in (
		select a.request_id from authorization_request a
		where a.pepper_id = p_pepper_id and a.decided_at is null and a.expires_at > now()
		order by a.request_id limit p_limit for update);
	get diagnostics n = row_count;
	total := total + n;

	for v_session in select s.session_hash from browser_session s
		where s.pepper_id = p_pepper_id and s.expires_at > now() limit p_limit
	loop
		perform session_end(v_session);
		total := total + 1;
	end loop;

	for v_grant in select g.grant_id from grants g
		where grant_is_live(g) and (
			exists (select from refresh_token t
				where t.grant_id = g.grant_id and t.pepper_id = p_pepper_id)
			or exists (select from access_token t where t.grant_id = g.grant_id
				and t.pepper_id = p_pepper_id and t.revoked_at is null
				and t.expires_at > now())
			or exists (select from code c
				where c.grant_id = g.grant_id and c.pepper_id = p_pepper_id))
		order by g.grant_id limit p_limit for update
	loop
		perform grant_end(v_grant, 'key_retired', p_actor, p_trace);
		total := total + 1;
	end loop;

	for v_client in select c.client_id from client c
		where c.pepper_id = p_pepper_id and client_is_live(c.last_used_at, c.granted_at)
		order by c.client_id limit p_limit
	loop
		perform client_revoke(v_client, 'key_retired', p_actor, p_trace);
		total := total + 1;
	end loop;
	return total;
end
$$;
