-- Sign-in through an identity provider. Outcomes are those of oauth-consent.sql.

-- Whether the browser may come back from the provider for this request: 'open', and once only where
-- p_return_id is not null (a code came; an error may be followed by a better try). A repetition with the same
-- id finds its own mark.
-- for: oauth
create or replace function gatehouse.login_return(p_request_id uuid, p_browser_hashes bytea[],
	p_return_id uuid)
returns table (outcome text, client_id text, client_name text, operation_id text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	r authorization_request%rowtype;
	v_outcome text;
begin
	select * into r from authorization_request a where a.request_id = p_request_id for update;
	if not found then
		return query
		select sign_in_back(p_request_id, p_browser_hashes, p_return_id), null, null, null;
		return;
	end if;
	v_outcome := login_outcome(r, p_browser_hashes);
	if v_outcome = 'open' and r.return_id is not null and r.return_id is distinct from p_return_id then
		v_outcome := 'used';
	elsif v_outcome = 'open' and p_return_id is not null then
		update authorization_request a set return_id = p_return_id where a.request_id = r.request_id;
	end if;
	return query
	select v_outcome, c.client_id, c.name, r.operation_id
	from (select 1) one left join client c on c.client_id = r.client_id;
end
$$;

-- Begins a session as session_begin() does, for whom a provider has vouched.
-- for: oauth
create or replace function gatehouse.login_finish(
	p_session_hash bytea, p_pepper_id text, p_subject text, p_name text, p_email text,
	p_claims bytea, p_ttl_s bigint, p_request_id uuid, p_browser_hashes bytea[],
	p_old_hashes bytea[], p_trace text, p_login_id uuid, p_issuer text, p_sid_hash bytea,
	p_tokens bytea)
returns table (outcome text)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	v_outcome text;
begin
	select b.outcome into v_outcome
	from session_begin(p_session_hash, p_pepper_id, p_subject, p_name, p_email, p_claims, p_ttl_s,
		p_request_id, p_browser_hashes, p_old_hashes, p_trace) b;
	if v_outcome = 'begun' then
		insert into login (login_id, issuer, subject, sid_hash, tokens)
		values (p_login_id, p_issuer, p_subject, p_sid_hash, p_tokens)
		on conflict do nothing;

		update browser_session s set login_id = p_login_id where s.session_hash = p_session_hash;
	end if;
	return query select v_outcome;
end
$$;

-- Ends the session of this browser. Grants stay: they are the clients'.
-- Returns subject, login_id and the sealed tokens (the last two null where no provider vouched); no row: nobody was
-- signed in.
-- for: oauth
create or replace function gatehouse.session_logout(p_session_hashes bytea[], p_trace text)
returns table (subject text, login_id uuid, tokens bytea)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	s browser_session%rowtype;
begin
	for s in select * from browser_session b where b.session_hash = any(p_session_hashes) loop
		perform session_end(s.session_hash);
		perform audit_add('session_ended', s.subject, null, null, p_trace,
			jsonb_build_object('before', jsonb_build_object('since', utc_text(s.created_at)), 'after', null, 'reason', 'logout'));
		return query
		select s.subject, l.login_id, l.tokens
		from (select 1) one left join login l on l.login_id = s.login_id;
	end loop;
end
$$;

-- The provider says that a person has signed out: all sessions and grants of the person end, whose subject, or
-- (where that is null) whose session at the provider is given.
-- Returns how many sessions and grants ended.
-- for: nobody
create or replace function gatehouse.provider_logout(p_issuer text, p_subject text, p_sid_hash bytea,
	p_trace text)
returns table (sessions bigint, grants bigint)
language plpgsql
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	v_subject text;
	v_id uuid;
	v_hash bytea;
begin
	sessions := 0;
	grants := 0;
	for v_subject in
		select p_subject where p_subject is not null
		union
		select l.subject from login l
		where p_subject is null and l.issuer = p_issuer and l.sid_hash = p_sid_hash
	loop
		for v_hash in select s.session_hash from browser_session s where s.subject = v_subject loop
			perform session_end(v_hash);
			sessions := sessions + 1;
		end loop;
		for v_id in select g.grant_id from gatehouse.grants g
			where g.subject = v_subject and g.revoked_at is null
			order by g.grant_id for update
		loop
			if grant_end(v_id, 'signed out at the identity provider', v_subject, p_trace) then
				grants := grants + 1;
			end if;
		end loop;
		-- whoever is still at the consent page had a session that is gone
		perform audit_add('provider_logout', v_subject, null, null, p_trace,
			jsonb_build_object('before', jsonb_build_object('sessions', sessions, 'grants', grants),
				'after', jsonb_build_object('sessions', 0, 'grants', 0)));
	end loop;
	return next;
end
$$;

-- Whether the caller logged in as the program that forwards calls, and as nothing more than that. (session_user is
-- who logged in, also where a function runs as its owner; with --single-role there may be no such roles.)
-- for: nobody
create or replace function gatehouse.login_is_mcp()
returns bool
language sql stable
set search_path = gatehouse, pg_temp
as $$
	select coalesce(pg_has_role(session_user, to_regrole('gatehouse_mcp'), 'member'), false)
		and not coalesce(pg_has_role(session_user, to_regrole('gatehouse_oauth'), 'member'), false)
$$;

-- What a caller's copy of a provider's document is kept as. Those who forward calls have copies of their own: what
-- oauth trusts, and for how long, is not theirs to say. A role that may act as oauth too (migrate --single-role)
-- has one copy for all.
-- for: nobody
create or replace function gatehouse.provider_document_name(p_url text)
returns text
language sql stable
set search_path = gatehouse, pg_temp
as $$
	select case when login_is_mcp() then 'mcp ' || p_url else p_url end
$$;

-- A document of a provider. No row: it was never fetched.
-- Returns body, age (seconds), fresh_in (seconds; 0 or less: ask again), fetched_at (microseconds, to see a newer
-- one by).
-- for: oauth mcp
create or replace function gatehouse.provider_document_find(p_url text)
returns table (body text, age bigint, fresh_in bigint, fetched_at bigint)
language plpgsql stable security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
begin
	return query
	select d.body, floor(extract(epoch from now() - d.fetched_at))::bigint,
		ceil(extract(epoch from d.fresh_until - now()))::bigint,
		(extract(epoch from d.fetched_at) * 1000000)::bigint
	from provider_document d
	where d.url = provider_document_name(p_url);
end
$$;

-- for: oauth mcp
create or replace function gatehouse.provider_document_put(p_url text, p_body text, p_fresh_s bigint)
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	insert into provider_document as d (url, body, fetched_at, fresh_until)
	values (provider_document_name(p_url), p_body, clock_timestamp(), now() + make_interval(secs => p_fresh_s))
	on conflict (url) do update
	set body = excluded.body, fetched_at = excluded.fetched_at, fresh_until = excluded.fresh_until;
end
$$;

-- Whether the caller may ask for the document before its time: of all workers one, once in p_interval_s.
-- Returns may; and else asking: another has asked, and not had its answer yet.
-- for: oauth mcp
create or replace function gatehouse.provider_document_ask(p_url text, p_interval_s int)
returns table (may boolean, asking boolean)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
begin
	update provider_document d set asked_at = clock_timestamp()
	where d.url = provider_document_name(p_url)
	and (d.asked_at is null or d.asked_at <= clock_timestamp() - make_interval(secs => p_interval_s));
	may := found;
	asking := not may and exists (select from provider_document d
		where d.url = provider_document_name(p_url) and d.asked_at > d.fetched_at
		and d.asked_at > clock_timestamp() - interval '10 seconds');
	return next;
end
$$;

-- Removes sign-ins of which nothing is left or came, and documents of providers that are no more. For oauth_step().
-- for: nobody
create or replace function gatehouse.login_step(p_limit int)
returns bigint
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	total bigint;
	n bigint;
begin
	delete from login where login_id in (
		select l.login_id from login l
		where l.created_at < now() - interval '1 hour'
		and not exists (select from browser_session s where s.login_id = l.login_id)
		and not exists (select from grants g where g.login_id = l.login_id)
		limit p_limit for update skip locked);
	get diagnostics total = row_count;

	delete from sign_in where request_id in (
		select i.request_id from sign_in i
		where i.expires_at < now() - interval '1 hour'
		limit p_limit for update skip locked);
	get diagnostics n = row_count;
	total := total + n;

	delete from provider_document where fetched_at < now() - interval '30 days';
	get diagnostics n = row_count;
	return total + n + statement_step(p_limit);
end
$$;

-- Whether the claims of a grant are older than p_max_age_s. 'fresh': no, or no provider vouched; 'busy': another is
-- renewing them; 'due': the caller is to renew them, for p_lease_s nobody else will. A repetition with the same
-- p_renew_id finds its own lease.
-- for: oauth
create or replace function gatehouse.login_due(p_grant_id uuid, p_max_age_s bigint, p_renew_id uuid,
	p_lease_s int)
returns table (outcome text, login_id uuid, issuer text, subject text, tokens bytea)
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
#variable_conflict use_column
declare
	l login%rowtype;
begin
	select x.* into l from login x join grants g on g.login_id = x.login_id
	where g.grant_id = p_grant_id and g.revoked_at is null and g.expires_at > now();
	if l.login_id is null or l.claims_at > now() - make_interval(secs => p_max_age_s) then
		return query select 'fresh', null::uuid, null, null, null::bytea;
		return;
	end if;

	-- whoever waited here sees what the other has done
	update login x
	set renew_id = p_renew_id, renew_until = clock_timestamp() + make_interval(secs => p_lease_s)
	where x.login_id = l.login_id and x.claims_at = l.claims_at
	and (x.renew_until is null or x.renew_until <= clock_timestamp() or x.renew_id = p_renew_id);
	return query
	select case when found then 'due' else 'busy' end, l.login_id, l.issuer, l.subject, l.tokens;
end
$$;

-- Ends a renewal. p_outcome: 'renewed' (p_claims null: the provider vouches, but said nothing new), 'failed' (not
-- tried again for some seconds), 'kept' (there is nobody to ask), 'lost': the provider does not vouch any more, and
-- what hangs on the sign-in ends, which is not for mcp to say. p_tokens null: as they were. Nothing happens for who
-- does not hold the lease.
-- for: oauth mcp
create or replace function gatehouse.login_renew(p_login_id uuid, p_renew_id uuid, p_outcome text,
	p_claims bytea, p_tokens bytea, p_trace text)
returns void
language plpgsql security definer
set search_path = gatehouse, pg_temp
as $$
declare
	v_id uuid;
	v_hash bytea;
begin
	if p_outcome = 'lost' and login_is_mcp() then
		raise exception 'only oauth may end what hangs on a sign-in' using errcode = 'insufficient_privilege';
	end if;
	perform from login l where l.login_id = p_login_id and l.renew_id = p_renew_id;
	if not found then
		return;
	end if;
	-- grants before the sign-in: the order in which everybody locks
	for v_id in select g.grant_id from grants g
		where g.login_id = p_login_id and g.revoked_at is null
		order by g.grant_id for update
	loop
		if p_outcome = 'lost' then
			perform grant_end(v_id, 'the identity provider vouches no more', null, p_trace);
		elsif p_outcome = 'renewed' and p_claims is not null then
			-- no notification: the refresh that asked gives a new access token, and what programs keep of the
			-- old one they keep for seconds
			update grants g set claims = p_claims where g.grant_id = v_id;
		end if;
	end loop;
	if p_outcome = 'lost' then
		for v_hash in select s.session_hash from browser_session s where s.login_id = p_login_id loop
			perform session_end(v_hash);
		end loop;
	elsif p_outcome = 'renewed' and p_claims is not null then
		update browser_session s set claims = p_claims where s.login_id = p_login_id;
	end if;
	update login l set
		renew_until = case when p_outcome = 'failed' then clock_timestamp() + interval '5 seconds' end, tokens = coalesce(p_tokens, l.tokens),
		claims_at = case when p_outcome = 'renewed' then clock_timestamp() else l.claims_at end
	where l.login_id = p_login_id and l.renew_id = p_renew_id;
end
$$;
