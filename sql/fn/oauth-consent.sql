-- From the authorization request to the code: sign-in, the consent page, the decision.
--
-- Outcomes that all of these share:
--   unknown        no such request, or its client is gone, or has taken the redirect URI back
--   other_browser  the attempt's cookie is missing or another's
--   other_session  nobody is signed in, or not the one who signed in for this request
--   expired        the request's time is over
--   decided        it was approved or denied before
-- Each hash to look up is given as an array: the same value under every usable pepper.
-- p_trace is the id of the HTTP request, for the audit trail.

-- Brings a session that was presented under the primary pepper, and the requests that name it.
-- for: nobody
create or replace function gatehouse.session_rehash(p_session_hashes bytea[], p_pepper_id text)
returns void
language plpgsql
set search_path = gatehouse, pg_temp
as $$
begin
	perform from browser_session s
	where s.session_hash = any(p_session_hashes) and s.pepper_id <> p_pepper_id;
	if not found then
		return;
	end if;
	perform from authorization_request a where a.session_hash = any(p_session_hashes)
	order by a.request_id for update;

	update browser_session s set session_hash = p_session_hashes[1], pepper_id = p_pepper_id
	where s.session_hash = any(p_session_hashes) and s.pepper_id <> p_pepper_id;

	update authorization_request a set session_hash = p_session_hashes[1]
	where a.session_hash = any(p_session_hashes) and a.session_hash <> p_session_hashes[1];
end
$$;

-- Writes a request down. Returns outcome: 'consent' if p_session_hashes name a live session, to
-- which the request then belongs; else 'login'; 'unknown' if there is no such client.
-- A repetition finds its own row.
-- for: oauth
create or replace function gatehouse.authorization_begin(
	p_request_id uuid, p_browser_hash bytea, p_pepper_id text, p_session_hashes bytea[],
	p_client_id text, p_redirect_uri text, p_state text, p_code_challenge text, p_resource text,
	p_operation_id text, p_scope text, p_issuer text, p_ttl_s int)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	v_session bytea;
begin
	perform session_rehash(p_session_hashes, p_pepper_id);
	-- until the request is there: whoever re-hashes the session renames it in its requests too
	select s.session_hash into v_session from browser_session s
	where s.session_hash = any(p_session_hashes) and s.expires_at > now() for key share;

	-- the client may be removed between its look-up and now
	perform from client c where c.client_id = p_client_id for key share;
	if not found then
		return query select 'unknown';
		return;
	end if;

	insert into authorization_request (request_id, browser_hash, pepper_id, session_hash, client_id,
		redirect_uri, state, code_challenge, resource, operation_id, scope, issuer, expires_at)
	values (p_request_id, p_browser_hash, p_pepper_id, v_session, p_client_id, p_redirect_uri,
		p_state, p_code_challenge, p_resource, p_operation_id, p_scope, p_issuer,
		now() + make_interval(secs => p_ttl_s))
	on conflict (request_id) do nothing;

	return query select case when v_session is null then 'login' else 'consent' end;
end
$$;

-- What keeps a browser from signing in for a request: 'open' if nothing does, 'used' if
-- somebody has signed in for it, or one of the above.
-- for: nobody
create or replace function gatehouse.login_outcome(r gatehouse.authorization_request,
	p_browser_hashes bytea[])
returns text
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
begin
	return case
		when r.request_id is null then 'unknown'
		when not coalesce(r.browser_hash = any(p_browser_hashes), false) then 'other_browser'
		when r.decided_at is not null or r.session_hash is not null then 'used'
		when r.expires_at <= clock_timestamp() then 'expired'
		else 'open' end;
end
$$;

-- Ends a session. What it had begun and not decided ends with it.
-- for: nobody
create or replace function gatehouse.session_end(p_session_hash bytea)
returns void
language plpgsql
set search_path = gatehouse, pg_temp
as $$
begin
	delete from authorization_request a
	where a.session_hash = p_session_hash and a.decided_at is null;

	delete from browser_session s where s.session_hash = p_session_hash;
end
$$;

-- Begins a session for whoever signed in for a request, and gives the request to it. The session
-- that the browser had (p_old_hashes) ends; if it was the same person's, what it had begun goes on
-- under the new one: several tabs may be signing in at once.
-- Returns outcome: 'begun', 'used', or one of the above. A repetition finds its own row.
-- for: oauth
create or replace function gatehouse.session_begin(
	p_session_hash bytea, p_pepper_id text, p_subject text, p_name text, p_email text,
	p_claims bytea, p_ttl_s bigint, p_request_id uuid, p_browser_hashes bytea[],
	p_old_hashes bytea[], p_trace text)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	r authorization_request%rowtype;
	old browser_session%rowtype;
	v_outcome text;
