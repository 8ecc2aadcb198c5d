-- Clients that are a document, key sets, and assertions.

-- Whether a redirect URI is one of these: the same bytes, or for http to loopback the same but for the
-- port (RFC 8252, 7.3). The rule of src/oauth/redirect.c, which has judged the URI before.
-- for: nobody
create or replace function gatehouse.redirect_is_listed(p_redirect_uris text[], p_uri text)
returns boolean
language plpgsql immutable
set search_path = gatehouse, pg_temp
as $$
declare
	loopback constant text := '^(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::[0-9]+)?(?=[/?]|$)';
begin
	if p_uri = any(p_redirect_uris) then
		return true;
	end if;
	return p_uri ~ loopback and exists (select from unnest(p_redirect_uris) u
		where u ~ loopback
		and regexp_replace(u, loopback, '\1') = regexp_replace(p_uri, loopback, '\1'));
end
$$;

-- Whether the client still has the redirect URI that a grant was given through. A document may take one
-- back, for a site that it lost: what that site was given must not live on in refresh tokens.
-- for: nobody
create or replace function gatehouse.grant_redirect_stands(g gatehouse.grants)
returns boolean
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
begin
	return g.redirect_uri is null or exists (select from client c
		where c.client_id = g.client_id and redirect_is_listed(c.redirect_uris, g.redirect_uri));
end
$$;

-- The copy of a document. No row: none is kept, or its client has been away for too long.
-- Returns etag, age (seconds since it was last known to be right), fresh_in (seconds; 0 or less: ask again).
-- for: oauth
create or replace function gatehouse.client_document_find(p_client_id text)
returns table (etag text, age bigint, fresh_in bigint)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select d.etag, floor(extract(epoch from now() - d.checked_at))::bigint,
		ceil(extract(epoch from d.fresh_until - now()))::bigint
	from client_document d
	join client c on c.client_id = d.client_id
	where d.client_id = p_client_id and client_is_live(c.last_used_at, c.granted_at);
end
$$;

-- Keeps a document that was fetched and found valid. What a client may no longer do by it, it may no
-- longer do from here on: redirect URIs are judged again when a request is approved, a code redeemed, a token refreshed.
-- Returns outcome: 'new', 'same', 'changed'; 'registered' (and nothing is kept) where the id is that of a registered
-- client.
-- for: oauth
create or replace function gatehouse.client_document_put(
	p_client_id text, p_name text, p_auth_method text, p_redirect_uris text[], p_metadata jsonb,
	p_etag text, p_fresh_s bigint, p_trace text)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	c client%rowtype;
begin
	select * into c from client where client.client_id = p_client_id for update;
	if not found then
		-- it may come from elsewhere in the same moment: then that is the row
		insert into client (client_id, name, kind, auth_method, redirect_uris, metadata)
		values (p_client_id, p_name, 'document', p_auth_method, p_redirect_uris, p_metadata)
		on conflict (client_id) do nothing;
		outcome := case when found then 'new' end;
		select * into c from client where client.client_id = p_client_id for update;
	end if;
	if c.kind <> 'document' then
		return query select 'registered';
		return;
	end if;
	if outcome is null and c.metadata = p_metadata then
		outcome := 'same';
	elsif outcome is null then
		outcome := 'changed';
		update client set name = p_name, auth_method = p_auth_method, redirect_uris = p_redirect_uris,
			metadata = p_metadata
		where client.client_id = p_client_id;
		perform audit_add('client_document_changed', null, 'client:' || p_client_id, p_client_id, p_trace,
			jsonb_build_object('before', jsonb_build_object('name', c.name, 'redirect_uris', c.redirect_uris, 'auth_method', c.auth_method),
				'after', jsonb_build_object('name', p_name, 'redirect_uris', p_redirect_uris, 'auth_method', p_auth_method)));
	end if;
	if not client_is_live(c.last_used_at, c.granted_at) then
		-- it had ended, and begins again as a new one would
		update client set created_at = now(), last_used_at = now(), granted_at = null
		where client.client_id = p_client_id;
	end if;

	insert into client_document as d (client_id, etag, checked_at, fresh_until)
	values (p_client_id, p_etag, now(), now() + make_interval(secs => p_fresh_s))
	on conflict (client_id) do update
	set etag = excluded.etag, checked_at = excluded.checked_at, fresh_until = excluded.fresh_until;
	return next;
end
$$;

-- The document has not changed since: its copy counts for longer.
-- for: oauth
create or replace function gatehouse.client_document_touch(p_client_id text, p_fresh_s bigint)
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	update client_document d
	set checked_at = now(), fresh_until = now() + make_interval(secs => p_fresh_s)
	where d.client_id = p_client_id;
end
$$;

-- The key set kept for a client, if it came from this address.
-- Returns jwks, age (seconds), fresh_in (seconds; 0 or less: ask again).
-- for: oauth
create or replace function gatehouse.client_keys_find(p_client_id text, p_jwks_uri text)
returns table (jwks text, age bigint, fresh_in bigint)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select k.jwks, floor(extract(epoch from now() - k.fetched_at))::bigint,
		ceil(extract(epoch from k.fresh_until - now()))::bigint
	from client_keys k
	where k.client_id = p_client_id and k.jwks_uri = p_jwks_uri;
end
$$;

-- Keeps a key set. The client may be gone in the same moment: then nothing is kept.
-- for: oauth
create or replace function gatehouse.client_keys_put(p_client_id text, p_jwks_uri text, p_jwks text,
	p_fresh_s bigint)
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	insert into client_keys as k (client_id, jwks_uri, jwks, fetched_at, fresh_until)
	select c.client_id, p_jwks_uri, p_jwks, now(), now() + make_interval(secs => p_fresh_s)
	from client c where c.client_id = p_client_id for key share
	on conflict (client_id) do update
	set jwks_uri = excluded.jwks_uri, jwks = excluded.jwks, fetched_at = excluded.fetched_at,
		fresh_until = excluded.fresh_until;
end
$$;

-- Uses an assertion up, whose signature was found right. Times are seconds since 1970, null where
-- the assertion has none; p_skew_s is how much a client's clock may be ahead, p_life_s how long an assertion may
-- still live. A repetition with the same p_use_id finds its own row.
-- Returns outcome: 'used', 'expired', 'too_long', 'not_yet', 'replayed'.
-- for: oauth
create or replace function gatehouse.assertion_use(
	p_client_id text, p_jti_hash bytea, p_use_id uuid, p_exp bigint, p_iat bigint, p_nbf bigint,
	p_skew_s int, p_life_s int)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	v_now double precision := extract(epoch from clock_timestamp());
begin
	outcome := case
		when p_exp <= v_now then 'expired'
		when p_exp > v_now + p_life_s + p_skew_s then 'too_long'
		when greatest(p_iat, p_nbf) > v_now + p_skew_s then 'not_yet' end;
	if outcome is null then
		insert into assertion as a (client_id, jti_hash, use_id, expires_at)
		values (p_client_id, p_jti_hash, p_use_id, to_timestamp(p_exp))
		on conflict do nothing;
		outcome := case when exists (select from assertion a where a.client_id = p_client_id
			and a.jti_hash = p_jti_hash and a.use_id = p_use_id) then 'used' else 'replayed' end;
	end if;
	return next;
end
$$;
