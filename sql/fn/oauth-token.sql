-- Codes, refresh tokens and access tokens. READ COMMITTED; each function locks the grant first
-- and then reads again what it found before: whoever waited sees what the other did.
--
-- All ids and hashes are made by the program, so that a call repeated after a lost connection
-- finds the rows that it made the first time. Time is clock_timestamp(): a call that waited for
-- the lock is judged by when it got it.

-- Ends a grant and tells those who keep its tokens in memory. Returns whether it was live.
-- for: nobody
create or replace function gatehouse.grant_end(p_grant_id uuid, p_reason text, p_actor text,
	p_trace text)
returns boolean
language plpgsql
set search_path = gatehouse, pg_temp
as $$
begin
	update grants g set revoked_at = clock_timestamp(), revoke_reason = p_reason
	where g.grant_id = p_grant_id and g.revoked_at is null;
	if not found then
		return false;
	end if;
	perform pg_notify('gatehouse', 'grant:' || p_grant_id);
	perform audit_add('grant_revoked', p_actor, 'grant:' || g.grant_id, g.client_id, p_trace,
		jsonb_build_object('reason', p_reason, 'before', jsonb_build_object('subject', g.subject, 'operation', g.operation_id, 'scope', g.scope),
			'after', null))
	from grants g where g.grant_id = p_grant_id;
	return true;
end
$$;

-- Issues a generation of tokens under a grant whose lock the caller holds. No refresh token where
-- p_refresh_id is null. Returns the seconds that the access token lives: never past its grant.
-- for: nobody
create or replace function gatehouse.tokens_issue(g gatehouse.grants, p_generation int, p_scope text,
	p_access_id uuid, p_access_hash bytea, p_refresh_id uuid, p_refresh_hash bytea,
	p_pepper_id text, p_access_ttl_s bigint)
returns bigint
language plpgsql
set search_path = gatehouse, pg_temp
as $$
declare
	v_now timestamptz := clock_timestamp();
	v_expires timestamptz := least(v_now + make_interval(secs => p_access_ttl_s), g.expires_at);
begin
	insert into access_token (token_id, token_hash, pepper_id, grant_id, generation, scope, expires_at)
	values (p_access_id, p_access_hash, p_pepper_id, g.grant_id, p_generation, p_scope, v_expires);

	if p_refresh_id is not null then
		insert into refresh_token (token_id, token_hash, pepper_id, grant_id, generation)
		values (p_refresh_id, p_refresh_hash, p_pepper_id, g.grant_id, p_generation);
	end if;

	update grants set generation = p_generation where grants.grant_id = g.grant_id;
	perform mark_used(g.grant_id);
	return floor(extract(epoch from v_expires - v_now));
end
$$;

-- Redeems a code (RFC 6749, 4.1.3). p_challenge is the S256 transform of the verifier presented
-- (null: none was): both sides of that comparison are public or a hash, it needs no constant
-- time. p_redirect_uri and p_resource are null where the request has none; p_refresh_id where
-- the client may not refresh. Another client's attempt changes nothing. The client's own, with
-- a wrong verifier or redirect URI, uses the code up. A used code presented rightly is a stolen
-- one: what it gave is revoked; presented wrongly it proves nothing, and revokes nothing.
-- Returns outcome: issued, unknown, wrong_client, used, replayed (and revoked), expired,
-- revoked, redirect_removed, wrong_verifier, wrong_redirect, wrong_resource; and, but for
-- unknown: grant_id, subject, operation_id, resource, scope, expires_in.
-- for: oauth
create or replace function gatehouse.code_redeem(
	p_code_hashes bytea[], p_client_id text, p_challenge text, p_redirect_uri text, p_resource text,
	p_access_id uuid, p_access_hash bytea, p_refresh_id uuid, p_refresh_hash bytea,
	p_pepper_id text, p_access_ttl_s bigint, p_trace text)
returns table (outcome text, grant_id uuid, subject text, operation_id text, resource text,
	scope text, expires_in bigint)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	c code%rowtype;
	g grants%rowtype;
	v_verified boolean;
