-- Access tokens at a route.

-- What a presented token says. p_hashes are its hashes under every usable pepper, the primary's (whose id is
-- p_pepper_id) first: a row under an older pepper is re-hashed. Whether it is for the route at hand is for
-- the program to say, which keeps the answer for a while.
-- No row: there is no such token. outcome: active, expired, revoked (it, or its grant). expires_in_ms never reaches
-- past the grant; grant_expires_in_ms is how long a stream may go on. claims are
-- the user's, sealed.
-- for: mcp
create or replace function gatehouse.bearer_find(p_hashes bytea[], p_pepper_id text)
returns table (outcome text, token_id uuid, grant_id uuid, client_id text, client_name text,
	subject text, scope text, resource text, operation_id text, expires_in_ms bigint,
	grant_expires_in_ms bigint, claims bytea)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	t access_token%rowtype;
	g grants%rowtype;
	c client%rowtype;
	v_expires timestamptz;
begin
	select * into t from access_token a where a.token_hash = any(p_hashes);
	if not found then
		return;
	end if;
	select * into strict g from grants where grants.grant_id = t.grant_id;
	select * into strict c from client where client.client_id = g.client_id;
	v_expires := least(t.expires_at, g.expires_at);

	if t.revoked_at is not null or g.revoked_at is not null then
		outcome := 'revoked';
	elsif v_expires <= now() then
		outcome := 'expired';
	else
		outcome := 'active';
		if t.pepper_id <> p_pepper_id then
			update access_token a set token_hash = p_hashes[1], pepper_id = p_pepper_id
			where a.token_id = t.token_id;
		end if;
		if least(g.last_used_at, c.last_used_at) < now() - interval '1 hour' then
			perform mark_used(g.grant_id);
		end if;
	end if;
	return query select outcome, t.token_id, t.grant_id, c.client_id, c.name, g.subject, t.scope,
		g.resource, g.operation_id,
		floor(extract(epoch from v_expires - now()) * 1000)::bigint,
		floor(extract(epoch from g.expires_at - now()) * 1000)::bigint, g.claims;
end
$$;