begin
	select * into r from authorization_request a where a.request_id = p_request_id for update;
	if r.session_hash = p_session_hash then
		return query select 'begun';
		return;
	end if;
	v_outcome := case when r.request_id is null
		then sign_in_use(p_request_id, p_browser_hashes, p_session_hash)
		else login_outcome(r, p_browser_hashes) end;
	if v_outcome <> 'open' then
		return query select v_outcome;
		return;
	end if;

	insert into browser_session (session_hash, pepper_id, subject, name, email, claims, expires_at)
	values (p_session_hash, p_pepper_id, p_subject, p_name, p_email, p_claims,
		now() + make_interval(secs => p_ttl_s));

	update authorization_request a set session_hash = p_session_hash
	where a.request_id = p_request_id;

	for old in select * from browser_session s where s.session_hash = any(p_old_hashes) loop
		if old.subject = p_subject then
			update authorization_request a set session_hash = p_session_hash
			where a.session_hash = old.session_hash and a.decided_at is null;
		end if;
		perform session_end(old.session_hash);
	end loop;

	perform audit_add('session_begun', p_subject, null, r.client_id, p_trace,
		jsonb_build_object('before', null, 'after', jsonb_build_object('operation', r.operation_id)));
	return query select 'begun';
end
$$;

-- A live session, as a browser presents it: p_session_hashes are the cookie's under every usable
-- pepper, the primary's (whose id is p_pepper_id) first.
-- Returns subject, name, email, claims, expires_in (seconds).
-- for: oauth consent connect
create or replace function gatehouse.session_present(p_session_hashes bytea[], p_pepper_id text)
returns table (subject text, name text, email text, claims bytea, expires_in bigint)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	perform session_rehash(p_session_hashes, p_pepper_id);
	return query
	select s.subject, s.name, s.email, s.claims,
		extract(epoch from s.expires_at - now())::bigint
	from browser_session s
	where s.session_hash = any(p_session_hashes) and s.expires_at > now();
end
$$;

-- What keeps this browser and session from deciding this request: 'open' if nothing does.
-- for: nobody
create or replace function gatehouse.consent_outcome(r gatehouse.authorization_request,
	p_session_hashes bytea[], p_browser_hashes bytea[])
returns text
language plpgsql stable
set search_path = gatehouse, pg_temp
as $$
begin
	if r.request_id is null then
		return 'unknown';
	-- no cookie is an array that is null: what is unknown is not right
	elsif not coalesce(r.browser_hash = any(p_browser_hashes), false) then
		return 'other_browser';
	elsif not coalesce(r.session_hash = any(p_session_hashes), false)
			or not exists (select from browser_session s
				where s.session_hash = any(p_session_hashes)
				and s.expires_at > clock_timestamp()) then
		return 'other_session';
	elsif r.decided_at is not null then
		return 'decided';
	elsif r.expires_at <= clock_timestamp() then
		return 'expired';
	elsif not exists (select from client c where c.client_id = r.client_id
			and redirect_is_listed(c.redirect_uris, r.redirect_uri)) then
		return 'unknown';
	end if;
	return 'open';
end
$$;

-- What the consent page shows.
-- Returns outcome ('open', or one of the above), and where it is 'open' or 'decided':
-- client_id, client_name, client_kind, redirect_uri, state, resource, operation_id, scope,
-- issuer, subject, name, email.
-- for: consent
create or replace function gatehouse.consent_load(
	p_request_id uuid, p_session_hashes bytea[], p_browser_hashes bytea[])
returns table (outcome text, client_id text, client_name text, client_kind text,
	redirect_uri text, state text, resource text, operation_id text, scope text, issuer text,
	subject text, name text, email text)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
declare
	r authorization_request%rowtype;
	v_outcome text;
begin
	select * into r from authorization_request a where a.request_id = p_request_id;
	v_outcome := consent_outcome(r, p_session_hashes, p_browser_hashes);
	if v_outcome not in ('open', 'decided') then
		outcome := v_outcome;
		return next;
		return;
	end if;
	return query
	select v_outcome, r.client_id, c.name, c.kind, r.redirect_uri, r.state, r.resource,
		r.operation_id, r.scope, r.issuer, s.subject, s.name, s.email
	from client c, browser_session s
	where c.client_id = r.client_id and s.session_hash = r.session_hash;
