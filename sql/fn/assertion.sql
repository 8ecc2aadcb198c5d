-- Connections by identity assertion (id-jag): made by a call out of what the identity provider said of the
-- user at sign-in. Kept as other connections are; see connection.sql for the steps that they share.

-- Asks to exchange the assertion anew, for p_lease_s seconds. The row is made where there is none, and made
-- anew where the configuration names another server, resource, client or scope by now.
-- p_generation is the one that does not serve (0: none does). Returns outcome: 'leased'; 'moved': another has
-- made a newer one, the token is in the row; 'busy': another is at it; 'lost': the assertion was refused, and the
-- user has not signed in since. connection_id and generation are the row's.
-- for: mcp
create or replace function gatehouse.assertion_lease(p_connection_id uuid, p_upstream_id text,
	p_subject text, p_issuer text, p_resource text, p_token_endpoint text, p_client_id text,
	p_scope text, p_generation int, p_lease_by uuid, p_lease_s int)
returns table (outcome text, connection_id uuid, generation int, access_token bytea)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	c connection%rowtype;
	v_outcome text;
begin
	insert into connection (connection_id, upstream_id, subject, issuer, resource, token_endpoint,
		client_kind, client_id, requested_scope, scope, access_token, generation, expires_at)
	values (p_connection_id, p_upstream_id, p_subject, p_issuer, p_resource, p_token_endpoint,
		'assertion', p_client_id, p_scope, p_scope, '', 0, now())
	on conflict (upstream_id, subject) do nothing;

	select * into strict c from connection d
	where d.upstream_id = p_upstream_id and d.subject = p_subject for update;

	if (c.client_kind, c.issuer, c.resource, c.token_endpoint, c.client_id, c.requested_scope)
			is distinct from ('assertion', p_issuer, p_resource, p_token_endpoint, p_client_id, p_scope) then
		update connection d set client_kind = 'assertion', registration_id = null, issuer = p_issuer,
			resource = p_resource, token_endpoint = p_token_endpoint, revocation_endpoint = null,
			client_id = p_client_id, requested_scope = p_scope, scope = p_scope, wanted_scope = null,
			access_token = '', refresh_token = null, expires_at = now(), state = 'connected',
			state_reason = null, lost_at = null, lease_by = null, lease_until = null,
			generation = d.generation + 1
		where d.connection_id = c.connection_id
		returning d.* into c;
	end if;

	v_outcome := case
		when c.lease_by <> p_lease_by and c.lease_until > clock_timestamp() then 'busy'
		when c.state <> 'connected' and not exists (select from login l where l.subject = p_subject
			and greatest(l.created_at, l.claims_at) > c.lost_at) then 'lost'
		when c.access_token <> '' and c.generation <> p_generation
			and (c.expires_at is null or c.expires_at > now()) then 'moved'
		else 'leased' end;
	if v_outcome = 'leased' then
		update connection d set lease_by = p_lease_by, state = 'connected', state_reason = null,
			lost_at = null, lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
		where d.connection_id = c.connection_id;
	end if;
	return query select v_outcome, c.connection_id, c.generation, c.access_token;
end
$$;

-- What the newest sign-in of a person left: its assertion and refresh token, sealed. No row: nothing.
-- for: mcp
create or replace function gatehouse.assertion_find(p_subject text)
returns table (login_id uuid, issuer text, tokens bytea)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select l.login_id, l.issuer, l.tokens from login l
	where l.subject = p_subject and l.tokens is not null
		and (exists (select from browser_session s where s.login_id = l.login_id and s.expires_at > now())
			or exists (select from grants g where g.login_id = l.login_id
				and g.revoked_at is null and g.expires_at > now()))
	order by greatest(l.created_at, l.claims_at) desc
	limit 1;
end
$$;

-- Asks to renew a sign-in's tokens, of which only one at a time may: the lease is that of login_due(), and
-- login_renew() ends it. Returns outcome 'due', with the tokens as they are now; 'busy'; no row: it is gone.
-- for: mcp
create or replace function gatehouse.assertion_renew(p_login_id uuid, p_renew_id uuid, p_lease_s int)
returns table (outcome text, tokens bytea)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	l login%rowtype;
begin
	select * into l from login x where x.login_id = p_login_id for update;
	if not found then
		return;
	end if;
	if l.renew_id <> p_renew_id and l.renew_until > clock_timestamp() then
		return query select 'busy', null::bytea;
		return;
	end if;
	update login x
	set renew_id = p_renew_id, renew_until = clock_timestamp() + make_interval(secs => p_lease_s)
	where x.login_id = p_login_id;
	return query select 'due', l.tokens;
end
$$;

-- Whoever is signed in has signed in anew, at most p_max_age_s ago, for the sake of the assertion: the grants of
-- the same person hang on this sign-in from now on, so that it stays when the session ends.
-- Returns outcome: 'fresh'; 'old': the session is older than that; 'none': its sign-in gave no tokens. No row: there
-- is no session.
-- for: connect
create or replace function gatehouse.assertion_adopt(p_session_hashes bytea[], p_max_age_s bigint)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	s browser_session%rowtype;
begin
	select * into s from browser_session b
	where b.session_hash = any(p_session_hashes) and b.expires_at > now();
	if not found then
		return;
	elsif s.created_at < now() - make_interval(secs => p_max_age_s) then
		return query select 'old';
		return;
	elsif not exists (select from login l where l.login_id = s.login_id and l.tokens is not null) then
		return query select 'none';
		return;
	end if;
	perform from grants g
	where g.subject = s.subject and g.login_id is distinct from s.login_id and g.revoked_at is null
	order by g.grant_id for update;

	update grants g set login_id = s.login_id
	where g.subject = s.subject and g.login_id is distinct from s.login_id and g.revoked_at is null;
	return query select 'fresh';
end
$$;
