-- The page of grants: a person's own, found by the session.

-- The live grants of whoever is signed in, the newest first. Those whose code was never redeemed gave
-- nobody anything and are not shown.
-- Returns grant_id, client_name, operation_id, since, last_used (seconds since 1970).
-- for: consent
create or replace function gatehouse.grants_of_session(p_session_hashes bytea[], p_limit int)
returns table (grant_id uuid, client_name text, operation_id text, since bigint, last_used bigint)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select g.grant_id, c.name, g.operation_id, extract(epoch from g.created_at)::bigint,
		extract(epoch from g.last_used_at)::bigint
	from browser_session s
	join grants g on g.subject = s.subject
	join client c on c.client_id = g.client_id
	where s.session_hash = any(p_session_hashes) and s.expires_at > now()
		and g.generation > 0 and g.revoked_at is null and g.expires_at > now()
	order by g.created_at desc, g.grant_id
	limit p_limit;
end
$$;

-- Ends a grant of whoever is signed in; nobody else's.
-- Returns outcome ('revoked'; 'gone' if it had ended before; 'unknown' if it is not theirs), and but for
-- 'unknown': client_id, client_name, operation_id, subject. A repetition changes nothing.
-- for: consent
create or replace function gatehouse.grant_revoke_own(p_session_hashes bytea[], p_grant_id uuid,
	p_trace text)
returns table (outcome text, client_id text, client_name text, operation_id text, subject text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	g grants%rowtype;
begin
	select o.* into g
	from browser_session s join grants o on o.subject = s.subject
	where s.session_hash = any(p_session_hashes) and s.expires_at > now()
		and o.grant_id = p_grant_id
	for update of o;
	if not found then
		outcome := 'unknown';
		return next;
		return;
	end if;
	return query
	select case when grant_end(p_grant_id, 'revoked by the user', g.subject, p_trace)
		then 'revoked' else 'gone' end, g.client_id, c.name, g.operation_id, g.subject
	from client c where c.client_id = g.client_id;
end
$$;
