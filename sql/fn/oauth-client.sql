-- Clients of the authorization server.

-- Whether a client still counts: 90 days after its last use, or 7 days where nobody ever
-- granted it anything.
-- for: nobody
create or replace function gatehouse.client_is_live(p_last_used timestamptz, p_granted timestamptz)
returns boolean
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
begin
	return p_last_used > now() -
	    case when p_granted is null then interval '7 days' else interval '90 days' end;
end
$$;

-- Registers a client. A public one that registers the same metadata again (the same p_fingerprint)
-- gets the row that it has: a client that registers at every start costs one row.
-- A repetition with the same p_client_id finds its own row.
-- Returns client_id, created_at (seconds since 1970), is_new (the row is this call's).
-- for: oauth
create or replace function gatehouse.client_register(
	p_client_id text, p_name text, p_auth_method text, p_secret_hash bytea, p_pepper_id text,
	p_redirect_uris text[], p_metadata jsonb, p_fingerprint bytea)
returns table (client_id text, created_at bigint, is_new boolean)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	c client%rowtype;
begin
	if p_fingerprint is not null then
		-- most repetitions end here, without a write
		select * into c from client where client.fingerprint = p_fingerprint;
		if found and c.last_used_at > now() - interval '1 hour' then
			return query select c.client_id, extract(epoch from c.created_at)::bigint,
				c.client_id = p_client_id;
			return;
		end if;
		insert into client as t (client_id, name, auth_method, redirect_uris, metadata, fingerprint)
		values (p_client_id, p_name, p_auth_method, p_redirect_uris, p_metadata, p_fingerprint)
		on conflict (fingerprint) do update set last_used_at = now()
		returning t.* into c;
	else
		insert into client as t
			(client_id, name, auth_method, secret_hash, pepper_id, redirect_uris, metadata)
		values (p_client_id, p_name, p_auth_method, p_secret_hash, p_pepper_id, p_redirect_uris,
			p_metadata)
		on conflict (client_id) do update set last_used_at = now()
		returning t.* into c;
	end if;
	return query select c.client_id, extract(epoch from c.created_at)::bigint,
		c.client_id = p_client_id;
end
$$;

-- A client that still counts.
-- Returns name, auth_method, secret_hash, pepper_id, redirect_uris (a JSON array), metadata.
-- for: oauth
create or replace function gatehouse.client_find(p_client_id text)
returns table (name text, auth_method text, secret_hash bytea, pepper_id text, redirect_uris text,
	metadata text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select c.name, c.auth_method, c.secret_hash, c.pepper_id,
		to_json(c.redirect_uris)::text, c.metadata::text
	from client c
	where c.client_id = p_client_id
	and client_is_live(c.last_used_at, c.granted_at);
end
$$;

-- Brings a secret that was presented, and right, under the primary pepper. Returns whether it was there.
-- for: oauth
create or replace function gatehouse.client_rehash(p_client_id text, p_old_hash bytea, p_hash bytea,
	p_pepper_id text)
returns boolean
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	update client c set secret_hash = p_hash, pepper_id = p_pepper_id
	where c.client_id = p_client_id and c.secret_hash = p_old_hash;
	return found;
end
$$;

-- Marks a client and a grant as used, at most once an hour. The caller holds the grant's lock.
-- for: nobody
create or replace function gatehouse.mark_used(p_grant_id uuid)
returns void
language plpgsql
set search_path = gatehouse, pg_temp
as $$
begin
	update grants g set last_used_at = now()
	where g.grant_id = p_grant_id
	and g.last_used_at < now() - interval '1 hour';

	update client c set last_used_at = now()
	where c.client_id = (select g.client_id from grants g where g.grant_id = p_grant_id)
	and c.last_used_at < now() - interval '1 hour';
end
$$;

-- Removes what has expired, at most p_limit rows of each kind. Rows that somebody holds are left
-- for the next time. Returns how many went. Called by events_step().
-- for: nobody
create or replace function gatehouse.oauth_step(p_limit int)
returns bigint
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	total bigint := 0;
	n bigint;
begin
	delete from authorization_request where request_id in (
		select request_id from authorization_request
		where expires_at < now() - interval '1 hour'
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	delete from browser_session where session_hash in (
		select session_hash from browser_session where expires_at < now()
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	-- a day longer than they count, so that a late one is still told "expired", not "unknown"
	delete from access_token where token_id in (
		select token_id from access_token where expires_at < now() - interval '1 day'
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	delete from assertion where (client_id, jti_hash) in (
		select client_id, jti_hash from assertion where expires_at < now()
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	delete from connect_attempt where attempt_id in (
		select attempt_id from connect_attempt where expires_at < now() - interval '1 hour'
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	delete from connect_ticket where ticket_id in (
		select ticket_id from connect_ticket where expires_at < now()
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	delete from code where code_hash in (
		select code_hash from code where expires_at < now() - interval '1 day'
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	-- used ones are kept to recognise a thief who comes late, but not for ten years
	delete from refresh_token where token_id in (
		select token_id from refresh_token where used_at < now() - interval '90 days'
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	delete from grants where grant_id in (
		select grant_id from grants
		where expires_at < now() - interval '1 day'
		or revoked_at < now() - interval '30 days'
		or (generation = 0 and created_at < now() - interval '1 day')
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	-- the first condition is the one that the index serves
	delete from client where client_id in (
		select client_id from client
		where last_used_at < now() - interval '7 days'
		and not client_is_live(last_used_at, granted_at)
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	return total + login_step(p_limit);
end
$$;