begin
	select * into g from grants
	where grants.grant_id = (select code.grant_id from code where code_hash = any(p_code_hashes))
	for update;
	select * into c from code where code.grant_id = g.grant_id;
	if c.code_hash is null then
		return query select 'unknown', null::uuid, null, null, null, null, null::bigint;
		return;
	end if;

	v_verified := coalesce(c.code_challenge = p_challenge, false);
	if g.client_id <> p_client_id then
		outcome := 'wrong_client';
	elsif c.used_at is not null then
		if exists (select from access_token t
				where t.token_id = p_access_id and t.grant_id = g.grant_id) then
			outcome := 'issued';
			expires_in := (select floor(extract(epoch from t.expires_at - clock_timestamp()))
				from access_token t where t.token_id = p_access_id);
		elsif v_verified then
			outcome := 'replayed';
			perform grant_end(g.grant_id, 'code_replayed', null, p_trace);
		else
			outcome := 'used';
		end if;
	elsif g.revoked_at is not null then
		outcome := 'revoked';
	elsif c.expires_at <= clock_timestamp() or g.expires_at <= clock_timestamp() then
		outcome := 'expired';
	elsif not grant_redirect_stands(g) then
		outcome := 'redirect_removed';
	elsif v_verified and p_resource <> g.resource
			and coalesce(p_redirect_uri = c.redirect_uri, true) then
		outcome := 'wrong_resource';
	else
		update code set used_at = clock_timestamp()
		where code.code_hash = c.code_hash and code.used_at is null;

		if not v_verified then
			outcome := 'wrong_verifier';
		elsif p_redirect_uri <> c.redirect_uri then
			outcome := 'wrong_redirect';
		else
			outcome := 'issued';
			expires_in := tokens_issue(g, 1, g.scope, p_access_id, p_access_hash, p_refresh_id,
				p_refresh_hash, p_pepper_id, p_access_ttl_s);
		end if;
	end if;
	return query select outcome, g.grant_id, g.subject, g.operation_id, g.resource, g.scope, expires_in;
end
$$;

-- What a refresh token presented would be: its grant, and whether it was used before (a
-- repetition, which the rate does not count). No row: unknown. It only reads.
-- for: oauth
create or replace function gatehouse.refresh_peek(p_token_hashes bytea[])
returns table (grant_id uuid, used boolean)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select t.grant_id, t.used_at is not null
	from refresh_token t where t.token_hash = any(p_token_hashes);
end
$$;

-- Changes a refresh token for its one successor and an access token (RFC 9700, 4.14.2). p_pair
-- is the new pair, sealed under a key that only the presented token yields: whoever presents
-- that token again, in time, gets the same pair, and nobody who only reads this table does.
-- p_token_hashes are the token's under every usable pepper, the primary's (p_pepper_id) first: a row under an
-- older one is re-hashed.
-- p_scope is what is asked for, null for all of it; p_resource likewise. The same token again:
--   by this very call (its successor is p_refresh_id)  issued: the connection was lost at commit
--   within p_grace_s, its successor unused             replayed: `pair` is what the first call got;
--                                                      differs: asked for another scope or resource;
--                                                      access_revoked: half of the pair is void by now
--   else                                               reused: somebody has a copy; the grant ends
-- Returns outcome: issued, replayed, differs, access_revoked, reused, unknown, wrong_client
-- (nothing is revoked: a guess must not end a session), revoked, expired,
-- redirect_removed, wrong_scope, wrong_resource; and, but for unknown: grant_id, subject,
-- operation_id, resource, scope, expires_in, pair.
-- for: oauth
create or replace function gatehouse.token_refresh(
	p_token_hashes bytea[], p_client_id text, p_scope text, p_resource text,
	p_access_id uuid, p_access_hash bytea, p_refresh_id uuid, p_refresh_hash bytea,
	p_pepper_id text, p_pair bytea, p_access_ttl_s bigint, p_grace_s int, p_trace text)
returns table (outcome text, grant_id uuid, subject text, operation_id text, resource text,
	scope text, expires_in bigint, pair bytea)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	t refresh_token%rowtype;
	g grants%rowtype;
	next_t refresh_token%rowtype;
	next_a access_token%rowtype;