end
$$;

-- Approves: the grant and its code in one transaction.
-- Returns outcome ('approved', or one of the above), and where it is 'approved': client_id,
-- client_name, redirect_uri, state, issuer, operation_id, subject. A repetition with the same
-- p_grant_id finds its own row.
-- for: consent
create or replace function gatehouse.consent_approve(
	p_request_id uuid, p_session_hashes bytea[], p_browser_hashes bytea[],
	p_grant_id uuid, p_code_hash bytea, p_pepper_id text, p_code_ttl_s int, p_grant_ttl_s bigint,
	p_trace text)
returns table (outcome text, client_id text, client_name text, redirect_uri text, state text,
	issuer text, operation_id text, subject text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	r authorization_request%rowtype;
	v_outcome text;
begin
	select * into r from authorization_request a where a.request_id = p_request_id for update;
	v_outcome := consent_outcome(r, p_session_hashes, p_browser_hashes);
	if v_outcome = 'open' then
		insert into grants (grant_id, client_id, subject, claims, login_id, redirect_uri, resource,
			operation_id, scope, expires_at)
		select p_grant_id, r.client_id, s.subject, s.claims, s.login_id, r.redirect_uri, r.resource,
			r.operation_id, r.scope, now() + make_interval(secs => p_grant_ttl_s)
		from browser_session s where s.session_hash = r.session_hash;

		insert into code (code_hash, pepper_id, grant_id, redirect_uri, code_challenge, expires_at)
		values (p_code_hash, p_pepper_id, p_grant_id, r.redirect_uri, r.code_challenge,
			clock_timestamp() + make_interval(secs => p_code_ttl_s));

		update authorization_request a set decided_at = now(), decision = 'approved'
		where a.request_id = r.request_id;

		update client c set granted_at = now(), last_used_at = now()
		where c.client_id = r.client_id;

		perform audit_add('consent_approved', g.subject, 'grant:' || g.grant_id, g.client_id, p_trace,
			jsonb_build_object('before', null, 'after', jsonb_build_object('operation', g.operation_id, 'scope', g.scope)))
		from grants g where g.grant_id = p_grant_id;
		v_outcome := 'approved';
	elsif v_outcome = 'decided'
			and exists (select from grants g where g.grant_id = p_grant_id) then
		v_outcome := 'approved';
	end if;
	if v_outcome <> 'approved' then
		outcome := v_outcome;
		return next;
		return;
	end if;
	return query
	select v_outcome, r.client_id, c.name, r.redirect_uri, r.state, r.issuer, r.operation_id,
		g.subject
	from grants g join client c on c.client_id = g.client_id
	where g.grant_id = p_grant_id;
end
$$;

-- Denies. Returns outcome ('denied', or one of the above), and where it is 'denied': client_id,
-- client_name, redirect_uri, state, issuer, operation_id, subject. To deny twice is to deny.
-- for: consent
create or replace function gatehouse.consent_deny(
	p_request_id uuid, p_session_hashes bytea[], p_browser_hashes bytea[], p_trace text)
returns table (outcome text, client_id text, client_name text, redirect_uri text, state text,
	issuer text, operation_id text, subject text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	r authorization_request%rowtype;
	v_outcome text;
begin
	select * into r from authorization_request a where a.request_id = p_request_id for update;
	v_outcome := consent_outcome(r, p_session_hashes, p_browser_hashes);
	if v_outcome = 'open' then
		update authorization_request a set decided_at = now(), decision = 'denied'
		where a.request_id = r.request_id;

		perform audit_add('consent_denied', s.subject, null, r.client_id, p_trace,
			jsonb_build_object('before', jsonb_build_object('operation', r.operation_id, 'scope', r.scope), 'after', null))
		from browser_session s where s.session_hash = r.session_hash;
		v_outcome := 'denied';
	elsif v_outcome = 'decided' and r.decision = 'denied' then
		v_outcome := 'denied';
	end if;
	if v_outcome <> 'denied' then
		outcome := v_outcome;
		return next;
		return;
	end if;
	return query
	select v_outcome, r.client_id, c.name, r.redirect_uri, r.state, r.issuer, r.operation_id,
		s.subject
	from client c, browser_session s
	where c.client_id = r.client_id and s.session_hash = r.session_hash;
end
$$;
