-- Connections to upstreams: attempts, registrations, the vault's rows, and the lease by which one
-- process at a time refreshes a connection.

-- A connection as the audit trail tells of it; null for none.
-- for: nobody
create or replace function gatehouse.connection_told(c gatehouse.connection) returns jsonb
language sql stable set search_path = gatehouse, pg_temp as $$
	select jsonb_build_object('upstream', c.upstream_id, 'subject', c.subject, 'state', c.state, 'issuer', c.issuer,
		'scope', c.scope)
	where c.connection_id is not null
$$;

-- ---- connect.fcgi: registrations

-- The registration in use at this issuer for this callback; none if its secret has expired.
-- for: connect
create or replace function gatehouse.registration_find(p_upstream_id text, p_issuer text,
	p_redirect_uri text)
returns table (registration_id uuid, client_id text, client_secret bytea, auth_method text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select r.registration_id, r.client_id, r.client_secret, r.auth_method
	from upstream_registration r
	where r.upstream_id = p_upstream_id and r.issuer = p_issuer
		and r.redirect_uri = p_redirect_uri and r.replaced_at is null
		and (r.expires_at is null or r.expires_at > now());
end
$$;

-- Keeps a new registration. Where two programs registered at once the first is kept; where the one
-- in use has expired it is replaced. Returns the one in use, as registration_find() does.
-- for: connect
create or replace function gatehouse.registration_put(p_registration_id uuid, p_upstream_id text,
	p_issuer text, p_redirect_uri text, p_client_id text, p_client_secret bytea,
	p_auth_method text, p_expires_at bigint, p_trace text)
returns table (registration_id uuid, client_id text, client_secret bytea, auth_method text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	update upstream_registration r set replaced_at = now()
	where r.upstream_id = p_upstream_id and r.issuer = p_issuer
		and r.redirect_uri = p_redirect_uri and r.replaced_at is null
		and r.expires_at <= now() and r.registration_id <> p_registration_id;

	insert into upstream_registration (registration_id, upstream_id, issuer, redirect_uri,
		client_id, client_secret, auth_method, expires_at)
	values (p_registration_id, p_upstream_id, p_issuer, p_redirect_uri, p_client_id,
		p_client_secret, p_auth_method, to_timestamp(p_expires_at))
	on conflict do nothing;
	if found then
		perform audit_add('upstream_registered', null, 'upstream:' || p_upstream_id, null, p_trace,
			jsonb_build_object('before', null, 'after', jsonb_build_object('issuer', p_issuer)));
	end if;
	return query
	select * from registration_find(p_upstream_id, p_issuer, p_redirect_uri);
end
$$;

-- A registration that the authorization server no longer knows is used no more.
-- for: connect
create or replace function gatehouse.registration_drop(p_registration_id uuid)
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	update upstream_registration r set replaced_at = now()
	where r.registration_id = p_registration_id and r.replaced_at is null;
end
$$;

-- The issuer that a client of the configuration belongs to: the first at which it was used. Its secret
-- was made there, and goes nowhere else, whatever the upstream's documents say later.
-- for: connect
create or replace function gatehouse.registration_pin(p_registration_id uuid, p_upstream_id text,
	p_issuer text, p_client_id text, p_trace text)
returns table (issuer text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	perform pg_advisory_xact_lock(hashtextextended('pin' || chr(10) || p_upstream_id, 0));
	return query
	select r.issuer from upstream_registration r
	where r.upstream_id = p_upstream_id and r.client_id = p_client_id
		and r.redirect_uri = 'manual:' || p_client_id and r.replaced_at is null;
	if found then
		return;
	end if;
	insert into upstream_registration (registration_id, upstream_id, issuer, redirect_uri, client_id,
		auth_method)
	values (p_registration_id, p_upstream_id, p_issuer, 'manual:' || p_client_id, p_client_id, 'none');
	perform audit_add('upstream_pinned', null, 'upstream:' || p_upstream_id, null, p_trace,
		jsonb_build_object('before', null, 'after', jsonb_build_object('issuer', p_issuer)));
	return query select p_issuer;
end
$$;

-- ---- connect.fcgi: attempts

-- Writes an attempt down and spends the ticket that led to it, in one step.
-- Returns outcome: 'begun', or 'spent' if the ticket served before. A repetition finds its own row.
-- for: connect
create or replace function gatehouse.connect_begin(p_ticket_id uuid, p_ticket_ttl_s bigint,
	p_attempt_id uuid, p_state_hash bytea, p_browser_hash bytea, p_pepper_id text,
	p_upstream_id text, p_subject text, p_operation_id text, p_request_id uuid,
	p_verifier bytea, p_issuer text, p_iss_required boolean, p_resource text, p_scope text,
	p_token_endpoint text, p_revocation_endpoint text, p_client_kind text, p_client_id text,
	p_registration_id uuid, p_auth_method text, p_redirect_uri text, p_ttl_s bigint)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	insert into connect_ticket (ticket_id, attempt_id, expires_at)
	values (p_ticket_id, p_attempt_id, now() + make_interval(secs => p_ticket_ttl_s))
	on conflict do nothing;
	if not exists (select from connect_ticket t
			where t.ticket_id = p_ticket_id and t.attempt_id = p_attempt_id) then
		return query select 'spent';
		return;
	end if;

	insert into connect_attempt (attempt_id, state_hash, browser_hash, pepper_id, upstream_id,
		subject, operation_id, request_id, verifier, issuer, iss_required, resource, scope,
		token_endpoint, revocation_endpoint, client_kind, client_id, registration_id,
		auth_method, redirect_uri, expires_at)
	values (p_attempt_id, p_state_hash, p_browser_hash, p_pepper_id, p_upstream_id,
		p_subject, p_operation_id, p_request_id, p_verifier, p_issuer, p_iss_required, p_resource,
		p_scope, p_token_endpoint, p_revocation_endpoint, p_client_kind, p_client_id,
		p_registration_id, p_auth_method, p_redirect_uri,
		now() + make_interval(secs => p_ttl_s))
	on conflict do nothing;
	return query select 'begun';
end
$$;

-- Takes the answer of the upstream's authorization server: once, in the browser that began, by the
-- user who began. Returns outcome ('taken'; 'unknown', 'other_browser', 'other_user', 'used',
-- 'expired', none of which takes it), and but for 'unknown' and 'other_browser' the attempt. p_use
-- is the request's own id: its repetition finds what it took.
-- for: connect
create or replace function gatehouse.connect_take(p_attempt_id uuid, p_state_hashes bytea[],
	p_browser_hashes bytea[], p_session_hashes bytea[], p_upstream_id text, p_use uuid)
returns table (outcome text, subject text, operation_id text, request_id uuid, verifier bytea,
	issuer text, iss_required boolean, resource text, scope text, token_endpoint text,
	revocation_endpoint text, client_kind text, client_id text, registration_id uuid,
	client_secret bytea, auth_method text, redirect_uri text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	a connect_attempt%rowtype;
	v_outcome text;
begin
	select * into a from connect_attempt t where t.attempt_id = p_attempt_id for update;
	v_outcome := case
		when not found or a.upstream_id <> p_upstream_id
			or not coalesce(a.state_hash = any(p_state_hashes), false) then 'unknown'
		when not coalesce(a.browser_hash = any(p_browser_hashes), false) then 'other_browser'
		-- the shared connection is made by whoever holds its ticket
		when a.subject <> '' and not exists (select from browser_session s
			where s.session_hash = any(p_session_hashes) and s.expires_at > now()
				and s.subject = a.subject) then 'other_user'
		when a.used_by = p_use then 'taken'
		when a.used_by is not null then 'used'
		when a.expires_at <= clock_timestamp() then 'expired'
		else 'taken' end;
	if v_outcome in ('unknown', 'other_browser') then
		outcome := v_outcome;
		return next;
		return;
	end if;
	if v_outcome = 'taken' then
		update connect_attempt t set used_by = p_use where t.attempt_id = p_attempt_id;
	end if;
	return query
	select v_outcome, a.subject, a.operation_id, a.request_id, a.verifier, a.issuer,
		a.iss_required, a.resource, a.scope, a.token_endpoint, a.revocation_endpoint,
		a.client_kind, a.client_id, a.registration_id, r.client_secret, a.auth_method,
		a.redirect_uri
	from (values (1)) one left join upstream_registration r
		on r.registration_id = a.registration_id;
end
$$;

-- Keeps a new connection in place of the one before, if any. A repetition finds its own row.
-- for: connect
create or replace function gatehouse.connection_put(p_connection_id uuid, p_upstream_id text,
	p_subject text, p_issuer text, p_resource text, p_token_endpoint text,
	p_revocation_endpoint text, p_client_kind text, p_client_id text, p_registration_id uuid,
	p_requested_scope text, p_scope text, p_access_token bytea, p_refresh_token bytea,
	p_expires_in_s bigint, p_trace text)
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	v_was connection%rowtype;
begin
	-- two answers for one user at once: one after the other
	perform pg_advisory_xact_lock(hashtextextended(p_upstream_id || chr(10) || p_subject, 0));
	if exists (select from connection c where c.connection_id = p_connection_id) then
		return;
	end if;
	delete from connection c where c.upstream_id = p_upstream_id and c.subject = p_subject returning * into v_was;

	insert into connection (connection_id, upstream_id, subject, issuer, resource,
		token_endpoint, revocation_endpoint, client_kind, client_id, registration_id,
		requested_scope, scope, access_token, refresh_token, expires_at)
	values (p_connection_id, p_upstream_id, p_subject, p_issuer, p_resource, p_token_endpoint,
		p_revocation_endpoint, p_client_kind, p_client_id, p_registration_id, p_requested_scope,
		p_scope, p_access_token, p_refresh_token,
		now() + make_interval(secs => p_expires_in_s));

	perform audit_add('upstream_connected', p_subject, 'upstream:' || p_upstream_id, null, p_trace,
		jsonb_build_object('before', connection_told(v_was), 'after', jsonb_build_object('issuer', p_issuer, 'scope', p_scope, 'state', 'connected')));
end
$$;

-- What a new authorization has to ask for, beyond the usual, because the upstream said so.
-- for: connect
create or replace function gatehouse.connection_wants(p_upstream_id text, p_subject text)
returns table (scope text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
begin
	return query
	select c.wanted_scope from connection c
	where c.upstream_id = p_upstream_id and c.subject = p_subject and c.wanted_scope is not null;
end
$$;

-- Ends a connection of whoever is signed in; nobody else's. Returns what it takes to revoke the
-- tokens at the provider; no row: there is no such connection.
-- for: connect
create or replace function gatehouse.connection_drop_own(p_session_hashes bytea[],
	p_upstream_id text, p_trace text)
returns table (connection_id uuid, subject text, issuer text, revocation_endpoint text,
	client_kind text, client_id text, registration_id uuid, client_secret bytea,
	auth_method text, access_token bytea, refresh_token bytea, resource text, token_endpoint text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	c connection%rowtype;
begin
	delete from connection d using browser_session s
	where s.session_hash = any(p_session_hashes) and s.expires_at > now()
		and d.subject = s.subject and d.subject <> '' and d.upstream_id = p_upstream_id
	returning d.* into c;
	if not found then
		return;
	end if;
	perform audit_add('upstream_disconnected', c.subject, 'upstream:' || c.upstream_id, null,
		p_trace, jsonb_build_object('before', connection_told(c), 'after', null));
	return query
	select c.connection_id, c.subject, c.issuer, c.revocation_endpoint, c.client_kind,
		c.client_id, c.registration_id, r.client_secret, r.auth_method, c.access_token,
		c.refresh_token, c.resource, c.token_endpoint
	from (values (1)) one left join upstream_registration r
		on r.registration_id = c.registration_id;
end
$$;

-- ---- consent.fcgi: what people see

-- Whether the user, or everybody (p_shared), is connected to the upstream: the state, or no row.
-- for: consent
create or replace function gatehouse.connection_state(p_session_hashes bytea[],
	p_upstream_id text, p_shared boolean)
returns table (state text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select c.state
	from browser_session s
	join connection c on c.subject = case when p_shared then '' else s.subject end
	where s.session_hash = any(p_session_hashes) and s.expires_at > now()
		and c.upstream_id = p_upstream_id;
end
$$;

-- The connections of whoever is signed in. (Those by assertion are not made by people, and end with the grant.)
-- for: consent
create or replace function gatehouse.connections_of_session(p_session_hashes bytea[], p_limit int)
returns table (upstream_id text, state text, issuer text, scope text, since bigint)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select c.upstream_id, c.state, c.issuer, c.scope, extract(epoch from c.created_at)::bigint
	from browser_session s join connection c on c.subject = s.subject
	where s.session_hash = any(p_session_hashes) and s.expires_at > now() and c.subject <> ''
		and c.client_kind <> 'assertion'
	order by c.upstream_id
	limit p_limit;
end
$$;

-- ---- mcp.fcgi: calls and refreshes

-- A connection as a call needs it. expires_in_ms is null where the provider did not say.
-- for: mcp
create or replace function gatehouse.connection_find(p_upstream_id text, p_subject text)
returns table (connection_id uuid, state text, issuer text, resource text, client_kind text,
	client_id text, access_token bytea, refreshable boolean, expires_in_ms bigint,
	generation int, requested_scope text, scope text, token_endpoint text,
	revocation_endpoint text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select c.connection_id, c.state, c.issuer, c.resource, c.client_kind, c.client_id,
		c.access_token, c.refresh_token is not null,
		floor(extract(epoch from c.expires_at - now()) * 1000)::bigint, c.generation,
		c.requested_scope, c.scope, c.token_endpoint, c.revocation_endpoint
	from connection c
	where c.upstream_id = p_upstream_id and c.subject = p_subject;
end
$$;

-- Asks to refresh generation p_generation of a connection, for p_lease_s seconds.
-- Returns outcome: 'leased', with what the request takes; 'moved': another has refreshed it, the
-- new token is in the row; 'busy': another is at it; 'lost': it must be connected anew; 'gone'.
-- for: mcp
create or replace function gatehouse.connection_lease(p_connection_id uuid, p_generation int,
	p_lease_by uuid, p_lease_s int)
returns table (outcome text, generation int, upstream_id text, subject text, issuer text,
	resource text, token_endpoint text, client_kind text, client_id text, registration_id uuid,
	client_secret bytea, auth_method text, access_token bytea, refresh_token bytea,
	revocation_endpoint text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	c connection%rowtype;
	v_outcome text;
begin
	select * into c from connection d where d.connection_id = p_connection_id for update;
	v_outcome := case
		when not found then 'gone'
		when c.state <> 'connected' then 'lost'
		when c.generation <> p_generation then 'moved'
		when c.refresh_token is null then 'lost'
		when c.lease_by <> p_lease_by and c.lease_until > clock_timestamp() then 'busy'
		else 'leased' end;
	if v_outcome = 'leased' then
		update connection d set lease_by = p_lease_by,
			lease_until = clock_timestamp() + make_interval(secs => p_lease_s)
		where d.connection_id = p_connection_id;
	end if;
	return query
	select v_outcome, c.generation, c.upstream_id, c.subject, c.issuer, c.resource,
		c.token_endpoint, c.client_kind, c.client_id, c.registration_id, r.client_secret,
		r.auth_method, c.access_token,
		case when v_outcome = 'leased' then c.refresh_token end, c.revocation_endpoint
	from (values (1)) one left join upstream_registration r
		on r.registration_id = c.registration_id;
end
$$;

-- The provider has answered: its tokens are the next generation. Where it gave no new refresh
-- token (null) the old one stays. It is enough that the generation has not moved: a lease that ran
-- out must not throw a rotated refresh token away.
-- Returns outcome 'renewed' or 'moved'. A repetition finds what it did.
-- for: mcp
create or replace function gatehouse.connection_renew(p_connection_id uuid, p_generation int,
	p_lease_by uuid, p_access_token bytea, p_refresh_token bytea, p_expires_in_s bigint,
	p_scope text)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	v_was connection%rowtype;
begin
	select * into v_was from connection d where d.connection_id = p_connection_id for update;
	update connection c set access_token = p_access_token,
		refresh_token = coalesce(p_refresh_token, c.refresh_token),
		expires_at = now() + make_interval(secs => p_expires_in_s),
		scope = coalesce(p_scope, c.scope), generation = p_generation + 1,
		renewed_by = p_lease_by, lease_by = null, lease_until = null, refreshed_at = now()
	where c.connection_id = p_connection_id
		and c.generation = p_generation and c.state = 'connected';
	if found and v_was.client_kind = 'assertion' and v_was.access_token = '' then -- its first, or the first since it was lost
		perform audit_add('upstream_connected', v_was.subject, 'upstream:' || v_was.upstream_id, null, null,
			jsonb_build_object('before', null,
				'after', jsonb_build_object('issuer', v_was.issuer, 'scope', coalesce(p_scope, v_was.scope), 'state', 'connected'),
				'by', 'assertion'));
		return query select 'renewed';
		return;
	end if;
	return query select case when found or exists (select from connection c
			where c.connection_id = p_connection_id and c.renewed_by = p_lease_by)
		then 'renewed' else 'moved' end;
end
$$;

-- The provider has answered, but for now without tokens: somebody else may try.
-- for: mcp
create or replace function gatehouse.connection_release(p_connection_id uuid, p_lease_by uuid)
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	update connection c set lease_by = null, lease_until = null
	where c.connection_id = p_connection_id and c.lease_by = p_lease_by;
end
$$;

-- The provider takes the refresh token no more, or the upstream the access token. If the
-- generation has not moved in between the connection must be made anew, and its tokens go.
-- Returns outcome 'lost', 'moved' or 'gone'.
-- for: mcp
create or replace function gatehouse.connection_lose(p_connection_id uuid, p_generation int,
	p_reason text, p_trace text)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	c connection%rowtype;
begin
	update connection d set state = 'reconsent_required', state_reason = p_reason, lost_at = now(),
		access_token = '', refresh_token = null, lease_by = null, lease_until = null
	where d.connection_id = p_connection_id and d.generation = p_generation
		and d.state = 'connected'
	returning d.* into c;
	if found then
		perform audit_add('upstream_lost', c.subject, 'upstream:' || c.upstream_id, null, p_trace,
			jsonb_build_object('before', connection_told(c) || '{"state": "connected"}', 'after', jsonb_build_object('state', c.state),
				'reason', p_reason));
		return query select 'lost';
		return;
	end if;
	return query select coalesce((select case d.state when 'connected' then 'moved' else 'lost' end
		from connection d where d.connection_id = p_connection_id), 'gone');
end
$$;

-- The upstream wants more rights (403 insufficient_scope): the next authorization asks for them.
-- for: mcp
create or replace function gatehouse.connection_want(p_connection_id uuid, p_scope text)
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	update connection c set wanted_scope = p_scope
	where c.connection_id = p_connection_id and c.wanted_scope is distinct from p_scope;
end
$$;