begin
	select * into g from grants
	where grants.grant_id = (select r.grant_id from refresh_token r
		where r.token_hash = any(p_token_hashes))
	for update;
	select * into t from refresh_token r
	where r.token_hash = any(p_token_hashes) and r.grant_id = g.grant_id;
	if t.token_id is null then
		return query select 'unknown', null::uuid, null, null, null, null, null::bigint, null::bytea;
		return;
	end if;

	if t.pepper_id <> p_pepper_id and g.client_id = p_client_id then
		update refresh_token r set token_hash = p_token_hashes[1], pepper_id = p_pepper_id
		where r.token_id = t.token_id;
	end if;

	scope := coalesce(p_scope, g.scope);
	if g.client_id <> p_client_id then
		outcome := 'wrong_client';
	elsif g.revoked_at is not null then
		outcome := 'revoked';
	elsif g.expires_at <= clock_timestamp() then
		outcome := 'expired';
	elsif not grant_redirect_stands(g) then
		outcome := 'redirect_removed';
	elsif t.used_at is null then
		if not string_to_array(scope, ' ') <@ string_to_array(g.scope, ' ') then
			outcome := 'wrong_scope';
		elsif p_resource <> g.resource then
			outcome := 'wrong_resource';
		else
			outcome := 'issued';
			update refresh_token r set used_at = clock_timestamp(), successor = p_pair
			where r.token_id = t.token_id;
			expires_in := tokens_issue(g, t.generation + 1, scope, p_access_id, p_access_hash,
				p_refresh_id, p_refresh_hash, p_pepper_id, p_access_ttl_s);
		end if;
	else
		select * into next_t from refresh_token r
		where r.grant_id = g.grant_id and r.generation = t.generation + 1;
		select * into next_a from access_token a
		where a.grant_id = g.grant_id and a.generation = t.generation + 1;
		if next_t.token_id = p_refresh_id then
			outcome := 'issued';
		elsif next_t.token_id is null or next_t.used_at is not null
				or t.used_at + make_interval(secs => p_grace_s) <= clock_timestamp() then
			outcome := 'reused';
			perform grant_end(g.grant_id, 'refresh_token_reused', null, p_trace);
		elsif scope <> next_a.scope or p_resource <> g.resource then
			outcome := 'differs';
		elsif next_a.revoked_at is not null then
			outcome := 'access_revoked';
		else
			outcome := 'replayed';
			pair := t.successor;
		end if;
		expires_in := greatest(0, floor(extract(epoch from next_a.expires_at - clock_timestamp())));
	end if;
	return query select outcome, g.grant_id, g.subject, g.operation_id, g.resource, scope,
		expires_in, pair;
end
$$;

-- A live access token, for a resource server that asks (RFC 7662). No row: anything else. A row under an older
-- pepper is re-hashed, as bearer_find() does. Times are seconds since 1970; expires_at never reaches past the grant.
-- for: oauth
create or replace function gatehouse.token_introspect(p_token_hashes bytea[], p_pepper_id text)
returns table (token_id uuid, client_id text, subject text, scope text, resource text,
	operation_id text, issued_at bigint, expires_at bigint)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	t access_token%rowtype;
begin
	select * into t from access_token a where a.token_hash = any(p_token_hashes);
	if t.pepper_id <> p_pepper_id then
		update access_token a set token_hash = p_token_hashes[1], pepper_id = p_pepper_id
		where a.token_id = t.token_id;
	end if;
	return query
	select t.token_id, g.client_id, g.subject, t.scope, g.resource, g.operation_id,
		floor(extract(epoch from t.created_at))::bigint,
		floor(extract(epoch from least(t.expires_at, g.expires_at)))::bigint
	from grants g
	where g.grant_id = t.grant_id and t.revoked_at is null and g.revoked_at is null
		and least(t.expires_at, g.expires_at) > now();
end
$$;

-- Revokes what a client no longer needs (RFC 7009): of an access token that token, of a refresh
-- token, used or not, the grant. The token of another client, or one that is no more, stays as
-- it is.
-- Returns outcome: revoked, foreign, over, unknown; and, but for unknown: kind ('access',
-- 'refresh'), grant_id, subject, operation_id.
-- for: oauth
create or replace function gatehouse.token_revoke(p_token_hashes bytea[], p_client_id text,
	p_trace text)
returns table (outcome text, kind text, grant_id uuid, subject text, operation_id text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	v_grant uuid;
	v_access uuid;
	g grants%rowtype;
begin
	select t.grant_id, t.token_id into v_grant, v_access
	from access_token t where t.token_hash = any(p_token_hashes);
	if v_grant is null then
		select t.grant_id into v_grant
		from refresh_token t where t.token_hash = any(p_token_hashes);
	end if;
	select * into g from grants where grants.grant_id = v_grant for update;
	if g.grant_id is null then
		return query select 'unknown', null, null::uuid, null, null;
		return;
	end if;

	outcome := 'over';
	if g.client_id <> p_client_id then
		outcome := 'foreign';
	elsif v_access is null then
		if grant_end(g.grant_id, 'client_revoked', null, p_trace) then
			outcome := 'revoked';
		end if;
	else
		update access_token t set revoked_at = clock_timestamp()
		where t.token_id = v_access and t.revoked_at is null;
		if found then
			outcome := 'revoked';
			perform pg_notify('gatehouse', 'token:' || v_access);
			perform audit_add('token_revoked', null, 'token:' || v_access, g.client_id, p_trace,
				jsonb_build_object('before', jsonb_build_object('subject', g.subject, 'operation', g.operation_id), 'after', null));
		end if;
	end if;
	return query select outcome, case when v_access is null then 'refresh' else 'access' end,
		g.grant_id, g.subject, g.operation_id;
end
$$;
